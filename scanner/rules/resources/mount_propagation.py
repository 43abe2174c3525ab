"""A mount that passes on to the host what is mounted below it."""

from collections.abc import Iterator

from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container, Unread
from scanner.rule import Evidence, Family, Fix, Flaw, NoParameters, Rule, Severity

SHARED = {"shared", "rshared"}


def check(container: Container, context: Context, parameters: NoParameters) -> Iterator[Flaw]:
    found: dict[str, list[Evidence]] = {}
    for mount in container.mounts:
        if mount.propagation in SHARED:
            facts = {**mount.facts, "propagation": mount.propagation}
            fact = Evidence("Mounts", facts, "private, or slave to follow the host's mounts")
            found.setdefault(mount.content, []).append(fact)
    for content, evidence in found.items():
        yield Flaw(tuple(evidence), sub_object=content)
    if any(mount.propagation is None for mount in container.mounts):
        raise Unread("Mounts: Propagation", "the engine's answer lacks it")


def change(container: Container) -> Container:
    return replace(
        container,
        mounts=tuple(
            replace(mount, propagation="") if mount.propagation in SHARED else mount
            for mount in container.mounts
        ),
    )


RULE = Rule(
    slug="mount-propagation",
    title="Mount is shared with the host in both directions",
    subject=Container,
    severity=Severity.MEDIUM,
    family=Family.RESOURCES,
    report="1.2(3)",
    cis=("5.20",),
    reads=("Mounts",),
    why=(
        "With shared propagation, what the container mounts below the path appears on the host "
        "and in every other container that has it. A container that may mount can so put its own "
        "files over those of others."
    ),
    links=("https://docs.docker.com/engine/storage/bind-mounts/#configure-bind-propagation",),
    check=check,
    fix=Fix(
        summary=(
            "Leave the propagation private, or use rslave if the container must see what the host "
            "mounts later."
        ),
        side_effects=(
            "Storage drivers and mount helpers that mount for others from within a container need "
            "shared propagation: allow those by an exception."
        ),
        change=change,
        bad=("--volume=/srv/shared:/shared:rshared",),
    ),
)
