"""The score, formula 1. Pure: counts in, figures out; the one place that computes it.

Host score = 100 * sum over rules of w * pass / (pass + fail + excepted + unknown), divided by the
sum of w, with w = 10 / 5 / 2 / 1 for critical / high / medium / low. Each rule counts once, however
many units it judges, so that neither a noisy rule nor many replicas dominate. Not-applicable units
are outside. A fleet's score is the mean of its hosts' weighted by their criticality.

What could not be seen counts as it did when it was seen for the last time, for a window of grace,
and as not met from then on. Coverage knows no grace.
"""

import math
from collections.abc import Iterable
from datetime import timedelta
from fractions import Fraction
from typing import NamedTuple

FORMULA = 1
WEIGHTS = {3: 10, 2: 5, 1: 2, 0: 1}


class Counts(NamedTuple):
    """Units of one rule on one host. `severity` 0 (low) to 3 (critical). `held` are those of the
    unknown ones that passed when they were seen for the last time, within the window of grace."""

    severity: int
    passed: int
    failed: int
    excepted: int
    unknown: int
    held: int = 0


class Score(NamedTuple):
    """Percentages, not rounded. None: there was nothing to score.

    `posture` counts excepted units as not met, `accepted` counts them as met, `coverage` is the
    share of applicable units that could be judged.
    """

    posture: float | None
    accepted: float | None
    coverage: float | None


def host_score(rules: Iterable[Counts]) -> Score:
    # Exact until the end: a sum of thirds would otherwise fall just short of what it is.
    met = accepted = Fraction(0)
    weights = judged = applicable = 0
    for rule in rules:
        units = rule.passed + rule.failed + rule.excepted + rule.unknown
        if not units:
            continue
        weight = WEIGHTS[rule.severity]
        weights += weight
        met += Fraction(weight * (rule.passed + rule.held), units)
        accepted += Fraction(weight * (rule.passed + rule.held + rule.excepted), units)
        applicable += units
        judged += units - rule.unknown
    if not applicable:
        return Score(None, None, None)
    return Score(
        float(100 * met / weights), float(100 * accepted / weights), 100 * judged / applicable
    )


def silenced(rule: Counts, *, graced: bool) -> Counts:
    """What counts while the host is silent: nothing is seen, and within the window of grace what
    passed is held."""
    units = rule.passed + rule.failed + rule.excepted + rule.unknown
    return Counts(rule.severity, 0, 0, 0, units, rule.passed + rule.held if graced else 0)


def grace(scan_interval: int) -> timedelta:
    """Two scan intervals (of so many seconds), at least 6 and at most 48 hours."""
    return min(max(timedelta(seconds=2 * scan_interval), timedelta(hours=6)), timedelta(hours=48))


def fleet_score(hosts: Iterable[tuple[Score, int]]) -> Score:
    """Each host's score with its criticality. Hosts without data are left out of the mean, never
    counted as met; how many they are stands beside the score (coverage of hosts)."""
    scored = [(score, weight) for score, weight in hosts if score.posture is not None]
    total = sum(weight for _, weight in scored)
    if not total:
        return Score(None, None, None)
    return Score(
        *(
            math.fsum((score[figure] or 0.0) * weight for score, weight in scored) / total
            for figure in range(3)
        )
    )


def letter(posture: float | None, *, open_critical: int, open_high: int) -> str | None:
    """A to F by tens from 90 down; an open critical caps at D, an open high at B."""
    if posture is None:
        return None
    grade = "FFFFFFDCBAA"[math.floor(posture / 10)]
    if open_critical:
        return max(grade, "D")
    return max(grade, "B") if open_high else grade
