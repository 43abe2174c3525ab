"""Data that this container can change and another workload uses."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from scanner.context import Context
from scanner.model import Container
from scanner.paths import within
from scanner.rule import Evidence, Family, Fix, Flaw, Rule, Severity


class Parameters(msgspec.Struct, frozen=True):
    within_project: Annotated[
        bool, msgspec.Meta(description="Whether the services of a Compose project may share data")
    ] = False
    ignored: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="Paths of the host that hold no data; other rules judge them"),
    ] = ("/dev", "/proc", "/run", "/sys")


def check(container: Container, context: Context, parameters: Parameters) -> Iterator[Flaw]:
    found: dict[str, list[Evidence]] = {}
    for mount in container.mounts:
        if not mount.writable or within(mount.host_path or "", parameters.ignored):
            continue
        others = {
            other.workload
            for other, _ in context.mounted_elsewhere(container, mount)
            if not container.belongs_with(other, within_project=parameters.within_project)
        }
        if others:
            found.setdefault(mount.content, []).extend(
                (
                    Evidence("Mounts", mount.facts, "read-only here, or mounted nowhere else"),
                    Evidence("also mounted in", sorted(others)),
                )
            )
    for content, evidence in found.items():
        yield Flaw(tuple(evidence), sub_object=content)


RULE = Rule(
    slug="shared-writable-volume",
    title="Container can write to data that another workload uses",
    subject=Container,
    severity=Severity.MEDIUM,
    family=Family.RESOURCES,
    report="1.2(3)",
    reads=("Mounts", "HostConfig.Mounts", "volumes: Options", "Config.Labels"),
    why=(
        "Data that two workloads share join what the engine keeps apart: who takes over the one "
        "that writes can feed the other whatever it reads, programs and settings included."
    ),
    links=("https://docs.docker.com/engine/storage/volumes/#use-a-read-only-volume",),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary=(
            "Give each workload a volume of its own. Where data must be handed over, let one "
            "write and mount it read-only in all others, and allow the writer by an exception."
        ),
        side_effects=(
            'A program that writes to what becomes read-only fails with "read-only file system"; '
            "data that were handed over by the shared volume need another way."
        ),
        commands=(
            "docker inspect --format '{{json .Mounts}}' {name}",
            "docker ps --all --filter volume=VOLUME_OR_PATH",
        ),
    ),
)
