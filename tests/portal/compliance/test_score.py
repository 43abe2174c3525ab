"""The score: counts in, figures out."""

import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.compliance.score import (
    WEIGHTS,
    Counts,
    Score,
    fleet_score,
    grace,
    host_score,
    letter,
    silenced,
)
from portal.core.display import percent

LOW, MEDIUM, HIGH, CRITICAL = range(4)

amounts = st.integers(0, 5000)
counts = st.builds(
    Counts, st.integers(0, 3), amounts, amounts, amounts, amounts, st.integers(0, 5000)
).map(lambda each: each._replace(held=min(each.held, each.unknown)))
several = st.lists(counts, max_size=12)
scored = st.lists(counts.filter(lambda c: sum(c[1:]) > 0), min_size=1, max_size=12)


def figure(rules: list[Counts], name: str = "posture") -> float:
    value = getattr(host_score(rules), name)
    assert isinstance(value, float)
    return value


def test_the_weights_are_those_of_the_formula() -> None:
    assert WEIGHTS == {CRITICAL: 10, HIGH: 5, MEDIUM: 2, LOW: 1}


def test_a_host_by_hand() -> None:
    # 10 * 3/4 + 5 * 2/2 + 2 * 0/3 + 1 * 1/2 = 13 of 18
    rules = [
        Counts(CRITICAL, 3, 1, 0, 0),
        Counts(HIGH, 2, 0, 0, 0),
        Counts(MEDIUM, 0, 2, 0, 1),
        Counts(LOW, 1, 1, 0, 0),
    ]
    score = host_score(rules)
    assert score.posture == score.accepted == 100 * 13 / 18
    assert score.coverage == 100 * 10 / 11


def test_an_exception_counts_as_met_in_the_accepted_figure_only() -> None:
    # 10 * 1/2 + 5 * 1/4 = 6.25 of 15; with the exceptions met 10 * 2/2 + 5 * 2/4 = 12.5 of 15
    rules = [Counts(CRITICAL, 1, 0, 1, 0), Counts(HIGH, 1, 2, 1, 0)]
    assert host_score(rules) == Score(100 * 6.25 / 15, 100 * 12.5 / 15, 100.0)


def test_unknown_is_not_met_and_lowers_the_coverage() -> None:
    assert host_score([Counts(HIGH, 1, 0, 0, 3)]) == Score(25.0, 25.0, 25.0)


def test_each_rule_counts_once_however_many_units_it_judges() -> None:
    few = [Counts(HIGH, 1, 1, 0, 0), Counts(HIGH, 1, 0, 0, 0)]
    many = [Counts(HIGH, 500, 500, 0, 0), Counts(HIGH, 1, 0, 0, 0)]
    assert figure(few) == figure(many) == 75.0


@pytest.mark.parametrize("rules", [[], [Counts(CRITICAL, 0, 0, 0, 0)]])
def test_where_nothing_was_judged_there_is_no_score(rules: list[Counts]) -> None:
    assert host_score(rules) == Score(None, None, None)


def test_a_rule_without_units_changes_nothing() -> None:
    rules = [Counts(HIGH, 1, 2, 0, 0)]
    assert host_score([*rules, Counts(CRITICAL, 0, 0, 0, 0)]) == host_score(rules)


def test_thirds_add_up() -> None:
    # 1/3 + 2/3 + 4/5 = 1.8 of 3: on the letter's edge, where a rounding error would cost one.
    rules = [Counts(LOW, 1, 2, 0, 0), Counts(LOW, 2, 1, 0, 0), Counts(LOW, 4, 1, 0, 0)]
    assert figure(rules) == 60.0
    assert letter(figure(rules), open_critical=0, open_high=0) == "D"


@given(scored)
def test_the_figures_stay_in_order_and_in_bounds(rules: list[Counts]) -> None:
    score = host_score(rules)
    assert score.posture is not None
    assert score.accepted is not None
    assert score.coverage is not None
    assert 0 <= score.posture <= score.accepted <= 100
    assert 0 <= score.coverage <= 100


@given(scored)
def test_only_where_everything_passes_it_is_100(rules: list[Counts]) -> None:
    whole = all(rule.failed + rule.excepted == 0 and rule.held == rule.unknown for rule in rules)
    assert (figure(rules) == 100) is whole
    assert (percent(figure(rules)) == "100\N{NO-BREAK SPACE}%") is whole


@given(several, counts.filter(lambda c: c.failed > 0))
def test_mending_never_lowers_it(rules: list[Counts], rule: Counts) -> None:
    mended = rule._replace(failed=rule.failed - 1, passed=rule.passed + 1)
    assert figure([*rules, mended]) >= figure([*rules, rule])
    assert figure([*rules, mended], "accepted") >= figure([*rules, rule], "accepted")


@given(several, counts.filter(lambda c: c.passed > 0), st.sampled_from(["failed", "unknown"]))
def test_a_pass_that_is_lost_never_raises_it(
    rules: list[Counts], rule: Counts, column: str
) -> None:
    lost = rule._replace(passed=rule.passed - 1, **{column: getattr(rule, column) + 1})
    assert figure([*rules, lost]) <= figure([*rules, rule])


@given(several, counts.filter(lambda c: c.failed > 0))
def test_what_cannot_be_read_any_more_never_raises_it(rules: list[Counts], rule: Counts) -> None:
    hidden = rule._replace(failed=rule.failed - 1, unknown=rule.unknown + 1)
    assert figure([*rules, hidden]) <= figure([*rules, rule])
    assert figure([*rules, hidden], "coverage") < figure([*rules, rule], "coverage")


