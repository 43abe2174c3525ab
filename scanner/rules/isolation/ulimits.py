"""Limits for the processes of a container, which a fault or an attack would otherwise exhaust."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container, Ulimit
from scanner.rule import Family, Fix, Flaw, Rule, Severity, flaw

FACT = "HostConfig.Ulimits"  # holds the daemon's defaults too


class Parameters(msgspec.Struct, frozen=True):
    required: Annotated[
        tuple[str, ...], msgspec.Meta(description="Limits that every container must have")
    ] = ("nofile", "nproc")
    ceilings: Annotated[
        dict[str, int], msgspec.Meta(description="The highest hard limit allowed, by name")
    ] = {}


def check(container: Container, context: Context, parameters: Parameters) -> Iterator[Flaw]:
    limits = {limit.name: limit for limit in container.ulimits}
    for name in dict.fromkeys((*parameters.required, *parameters.ceilings)):
        limit, ceiling = limits.get(name), parameters.ceilings.get(name)
        endless = limit is not None and limit.hard < 0  # -1 is no limit
        found = None if limit is None else {"soft": limit.soft, "hard": limit.hard}
        if ceiling is not None and limit is not None and (endless or limit.hard > ceiling):
            yield flaw(FACT, found, f"hard limit of at most {ceiling}", sub_object=name)
        elif name in parameters.required and (limit is None or endless):
            yield flaw(FACT, found, f"a limit for {name}", sub_object=name)


def change(container: Container) -> Container:
    limits = {"nofile": Ulimit("nofile", 1024, 65536), "nproc": Ulimit("nproc", 2048, 4096)}
    limits |= {limit.name: limit for limit in container.ulimits if limit.hard >= 0}
    return replace(container, ulimits=tuple(limits[name] for name in sorted(limits)))


RULE = Rule(
    slug="ulimits",
    title="Container has no limits for files and processes",
    subject=Container,
    severity=Severity.LOW,
    family=Family.ISOLATION,
    report="1.1(5)",
    cis=("5.19",),
    reads=(FACT,),
    why=(
        "Without limits of its own, a container takes those of the daemon, which are often none. A "
        "leak of open files or a flood of processes then uses up the host's, and the neighbours "
        "fail with it."
    ),
    links=(
        "https://docs.docker.com/reference/cli/docker/container/run/#ulimit",
        "https://docs.docker.com/reference/cli/dockerd/#default-ulimits",
    ),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Set limits for open files and processes, best as the daemon's default for all.",
        side_effects=(
            "The numbers are examples: databases and proxies need more open files. nproc counts "
            "all processes of the same user on the host, also those in other containers."
        ),
        change=change,
        bad=("--ulimit=core=0",),
        daemon={
            "default-ulimits": {
                "nofile": {"Name": "nofile", "Soft": 1024, "Hard": 65536},
                "nproc": {"Name": "nproc", "Soft": 2048, "Hard": 4096},
            }
        },
    ),
)
