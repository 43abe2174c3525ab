"""Why a host's posture moved. Pure: the counts before, what became of each unit, points per cause.

The causes are applied to the counts one after the other, in the order of CAUSES; what the score
moves by at each step are that cause's points. Their sum is the whole difference.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from portal.compliance.score import Counts, host_score

CAUSES = ("fixes", "regressions", "added", "removed", "exceptions", "rules", "coverage")
"""The last one has what is left: what is seen no more, or again."""


class Flow(NamedTuple):
    """A unit of `rule` that was counted as `before` and is as `after`: "passed", "failed",
    "excepted", "unknown", "held", or "" where it is not there or not applicable."""

    rule: str
    before: str
    after: str
    cause: str


def points(
    before: Mapping[str, Counts], flows: Iterable[Flow], after: Mapping[str, Counts]
) -> dict[str, float]:
    """By cause. Without a score at either end nothing is attributed to anything."""
    moved = dict.fromkeys(CAUSES, 0.0)
    start, end = host_score(before.values()).posture, host_score(after.values()).posture
    if start is None or end is None:
        return moved
    by_cause: dict[str, list[Flow]] = {}
    for flow in flows:
        by_cause.setdefault(flow.cause, []).append(flow)
    counts, reached = dict(before), start
    for cause in CAUSES[:-1]:
        for flow in by_cause.get(cause, ()):
            _apply(counts, flow, after)
        if cause == "rules":
            counts = {rule: _weighed(found, after.get(rule)) for rule, found in counts.items()}
        elif cause not in by_cause:
            continue
        there = host_score(counts.values()).posture
        if there is not None:
            moved[cause], reached = there - reached, there
    moved["coverage"] = end - reached
    return moved


def _apply(counts: dict[str, Counts], flow: Flow, after: Mapping[str, Counts]) -> None:
    found = counts.get(flow.rule)
    if found is None:
        severity = after[flow.rule].severity if flow.rule in after else 0
        found = Counts(severity, 0, 0, 0, 0)
    found = _with(found, flow.before, -1)
    counts[flow.rule] = _with(found, flow.after, 1)


def _with(counts: Counts, state: str, amount: int) -> Counts:
    if not state:
        return counts
    # What is held is unknown too.
    names = ("unknown", "held") if state == "held" else (state,)
    changed = {name: max(getattr(counts, name) + amount, 0) for name in names}
    found = counts._replace(**changed)
    return found._replace(held=min(found.held, found.unknown))


def _weighed(counts: Counts, after: Counts | None) -> Counts:
    return counts if after is None else counts._replace(severity=after.severity)