@given(several, counts.filter(lambda c: c.failed > 0))
def test_an_exception_lowers_no_figure_and_raises_the_accepted_one(
    rules: list[Counts], rule: Counts
) -> None:
    excepted = rule._replace(failed=rule.failed - 1, excepted=rule.excepted + 1)
    assert figure([*rules, excepted]) == figure([*rules, rule])
    assert figure([*rules, excepted], "accepted") > figure([*rules, rule], "accepted")


@given(st.lists(counts, max_size=8), st.randoms())
def test_the_order_of_the_rules_does_not_matter(rules: list[Counts], random: object) -> None:
    shuffled = rules[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert host_score(shuffled) == host_score(rules)


def test_a_fleet_is_the_mean_of_its_hosts_by_criticality() -> None:
    hosts = [(Score(80.0, 90.0, 100.0), 1), (Score(50.0, 50.0, 60.0), 3)]
    assert fleet_score(hosts) == Score(57.5, 60.0, 70.0)


def test_a_host_without_data_is_left_out_of_the_mean_and_not_counted_as_met() -> None:
    nothing = Score(None, None, None)
    assert fleet_score([(Score(40.0, 40.0, 40.0), 1), (nothing, 9)]) == Score(40.0, 40.0, 40.0)
    assert fleet_score([(nothing, 1)]) == nothing
    assert fleet_score([]) == nothing
    assert fleet_score([(Score(40.0, 40.0, 40.0), 0)]) == nothing


@given(st.lists(st.tuples(scored, st.integers(1, 10)), min_size=1, max_size=6))
def test_a_fleet_lies_between_its_hosts(hosts: list[tuple[list[Counts], int]]) -> None:
    scores = [(host_score(rules), weight) for rules, weight in hosts]
    values = [score.posture for score, _ in scores if score.posture is not None]
    mean = fleet_score(scores).posture
    assert mean is not None
    assert min(values) - 1e-9 <= mean <= max(values) + 1e-9


def test_one_host_below_100_keeps_the_fleet_below_100() -> None:
    whole = (Score(100.0, 100.0, 100.0), 1)
    mean = fleet_score([*[whole] * 999, (Score(99.9, 100.0, 100.0), 1)]).posture
    assert percent(mean) == "99.9\N{NO-BREAK SPACE}%"
    assert percent(fleet_score([whole] * 999).posture) == "100\N{NO-BREAK SPACE}%"


@pytest.mark.parametrize(
    ("posture", "grade"),
    [
        (100.0, "A"),
        (90.0, "A"),
        (math.nextafter(90, 0), "B"),
        (80.0, "B"),
        (79.99, "C"),
        (70.0, "C"),
        (60.0, "D"),
        (59.9, "F"),
        (0.0, "F"),
        (None, None),
    ],
)
def test_letters_go_by_tens(posture: float | None, grade: str | None) -> None:
    assert letter(posture, open_critical=0, open_high=0) == grade


@pytest.mark.parametrize(
    ("posture", "critical", "high", "grade"),
    [
        (95.0, 0, 1, "B"),
        (95.0, 1, 0, "D"),
        (95.0, 2, 5, "D"),
        (75.0, 0, 1, "C"),
        (30.0, 1, 1, "F"),
        (None, 1, 1, None),
    ],
)
def test_what_is_open_caps_the_letter(
    posture: float | None, critical: int, high: int, grade: str | None
) -> None:
    assert letter(posture, open_critical=critical, open_high=high) == grade


@given(st.lists(st.tuples(scored, st.integers(1, 10)), min_size=1, max_size=6), st.randoms())
def test_the_order_of_the_hosts_does_not_matter(
    hosts: list[tuple[list[Counts], int]], random: object
) -> None:
    scores = [(host_score(rules), weight) for rules, weight in hosts]
    mean = fleet_score(scores)
    random.shuffle(scores)  # type: ignore[attr-defined]
    assert fleet_score(scores) == mean


@given(
    st.lists(st.tuples(scored, st.integers(1, 10)), min_size=1, max_size=6), st.integers(0, 10**6)
)
def test_clean_containers_move_their_host_and_the_fleet_by_no_more_than_its_share(
    hosts: list[tuple[list[Counts], int]], clean: int
) -> None:
    scores = [(host_score(rules), weight) for rules, weight in hosts]
    (rules, share), others = hosts[0], scores[1:]
    padded = host_score([rule._replace(passed=rule.passed + clean) for rule in rules])
    before = fleet_score(scores).posture or 0
    after = fleet_score([(padded, share), *others]).posture or 0
    lacks = 100 - figure(rules)
    assert -1e-9 <= after - before <= lacks * share / sum(weight for _, weight in hosts) + 1e-9


@given(scored)
def test_silence_keeps_what_passed_for_the_grace_and_nothing_after_it(rules: list[Counts]) -> None:
    graced = host_score(silenced(rule, graced=True) for rule in rules)
    assert graced.posture == figure(rules)
    assert graced.coverage == 0
    assert host_score(silenced(rule, graced=False) for rule in rules) == Score(0, 0, 0)


@pytest.mark.parametrize(
    ("interval", "hours"), [(60, 6), (3 * 3600, 6), (4 * 3600, 8), (86_400, 48), (604_800, 48)]
)
def test_the_grace_is_two_intervals_within_bounds(interval: int, hours: int) -> None:
    assert grace(interval) == timedelta(hours=hours)
