"""Without a health check in the image, every container of it needs one of its own."""

from collections.abc import Iterator

from scanner.context import Context
from scanner.model import Image
from scanner.rule import Family, Fix, Flaw, NoParameters, Rule, Severity, flaw


def check(image: Image, context: Context, parameters: NoParameters) -> Iterator[Flaw]:
    health = image.healthcheck
    if health is None:
        yield flaw("Config.Healthcheck", None, "a command that checks")
    elif health.disabled:
        yield flaw("Config.Healthcheck.Test", list(health.test), "a command that checks")


RULE = Rule(
    slug="image-healthcheck",
    title="Image has no health check",
    subject=Image,
    severity=Severity.LOW,
    family=Family.IMAGES,
    report="1.4(3)",
    cis=("4.6",),
    reads=("Config.Healthcheck",),
    why=(
        "Who made the image knows best how to ask its program whether it works. Without that, a "
        "container that hangs goes on as running until somebody complains."
    ),
    links=("https://docs.docker.com/reference/dockerfile/#healthcheck",),
    check=check,
    fix=Fix(
        summary="Put a command into the image that asks the program itself.",
        side_effects=(
            "The probe here is an example: it needs wget in the image and a server on port 8080. "
            "The command runs in each container every 30 seconds, with the container's limits."
        ),
        bad_dockerfile="HEALTHCHECK NONE\n",
        dockerfile=(
            "HEALTHCHECK --interval=30s --timeout=5s --retries=3 \\\n"
            "  CMD wget -q -O /dev/null http://127.0.0.1:8080/ || exit 1\n"
        ),
    ),
)
