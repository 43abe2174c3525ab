"""The tag names another image by now: the container still runs the old one."""

from collections.abc import Iterator

from scanner import references
from scanner.context import Context
from scanner.model import Container
from scanner.rule import Family, Fix, Flaw, NoParameters, NotApplicable, Rule, Severity, flaw


def check(container: Container, context: Context, parameters: NoParameters) -> Iterator[Flaw]:
    wanted = container.image_tag
    if wanted is None:
        raise NotApplicable("the container was started from a digest or an id, not from a tag")
    current = {
        image.id
        for image in context.images
        if wanted in (references.familiar(tag) for tag in image.tags)
    }
    if not current:
        raise NotApplicable(f"no image on the host bears the tag {wanted} any more")
    if container.image_id not in current:
        yield flaw("Image", container.image_id, f"{', '.join(sorted(current))}, now {wanted}")


RULE = Rule(
    slug="outdated-image",
    title="Container runs an older image than its tag names",
    subject=Container,
    severity=Severity.LOW,
    family=Family.LIFECYCLE,
    report="",
    cis=("5.28",),
    reads=("Config.Image", "Image", "images: RepoTags"),
    why=(
        "Somebody pulled or built another image under this tag, often to mend a vulnerability, "
        "and the container was not created again. It still runs what was to be replaced."
    ),
    links=("https://docs.docker.com/reference/cli/docker/image/pull/",),
    check=check,
    fix=Fix(
        summary="Create the container again from the image that its tag names now.",
        side_effects=(
            "What the container has written outside its volumes is lost. Keep the old image until "
            "the new one has proved itself."
        ),
        commands=(
            "docker compose up --detach --force-recreate  # in the project's directory",
            "docker stop {name} && docker rm {name}  # then run it again from {image}",
        ),
    ),
)
