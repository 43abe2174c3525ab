"""Images that have lost their name to a later build or pull, and run nowhere."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from scanner.context import Context
from scanner.model import Host
from scanner.rule import Evidence, Family, Fix, Flaw, Rule, Severity


class Parameters(msgspec.Struct, frozen=True):
    most: Annotated[
        int,
        msgspec.Meta(
            ge=0, description="How many images without a name a host may have that run nowhere"
        ),
    ] = 5


def check(host: Host, context: Context, parameters: Parameters) -> Iterator[Flaw]:
    used = context.known_used_images
    dangling = [image for image in context.images if not image.named and image.id not in used]
    if len(dangling) > parameters.most:
        found = {"images": len(dangling), "bytes": sum(image.size for image in dangling)}
        wanted = f"at most {parameters.most} without a name"
        yield Flaw((Evidence("images: RepoTags", found, wanted),))


RULE = Rule(
    slug="image-sprawl",
    title="Host keeps what is left of replaced images",
    subject=Host,
    severity=Severity.LOW,
    family=Family.IMAGES,
    report="",
    cis=("6.1",),
    reads=("images: RepoTags", "Image"),
    why=(
        "Each build and pull under the same tag leaves the image before it without a name. Nobody "
        "misses them, nobody mends them, and they fill the disk that containers write to."
    ),
    links=("https://docs.docker.com/engine/manage-resources/pruning/#prune-images",),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Remove images without a name, by a job that runs regularly.",
        side_effects="None for containers. Builds may take longer where they reused a layer.",
        commands=("docker image prune",),
    ),
)
