"""A memory limit that swap goes round."""

from collections.abc import Iterator

from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container
from scanner.rule import (
    Evidence,
    Family,
    Fix,
    Flaw,
    NoParameters,
    NotApplicable,
    Rule,
    Severity,
    Shown,
)

MEMORY, SWAP = "HostConfig.Memory", "HostConfig.MemorySwap"


def check(
    container: Container, context: Context, parameters: NoParameters
) -> Iterator[Flaw | Shown]:
    if container.memory <= 0:
        raise NotApplicable("without a memory limit there is none that swap could go round")
    limit, together = Evidence(MEMORY, container.memory), container.memory_swap
    if together < 0:
        yield Flaw((Evidence(SWAP, together, "a bound for memory and swap together"), limit))
    else:
        # 0 is not unlimited: the engine then allows as much swap again as memory.
        yield Shown((Evidence(SWAP, together or 2 * container.memory), limit))


def change(container: Container) -> Container:
    unbounded = container.memory > 0 and container.memory_swap < 0
    return replace(container, memory_swap=container.memory) if unbounded else container


RULE = Rule(
    slug="memory-swap-limit",
    title="Container with a memory limit may swap without bound",
    subject=Container,
    severity=Severity.LOW,
    family=Family.RESOURCES,
    report="1.2(1)",
    cis=("5.11",),
    reads=(MEMORY, SWAP),
    why=(
        "What exceeds the memory limit goes to the host's swap, as much as there is. The host then "
        "spends its time on moving pages, and everything on it slows down."
    ),
    links=(
        "https://docs.docker.com/engine/containers/resource_constraints/#--memory-swap-details",
    ),
    check=check,
    fix=Fix(
        summary=(
            "Bound memory and swap together: the same number as the memory limit means no swap, "
            "leaving it out means as much swap as memory."
        ),
        side_effects=(
            "A program that lived from swap is killed at its memory limit. Where the host's kernel "
            "does not count swap, the engine itself sets -1: boot it with swapaccount=1."
        ),
        change=change,
        bad=("--memory=256m", "--memory-swap=-1"),
    ),
)
