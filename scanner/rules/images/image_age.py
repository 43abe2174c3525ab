"""An image gets no security updates after the day on which it was built."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from scanner.context import Context
from scanner.model import Image, Unread
from scanner.rule import Family, Fix, Flaw, Rule, Severity, flaw


class Parameters(msgspec.Struct, frozen=True):
    days: Annotated[
        int, msgspec.Meta(ge=1, le=36500, description="How many days old an image may be")
    ] = 180


def check(image: Image, context: Context, parameters: Parameters) -> Iterator[Flaw]:
    created = image.created_at
    if created.year < 2013:  # before there were images
        reason = f"the builder wrote no true date but {created:%Y-%m-%d}, to build the same twice"
        raise Unread("Created", reason)
    if (context.taken_at - created).days > parameters.days:
        wanted = f"at most {parameters.days} days before a scan"
        yield flaw("Created", f"{created:%Y-%m-%d}", wanted)


RULE = Rule(
    slug="image-age",
    title="Image was built long ago",
    subject=Image,
    severity=Severity.LOW,
    family=Family.IMAGES,
    report="",
    cis=("4.4",),
    reads=("Created",),
    why=(
        "Its packages are those of the day when it was built. What has been found and mended since "
        "then is still open in it, and in every container that it starts."
    ),
    links=("https://docs.docker.com/build/building/best-practices/#rebuild-your-images-often",),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary=(
            "Build the image anew on a fresh base, or pull the present one, and create its "
            "containers again. Do so regularly, and not only when something is known."
        ),
        side_effects="Newer packages may behave otherwise: let the image pass your tests first.",
        commands=("docker build --pull --no-cache --tag {image} .", "docker pull {image}"),
    ),
)
