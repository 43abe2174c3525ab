"""A container that the kernel spares when memory runs out, at the cost of all others."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container
from scanner.rule import Family, Fix, Flaw, Rule, Severity, flaw

DISABLED, SCORE = "HostConfig.OomKillDisable", "HostConfig.OomScoreAdj"


class Parameters(msgspec.Struct, frozen=True):
    lowest_score: Annotated[
        int, msgspec.Meta(ge=-1000, le=0, description="The lowest adjustment of the score allowed")
    ] = 0


def check(container: Container, context: Context, parameters: Parameters) -> Iterator[Flaw]:
    if container.oom_kill_disable:
        yield flaw(DISABLED, True, "false", sub_object="oom-kill-disable")
    if container.oom_score_adj < parameters.lowest_score:
        wanted = f"{parameters.lowest_score} or more"
        yield flaw(SCORE, container.oom_score_adj, wanted, sub_object="oom-score-adj")


def change(container: Container) -> Container:
    score = max(container.oom_score_adj, 0)
    return replace(container, oom_kill_disable=False, oom_score_adj=score)


RULE = Rule(
    slug="oom-killer",
    title="Container is spared when the host runs out of memory",
    subject=Container,
    severity=Severity.MEDIUM,
    family=Family.RESOURCES,
    report="1.2(1)",
    reads=(DISABLED, SCORE),
    why=(
        "When memory runs out, the kernel ends the program with the highest score. One that is "
        "exempt, or whose score is lowered, keeps its memory while others die for it, the engine "
        "and the host's own services included."
    ),
    links=(
        "https://docs.docker.com/engine/containers/resource_constraints/"
        "#understand-the-risks-of-running-out-of-memory",
    ),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Leave the out-of-memory killer on and the score as it is; set a limit instead.",
        side_effects=(
            "At its memory limit the container is ended and, by its restart policy, started again, "
            "where before it hung or others were ended for it."
        ),
        change=change,
        bad=("--oom-score-adj=-500",),
    ),
)
