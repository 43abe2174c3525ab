"""Stopped containers that nobody has removed."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from scanner.context import Context
from scanner.model import Container, Host, Unread
from scanner.rule import Evidence, Family, Fix, Flaw, Rule, Severity, Shown

STATES = {"created", "exited", "dead"}
FACT = "State.Status"
MOST_NAMES = 20


class Parameters(msgspec.Struct, frozen=True):
    maximum: Annotated[
        int, msgspec.Meta(ge=0, description="How many stopped containers a host may keep")
    ] = 10


def check(host: Host, context: Context, parameters: Parameters) -> Iterator[Flaw | Shown]:
    stopped = sorted(c.name for c in context.containers if _stopped(c))
    facts = (
        Evidence("containers: stopped", len(stopped), f"at most {parameters.maximum}"),
        Evidence("containers: names", stopped[:MOST_NAMES]),
    )
    if len(stopped) > parameters.maximum:
        yield Flaw(facts)
        return
    for container in context.containers:
        container.status  # noqa: B018 - raises where it was not read: there may be more
    yield Shown(facts[:1])


def _stopped(container: Container) -> bool:
    try:
        return container.status in STATES
    except Unread:
        return False


RULE = Rule(
    slug="container-sprawl",
    title="Many stopped containers are kept on the host",
    subject=Host,
    severity=Severity.LOW,
    family=Family.ENGINE,
    report="",
    cis=("6.2",),
    reads=(FACT,),
    why=(
        "Stopped containers keep their data, and sometimes secrets, on the host's disk, and can "
        "be started again with an image and a configuration that nobody looks after. Among many "
        "of them one that matters is overlooked."
    ),
    links=("https://docs.docker.com/engine/manage-resources/pruning/",),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Remove what is not needed any more, and run what ends by itself with --rm.",
        side_effects="What a removed container wrote outside of volumes is gone, with its logs.",
        commands=(
            "docker ps --all --filter status=exited --filter status=created",
            "docker container prune",
        ),
    ),
)
