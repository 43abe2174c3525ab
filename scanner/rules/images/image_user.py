"""An image that names no user makes root of every container that names none either."""

from collections.abc import Iterator

from scanner.context import Context
from scanner.model import Container, Image, Unread
from scanner.rule import Family, Fix, Flaw, NoParameters, Rule, Severity, Shown, flaw, shown


def check(image: Image, context: Context, parameters: NoParameters) -> Iterator[Flaw | Shown]:
    user, uid = image.user, _uid(image)
    if context.host.remaps_users:
        yield shown("info: SecurityOptions", "the engine remaps users: root inside is not root")
    elif uid == 0:
        yield flaw("Config.User", user, "a user other than root, best by number")
    elif uid is None and any(_tells_root(container, image) for container in context.containers):
        yield flaw("Config.User", {"name": user, "uid": 0}, "a user whose number is not 0")
    else:
        yield shown("Config.User", user)


def _uid(image: Image) -> int | None:
    """None for a name, whose number stands in the image's files."""
    try:
        return image.uid
    except Unread:
        return None


def _tells_root(container: Container, image: Image) -> bool:
    """A name alone does not tell its number; a container of the image in which it was looked up
    does."""
    try:
        same = (container.image_id, container.user) == (image.id, image.user)
        return same and container.uid == 0
    except Unread:
        return False


RULE = Rule(
    slug="image-user",
    title="Image runs as root unless told otherwise",
    subject=Image,
    severity=Severity.MEDIUM,
    family=Family.IMAGES,
    report="1.4(2)",
    cis=("4.1",),
    reads=("Config.User", "info: SecurityOptions"),
    why=(
        "Whoever runs the image and names no user runs its program as root, which is root for the "
        "host's kernel too. A flaw in the program is then a step away from the whole host."
    ),
    links=("https://docs.docker.com/build/building/best-practices/#user",),
    check=check,
    fix=Fix(
        summary="Make a user in the image and switch to it, by number, as the last step.",
        side_effects=(
            "Files that the program writes must belong to that user, and it cannot listen below "
            "port 1024 everywhere. The number 1000 is an example."
        ),
        bad_dockerfile="USER 0:0\n",
        dockerfile="USER 1000:1000\n",
    ),
)
