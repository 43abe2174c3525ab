"""What charts read: rolled up, or computed where the roll-up has not come to it yet."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from portal.accounts.models import User
from portal.compliance.actions.days import roll_up_days
from portal.compliance.models import GroupDay, HostDay, Posture, RuleSet, Silence
from portal.compliance.queries import history
from portal.compliance.score import Score
from portal.fleet.models import Host
from portal.fleet.queries import EVERYTHING, Scope
from tests.fleet import failed_scan, named, register, scan

pytestmark = pytest.mark.django_db

FIRST = date(2026, 11, 1)
MORNING = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
NOW = MORNING + 5 * DAY
TODAY = NOW.date()
RULE = "container-privileged"
DATA = Scope(owner="Data")


def figures(host: Host, offset: int, posture: float | None, **more: Any) -> None:
    """What scans of that day left of the host."""
    values = {"accepted": posture, "coverage": posture, "formula": 1, **more}
    HostDay.objects.create(host=host, day=FIRST + offset * DAY, posture=posture, **values)


def counts(host: Host, begin: int, end: int | None, *, rule: str = RULE, **more: int) -> None:
    Posture.objects.create(
        host=host,
        rule=rule,
        since=MORNING + begin * DAY,
        until=None if end is None else MORNING + end * DAY,
        severity=3,
        **more,
    )


@pytest.fixture
def hosts() -> list[Host]:
    """Two of Payments and one of Data, over six days."""
    one, two = (register(f"web-{number}", now=MORNING - DAY) for number in (1, 2))
    three = register("data-1", owner="Data", now=MORNING - DAY)
    figures(one, 0, 40.0, failed=3, critical=1)
    figures(one, 3, 60.0, by_fixes=25.0, by_regressions=-5.0, failed=2)
    figures(one, 5, 50.0, by_coverage=-10.0, failed=4)
    figures(two, 1, 100.0)
    figures(two, 4, 90.0, by_added=-10.0, failed=1)
    figures(three, 0, 20.0)
    figures(three, 5, 30.0, by_rules=10.0)
    return [one, two, three]


def postures(found: list[history.Point | None]) -> list[float | None]:
    return [point.score.posture if point else None for point in found]


def test_a_trend_has_a_point_for_each_day_rolled_up_or_not(hosts: list[Host]):
    roll_up_days(now=NOW)
    whole = history.trend(EVERYTHING, FIRST - DAY, TODAY, now=NOW)
    assert postures(whole) == [
        None,
        *(30.0, pytest.approx(160 / 3), pytest.approx(160 / 3), 60.0),
        *(pytest.approx(170 / 3), pytest.approx(170 / 3)),
    ]
    assert [point.hosts for point in whole if point] == [3] * 6
    assert [point.scored for point in whole if point] == [2, 3, 3, 3, 3, 3]
    assert [point.failed for point in whole if point] == [3, 3, 3, 2, 3, 5]
    assert [point.with_critical for point in whole if point] == [1, 1, 1, 0, 0, 0]
    assert [point.day for point in whole if point] == [FIRST + n * DAY for n in range(6)]


def test_a_scope_has_the_figures_of_its_own_hosts(hosts: list[Host]):
    roll_up_days(now=NOW)
    assert postures(history.trend(DATA, FIRST, TODAY, now=NOW)) == [20.0] * 5 + [30.0]
    nowhere = Scope(group="nothing")
    assert history.trend(nowhere, FIRST, TODAY, now=NOW) == [None] * 6


def test_groups_are_joined_by_their_weight(hosts: list[Host]):
    group = hosts[2].group
    group.criticality = 4
    group.save()
    roll_up_days(now=NOW)
    found = history.trend(EVERYTHING, FIRST, TODAY, now=NOW)
    assert postures(found)[0] == pytest.approx((40 + 4 * 20) / 5)
    assert postures(found)[-1] == pytest.approx((50 + 90 + 4 * 30) / 6)


def test_days_that_are_over_and_not_rolled_up_yet_leave_no_hole(hosts: list[Host]):
    roll_up_days(now=NOW)
    whole = history.trend(EVERYTHING, FIRST, TODAY, now=NOW)
    rules = history.failing_by_day(EVERYTHING, FIRST, TODAY, now=NOW)
    GroupDay.objects.all().delete()
    history.FillState.objects.all().delete()
    roll_up_days(now=NOW - DAY)
    assert not GroupDay.objects.filter(day=TODAY - DAY).exists()
    assert history.trend(EVERYTHING, FIRST, TODAY, now=NOW) == whole
    assert history.failing_by_day(EVERYTHING, FIRST, TODAY, now=NOW) == rules


def test_the_point_of_today_is_what_the_roll_up_will_say(hosts: list[Host]):
    counts(hosts[0], 5, None, passed=1, failed=2)
    roll_up_days(now=NOW)
    live = history.trend(EVERYTHING, TODAY, TODAY, now=NOW)
    of_rule = history.rule_trend(RULE, EVERYTHING, TODAY, TODAY, now=NOW)
    roll_up_days(now=NOW + DAY)
    assert history.trend(EVERYTHING, TODAY, TODAY, now=NOW + DAY) == live
    assert history.rule_trend(RULE, EVERYTHING, TODAY, TODAY, now=NOW + DAY) == of_rule
    assert of_rule == [history.RulePoint(TODAY, 1, 2, 0, 0, 0, 1)]


def test_days_to_come_have_no_data(hosts: list[Host]):
    ahead = history.trend(EVERYTHING, TODAY, TODAY + 2 * DAY, now=NOW)
    assert [bool(point) for point in ahead] == [True, False, False]


def parts(moved: history.Moved) -> dict[str, float]:
    return {name: value for name, value in moved._asdict().items() if isinstance(value, float)}


def test_why_it_moved_adds_up(hosts: list[Host]):
    roll_up_days(now=NOW)
    for first in range(5):
        for last in range(first, 6):
            found = history.moved(EVERYTHING, FIRST + first * DAY, FIRST + last * DAY, now=NOW)
            assert found is not None
            difference = (found.after.posture or 0) - (found.before.posture or 0)
            assert sum(parts(found).values()) == pytest.approx(difference, abs=1e-9)


def test_why_it_moved_says_by_what(hosts: list[Host]):
    roll_up_days(now=NOW)
    found = history.moved(EVERYTHING, FIRST + DAY, TODAY, now=NOW)
    assert found is not None
    assert {name: value for name, value in parts(found).items() if abs(value) > 1e-9} == {
        "fixes": pytest.approx(25 / 3),
        "regressions": pytest.approx(-5 / 3),
        "coverage": pytest.approx(-10 / 3),
        "added": pytest.approx(-10 / 3),
        "rules": pytest.approx(10 / 3),
    }


def test_a_host_that_comes_or_goes_moves_the_mean(hosts: list[Host]):
    roll_up_days(now=NOW)
    found = history.moved(EVERYTHING, FIRST, FIRST + DAY, now=NOW)
    assert found is not None
    assert found.before == Score(30.0, 30.0, 30.0)
    assert parts(found)["hosts_added"] == pytest.approx(160 / 3 - 30)
    hosts[1].delete()
    found = history.moved(EVERYTHING, FIRST + DAY, TODAY, now=NOW)
    assert found is not None
    assert parts(found)["hosts_removed"] == pytest.approx(30 - 160 / 3)
    assert parts(found)["added"] == 0


def test_another_weight_moves_it_too(hosts: list[Host]):
    roll_up_days(now=NOW - 3 * DAY)
    group = hosts[2].group
    group.criticality = 3
    group.save()
    found = history.moved(EVERYTHING, FIRST + DAY, FIRST + 2 * DAY, now=NOW)
    assert found is not None
    changed = {name: value for name, value in parts(found).items() if abs(value) > 1e-9}
    assert changed == {"weights": pytest.approx((40 + 100 + 60) / 5 - 160 / 3)}


def test_hosts_that_are_all_new_are_added(hosts: list[Host]):
    late = register("late", owner="Late", now=MORNING + 2 * DAY)
    roll_up_days(now=NOW - 2 * DAY)
    figures(late, 5, 70.0)
    assert history.moved(Scope(owner="Late"), FIRST, TODAY, now=NOW) is None
    for host in hosts[:2]:
        HostDay.objects.filter(host=host, day__lt=TODAY).update(posture=None)
    found = history.moved(Scope(owner="Payments"), FIRST + DAY, TODAY, now=NOW)
    assert found is not None
    assert parts(found)["hosts_added"] + parts(found)["hosts_removed"] == pytest.approx(
        (found.after.posture or 0) - (found.before.posture or 0)
    )


def test_without_a_score_at_both_ends_there_is_nothing_to_say(hosts: list[Host]):
    roll_up_days(now=NOW)
    assert history.moved(EVERYTHING, FIRST - DAY, TODAY, now=NOW) is None
    assert history.moved(Scope(group="nothing"), FIRST, TODAY, now=NOW) is None


@pytest.fixture
def rules(hosts: list[Host]) -> list[Host]:
    one, two, three = hosts
    counts(one, 0, 2, failed=2, passed=1)
    counts(one, 2, None, passed=3)
    counts(two, 1, 4, failed=1)
    counts(two, 4, None, passed=1, not_applicable=2)
    counts(three, 0, None, not_applicable=1)
    counts(one, 0, None, rule="other", failed=1)
    counts(two, 0, None, rule="held", passed=1)
    return hosts


def test_how_a_rule_went(rules: list[Host]):
    roll_up_days(now=NOW)
    found = history.rule_trend(RULE, EVERYTHING, FIRST - DAY, TODAY, now=NOW)
    assert [point and (point.failed, point.passed) for point in found] == [
        *(None, (2, 1), (3, 1), (1, 3), (1, 3), (0, 4), (0, 4)),
    ]
    assert [point.failing_hosts for point in found if point] == [1, 2, 1, 1, 0, 0]
    assert history.rule_trend("nothing", EVERYTHING, FIRST, TODAY, now=NOW) == [None] * 6


def test_what_failed_by_day(rules: list[Host]):
    roll_up_days(now=NOW)
    assert history.failing_by_day(EVERYTHING, FIRST - DAY, TODAY, now=NOW) == {
        RULE: [None, 2, 3, 1, 1, 0, 0],
        "other": [None, 1, 1, 1, 1, 1, 1],
        "held": [None, 0, 0, 0, 0, 0, 0],
    }
    assert history.failing_by_day(DATA, FIRST, TODAY, now=NOW) == {RULE: [0] * 6}


def test_since_when_a_rule_holds(rules: list[Host]):
    assert history.held_since(EVERYTHING) == {RULE: MORNING + 4 * DAY, "held": MORNING}
    roll_up_days(now=NOW)
    midnight = MORNING.replace(hour=0)
    assert history.held_since(EVERYTHING) == {RULE: MORNING + 4 * DAY, "held": midnight}
    assert history.held_since(DATA) == {}  # nothing passes where nothing applies


def test_a_rule_on_each_host_by_day(rules: list[Host]):
    ids = [host.pk for host in rules]
    Silence.objects.create(host=rules[0], since=MORNING + 3 * DAY, kind="refused")
    Silence.objects.create(host=rules[2], since=MORNING + 3 * DAY, kind="refused")
    counts(rules[2], 4, None, rule="other", unknown=1, passed=1)
    found = history.host_days(RULE, ids, FIRST - DAY, TODAY + DAY, now=NOW)
    assert list(found.values()) == [
        ["", "fail", "fail", "pass", "unknown", "unknown", "unknown", ""],
        ["", "", "fail", "fail", "fail", "pass", "pass", ""],
        ["", *["not_applicable"] * 6, ""],
    ]
    assert history.host_days("other", ids, TODAY, TODAY, now=NOW) == {
        ids[0]: ["unknown"],
        ids[1]: [""],
        ids[2]: ["unknown"],
    }


def test_what_beside_the_fleet_moved_the_figures(hosts: list[Host], alice: User):
    RuleSet.objects.create(version="0.4.0", since=MORNING + DAY)
    Silence.objects.create(
        host=hosts[0], since=MORNING + 2 * DAY, until=MORNING + 4 * DAY, kind="refused"
    )
    roll_up_days(now=NOW)
    assert history.marks(EVERYTHING, FIRST, TODAY) == [
        history.Mark(FIRST + DAY, "rules", "Rules of version 0.4.0"),
        history.Mark(FIRST + 2 * DAY, "gap", "1 of 3\N{NO-BREAK SPACE}hosts not read"),
    ]
    assert history.marks(DATA, FIRST, TODAY) == [
        history.Mark(FIRST + DAY, "rules", "Rules of version 0.4.0"),
    ]


@pytest.mark.parametrize("more", [0, 30])
def test_the_number_of_queries_is_the_same_at_any_size(
    rules: list[Host], more: int, django_assert_num_queries: Any
):
    for number in range(more):
        host = register(f"more-{number}", group=f"group {number}", now=MORNING)
        figures(host, 1, 50.0)
        counts(host, 1, None, passed=1)
    roll_up_days(now=NOW)
    ids = list(Host.objects.values_list("id", flat=True))
    for number, ask in (
        (3, lambda: history.trend(EVERYTHING, FIRST, TODAY, now=NOW)),
        (6, lambda: history.moved(EVERYTHING, FIRST, TODAY, now=NOW)),
        (3, lambda: history.rule_trend(RULE, EVERYTHING, FIRST, TODAY, now=NOW)),
        (3, lambda: history.failing_by_day(EVERYTHING, FIRST, TODAY, now=NOW)),
        (1, lambda: history.held_since(EVERYTHING)),
        (2, lambda: history.host_days(RULE, ids, FIRST, TODAY, now=NOW)),
        (4, lambda: history.marks(EVERYTHING, FIRST, TODAY)),
    ):
        with django_assert_num_queries(number):
            ask()


def test_scans_leave_a_history_that_adds_up():
    one = register("web-1", now=MORNING - DAY)
    two = register("web-2", now=MORNING - DAY)
    wrong, right = named("privileged", "reports"), named("isolation_plain", "reports")
    for host in (one, two):
        scan(host, wrong, now=MORNING)
    scan(one, right, now=MORNING + DAY)
    scan(two, wrong, named("isolation_plain", "more"), now=MORNING + 2 * DAY)
    failed_scan(two, now=MORNING + 3 * DAY)
    roll_up_days(now=NOW)
    points = history.trend(EVERYTHING, FIRST, TODAY, now=NOW)
    assert [point.silent for point in points if point] == [0, 0, 0, 1, 1, 1]
    assert [point.containers for point in points if point][:3] == [2, 2, 3]
    better, worse = points[1], points[0]
    assert better
    assert worse
    assert (better.score.posture or 0) > (worse.score.posture or 0)
    for first in range(5):
        for last in range(first, 6):
            found = history.moved(EVERYTHING, FIRST + first * DAY, FIRST + last * DAY, now=NOW)
            assert found is not None
            difference = (found.after.posture or 0) - (found.before.posture or 0)
            assert sum(parts(found).values()) == pytest.approx(difference, abs=1e-9)
            for foreign in ("hosts_added", "hosts_removed", "weights", "rules", "exceptions"):
                assert parts(found)[foreign] == pytest.approx(0, abs=1e-9)
    failing = history.rule_trend("privileged", EVERYTHING, FIRST, TODAY, now=NOW)
    assert [point and (point.failed, point.unknown) for point in failing] == [
        *((2, 0), (1, 0), (1, 0), (0, 2), (0, 2), (0, 2)),
    ]
    strip = history.host_days("privileged", [one.pk, two.pk], FIRST, TODAY, now=NOW)
    assert strip == {
        one.pk: ["fail", *["pass"] * 5],
        two.pk: [*["fail"] * 3, *["unknown"] * 3],
    }
