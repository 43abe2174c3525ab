"""A container without a memory limit can take all of the host's."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container
from scanner.rule import Family, Fix, Flaw, Rule, Severity, Shown, flaw, shown

FACT = "HostConfig.Memory"
SWAP_FACT = "HostConfig.MemorySwap"
MIB = 1024**2


class Parameters(msgspec.Struct, frozen=True):
    maximum_mib: Annotated[
        int, msgspec.Meta(ge=0, description="The highest limit allowed, in MiB; 0 for any")
    ] = 0
    bounded_swap: Annotated[
        bool, msgspec.Meta(description="Whether a limit counts only if swap has a bound too")
    ] = False


def check(container: Container, context: Context, parameters: Parameters) -> Iterator[Flaw | Shown]:
    limit, ceiling = container.memory, parameters.maximum_mib * MIB
    if limit <= 0:
        yield flaw(FACT, limit, "a limit in bytes")
    elif ceiling and limit > ceiling:
        yield flaw(FACT, limit, f"at most {ceiling} bytes")
    elif parameters.bounded_swap and container.memory_swap < 0:
        yield flaw(SWAP_FACT, container.memory_swap, "a bound for memory and swap together")
    else:
        yield shown(FACT, limit)


def change(container: Container) -> Container:
    limit = container.memory
    if limit <= 0:
        # The engine refuses a limit below what is reserved.
        limit = max(512 * MIB, container.memory_reservation)
    swap = container.memory_swap
    return replace(container, memory=limit, memory_swap=limit if swap < 0 else swap)


RULE = Rule(
    slug="memory-limit",
    title="Container has no memory limit",
    subject=Container,
    severity=Severity.HIGH,
    family=Family.RESOURCES,
    report="1.2(1)",
    cis=("5.11",),
    reads=(FACT, SWAP_FACT),
    why=(
        "A container without a limit may use all the memory of the host. A leak or an attack in "
        "it then makes the kernel kill programs of other containers, or of the host itself."
    ),
    links=("https://docs.docker.com/engine/containers/resource_constraints/#memory",),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Give the container a memory limit a little above what it has needed so far.",
        side_effects=(
            "The number is an example. A program that needs more than its limit is killed, which "
            "shows as exit code 137 and OOMKilled. Measure first with docker stats under load."
        ),
        change=change,
        bad=("--memory=0",),
    ),
)
