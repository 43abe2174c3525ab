"""Under a tag that moves, nobody can say which program really runs."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container
from scanner.rule import Family, Fix, Flaw, Rule, Severity, flaw


class Parameters(msgspec.Struct, frozen=True):
    moving_tags: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="Tags that are pushed again and again; no tag means latest"),
    ] = ("latest",)


def check(container: Container, context: Context, parameters: Parameters) -> Iterator[Flaw]:
    tag = container.image_tag
    if tag is not None and tag.rpartition(":")[2] in parameters.moving_tags:
        yield flaw("Config.Image", container.image, "a digest or the tag of a version")


def change(container: Container) -> Container:
    return replace(container, image=container.image_id or container.image)


RULE = Rule(
    slug="mutable-image-tag",
    title="Container runs an image under a tag that moves",
    subject=Container,
    severity=Severity.LOW,
    family=Family.LIFECYCLE,
    report="",
    cis=("5.28",),
    reads=("Config.Image", "Image"),
    why=(
        "The tag names another image after the next pull: two hosts run different programs under "
        "one name, and a rollback does not bring the old one back. Whoever can push that tag "
        "decides what runs here."
    ),
    links=("https://docs.docker.com/build/building/best-practices/#pin-base-image-versions",),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary=(
            "Name the image by the tag of a version, or by its digest from the registry. Its id, "
            "as here, pins what runs now on this host only."
        ),
        side_effects="Updates no longer come by themselves: raise the version on purpose.",
        change=change,
        bad_image="plimsoll/busybox:latest",
        commands=("docker image inspect --format '{{json .RepoDigests}}' {image}",),
    ),
)
