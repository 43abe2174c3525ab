"""Images that no container was made from."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from scanner.context import Context
from scanner.model import Host
from scanner.rule import Evidence, Family, Fix, Flaw, Rule, Severity

NAMED = 10  # names that the evidence gives


class Parameters(msgspec.Struct, frozen=True):
    most: Annotated[
        int,
        msgspec.Meta(
            ge=0, description="How many images with a name a host may have that no container uses"
        ),
    ] = 10


def check(host: Host, context: Context, parameters: Parameters) -> Iterator[Flaw]:
    used = context.known_used_images
    unused = sorted(i.name for i in context.images if i.named and i.id not in used)
    if len(unused) > parameters.most:
        found = {"images": len(unused), "among them": unused[:NAMED]}
        wanted = f"at most {parameters.most} that no container uses"
        yield Flaw((Evidence("images: RepoTags", found, wanted),))


RULE = Rule(
    slug="image-unused",
    title="Host keeps many images that no container uses",
    subject=Host,
    severity=Severity.LOW,
    family=Family.IMAGES,
    report="",
    cis=("6.1",),
    reads=("images: RepoTags", "Image"),
    why=(
        "Whatever lies on the host is started by a slip of the tag, with holes that were mended "
        "long ago elsewhere. It also fills the disk that containers write to."
    ),
    links=("https://docs.docker.com/engine/manage-resources/pruning/#prune-images",),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Remove images that nothing uses, by a job that runs regularly.",
        side_effects=(
            "They must be pulled or built again before the next use. Images that are kept for a "
            "rollback, or for jobs that start now and then, go too: filter by label or age."
        ),
        commands=("docker image prune --all --filter until=720h",),
    ),
)
