"""A container that may start processes without end."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container
from scanner.rule import Family, Fix, Flaw, Rule, Severity, Shown, flaw, shown

FACT = "HostConfig.PidsLimit"
CEILING = 4096  # what large Kubernetes distributions allow a pod


class Parameters(msgspec.Struct, frozen=True):
    maximum: Annotated[
        int, msgspec.Meta(ge=0, description="The highest limit allowed; 0 for any")
    ] = CEILING


def check(container: Container, context: Context, parameters: Parameters) -> Iterator[Flaw | Shown]:
    limit = container.pids_limit
    if limit is None or limit <= 0:  # null, 0 and -1 all mean none
        yield flaw(FACT, limit, "a number of processes")
    elif parameters.maximum and limit > parameters.maximum:
        yield flaw(FACT, limit, f"at most {parameters.maximum}")
    else:
        yield shown(FACT, limit)


def change(container: Container) -> Container:
    limited = 0 < (container.pids_limit or 0) <= CEILING
    return container if limited else replace(container, pids_limit=512)


RULE = Rule(
    slug="pids-limit",
    title="Container has no limit for its number of processes",
    subject=Container,
    severity=Severity.MEDIUM,
    family=Family.RESOURCES,
    report="1.2",
    cis=("5.29",),
    reads=(FACT,),
    why=(
        "The kernel has one table of processes for all containers. A fork bomb in one of them "
        "fills it, and then neither the others nor the host can start anything, not even a shell "
        "to end it."
    ),
    links=("https://docs.docker.com/reference/cli/docker/container/run/#pids-limit",),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Limit the number of processes to a few times what the container normally has.",
        side_effects=(
            "Threads count as processes. At the limit the program cannot start another one and "
            'reports "resource temporarily unavailable"; docker stats shows how many it has.'
        ),
        change=change,
        bad=("--pids-limit=-1",),
    ),
)
