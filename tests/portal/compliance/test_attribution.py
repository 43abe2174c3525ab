"""Why a posture moved: the points of all causes are the whole difference, and each has its own."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.compliance.attribution import CAUSES, Flow, points
from portal.compliance.score import Counts, host_score

STATES = ("", "passed", "failed", "excepted", "unknown", "held")
units = st.lists(
    st.tuples(
        st.sampled_from(["privileged", "root-user", "memory-limit"]),
        st.sampled_from(STATES),
        st.sampled_from(STATES),
        st.sampled_from(CAUSES),
    ),
    min_size=1,
    max_size=40,
)
SEVERITIES = {"privileged": 3, "root-user": 2, "memory-limit": 1}


def counts(found: list[tuple[str, str]]) -> dict[str, Counts]:
    made: dict[str, Counts] = {}
    for rule, state in found:
        held = made.setdefault(rule, Counts(SEVERITIES[rule], 0, 0, 0, 0))
        if state == "held":
            made[rule] = held._replace(unknown=held.unknown + 1, held=held.held + 1)
        elif state:
            made[rule] = held._replace(**{state: getattr(held, state) + 1})
    return made


def told(found: list[tuple[str, str, str, str]]) -> tuple[Any, Any, dict[str, float]]:
    before = counts([(rule, old) for rule, old, _, _ in found])
    after = counts([(rule, new) for rule, _, new, _ in found])
    flows = [Flow(*unit) for unit in found if unit[1] != unit[2]]
    start, end = host_score(before.values()).posture, host_score(after.values()).posture
    return start, end, points(before, flows, after)


@given(units)
def test_the_points_are_the_whole_difference(found: list[tuple[str, str, str, str]]):
    start, end, moved = told(found)
    assert list(moved) == list(CAUSES)
    if start is None or end is None:
        assert set(moved.values()) == {0.0}
    else:
        assert sum(moved.values()) == pytest.approx(end - start, abs=1e-9)


@given(units)
def test_what_did_not_happen_has_no_points(found: list[tuple[str, str, str, str]]):
    happened = {cause for _, old, new, cause in found if old != new}
    start, _, moved = told(found)
    # Where a score begins only on the way, what came before it has nowhere to go but the rest.
    if start is None or "coverage" in happened:
        return
    for cause in set(CAUSES) - happened - {"coverage"}:
        assert moved[cause] == 0


@given(units)
def test_fixes_raise_and_regressions_lower(found: list[tuple[str, str, str, str]]):
    fixed = [(rule, "failed", "passed", "fixes") for rule, *_ in found]
    _, _, moved = told(fixed)
    assert moved["fixes"] == pytest.approx(100)
    _, _, moved = told([(rule, "passed", "failed", "regressions") for rule, *_ in found])
    assert moved["regressions"] == pytest.approx(-100)


def test_a_rule_that_weighs_more_now_is_the_rules_doing():
    before = {"privileged": Counts(0, 0, 1, 0, 0), "root-user": Counts(2, 1, 0, 0, 0)}
    after = {"privileged": Counts(3, 0, 1, 0, 0), "root-user": Counts(2, 1, 0, 0, 0)}
    moved = points(before, [], after)
    assert moved["rules"] == pytest.approx(100 * 5 / 15 - 100 * 5 / 6)
    assert sum(moved.values()) == moved["rules"]


def test_each_in_its_turn():
    # Two of four pass. One is mended, one breaks, and a clean container comes: 3 of 5.
    before = {"privileged": Counts(3, 2, 2, 0, 0)}
    after = {"privileged": Counts(3, 3, 2, 0, 0)}
    flows = [
        Flow("privileged", "failed", "passed", "fixes"),
        Flow("privileged", "passed", "failed", "regressions"),
        Flow("privileged", "", "passed", "added"),
    ]
    moved = points(before, flows, after)
    assert moved["fixes"] == pytest.approx(25)
    assert moved["regressions"] == pytest.approx(-25)
    assert moved["added"] == pytest.approx(10)
    assert sum(moved.values()) == pytest.approx(10)
