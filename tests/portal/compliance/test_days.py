"""Days that are over, filled in: in time or late, killed half-way or run twice."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.compliance.actions import days
from portal.compliance.actions.days import roll_up_days
from portal.compliance.models import (
    FillState,
    GroupDay,
    HostDay,
    Posture,
    RuleDay,
    Silence,
    Statistic,
)
from portal.fleet.models import Host
from tests.fleet import register

pytestmark = pytest.mark.django_db

FIRST = date(2026, 11, 1)
MORNING = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
RULE = "container-privileged"


def figures(host: Host, day: date, posture: float | None, **more: Any) -> None:
    """What a scan would have left of the host on that day."""
    values = {"accepted": posture, "coverage": posture and 100.0, "formula": 1, **more}
    HostDay.objects.update_or_create(host=host, day=day, defaults={"posture": posture, **values})


def counts(host: Host, since: datetime, until: datetime | None, **more: int) -> None:
    Posture.objects.create(host=host, rule=RULE, since=since, until=until, severity=3, **more)


def rows(model: Any) -> list[dict[str, Any]]:
    found = [{**row, "id": 0} for row in model.objects.order_by("day", "group").values()]
    assert found
    return found


@pytest.fixture
def hosts() -> list[Host]:
    """Two of one group and one of another, over four days."""
    found = [register(f"web-{number}", now=MORNING - DAY) for number in (1, 2)]
    found.append(register("data-1", owner="Data", now=MORNING - DAY))
    one, two, three = found
    figures(one, FIRST, 50.0, critical=2, passed=10, failed=2, containers=3)
    figures(one, FIRST + 2 * DAY, 100.0, passed=12, containers=3)
    figures(two, FIRST + DAY, 70.0, low=1, passed=3, failed=1, containers=1)
    figures(three, FIRST, None)
    counts(one, MORNING, MORNING + 2 * DAY, passed=1, failed=2)
    counts(one, MORNING + 2 * DAY, None, passed=3)
    counts(two, MORNING + DAY, None, failed=1, unknown=1, not_applicable=4)
    return found


def test_a_day_is_filled_in_once_it_is_over_and_not_before(hosts: list[Host]):
    assert roll_up_days(now=MORNING) == 0
    midnight = MORNING.replace(hour=0) + DAY
    assert roll_up_days(now=midnight + timedelta(minutes=5)) == 0
    assert roll_up_days(now=midnight + timedelta(minutes=7)) == 2
    assert {(state.statistic, state.day, state.done) for state in FillState.objects.all()} == {
        ("groups", FIRST, True),
        ("rules", FIRST, True),
    }
    assert roll_up_days(now=midnight + timedelta(hours=23)) == 0


def test_a_group_is_its_hosts_together(hosts: list[Host]):
    roll_up_days(now=MORNING + 4 * DAY)
    found = {
        (row.group.owner, row.day - FIRST): row for row in GroupDay.objects.select_related("group")
    }
    first, second = found["Payments", 0 * DAY], found["Payments", DAY]
    assert (first.hosts, first.scored, first.posture, first.weight) == (2, 1, 50.0, 1)
    assert (first.with_critical, first.critical, first.containers) == (1, 2, 3)
    assert (second.hosts, second.scored, second.posture) == (2, 2, 60.0)
    assert (second.passed, second.failed, second.containers) == (13, 3, 4)
    assert found["Payments", 3 * DAY].posture == 85.0
    data = found["Data", 3 * DAY]
    assert (data.hosts, data.scored, data.posture, data.weight) == (1, 0, None, 0)


def test_a_rule_has_the_counts_that_held_at_the_end_of_the_day(hosts: list[Host]):
    roll_up_days(now=MORNING + 4 * DAY)
    found = {row.day - FIRST: row for row in RuleDay.objects.filter(rule=RULE)}
    assert [(found[d * DAY].passed, found[d * DAY].failed) for d in range(4)] == [
        (1, 2),
        (1, 3),
        (3, 1),
        (3, 1),
    ]
    second = found[DAY]
    assert (second.hosts, second.failing_hosts, second.unknown, second.not_applicable) == (
        *(2, 2, 1, 4),
    )


def test_what_happens_at_midnight_belongs_to_the_day_that_begins(hosts: list[Host]):
    midnight = MORNING.replace(hour=0) + DAY
    Posture.objects.all().delete()
    counts(hosts[0], MORNING, midnight, failed=1)
    counts(hosts[0], midnight, None, passed=1)
    roll_up_days(now=MORNING + 3 * DAY)
    assert list(RuleDay.objects.order_by("day").values_list("failed", "passed")) == [
        (1, 0),
        (0, 1),
        (0, 1),
    ]


def test_units_of_a_host_that_could_not_be_read_are_unknown(hosts: list[Host]):
    Silence.objects.create(
        host=hosts[0], since=MORNING + DAY, until=MORNING + 2 * DAY, kind="refused"
    )
    Silence.objects.create(host=hosts[2], since=MORNING, kind="refused")
    roll_up_days(now=MORNING + 3 * DAY)
    second, third = RuleDay.objects.filter(day__gt=FIRST).order_by("day")
    assert (second.passed, second.failed, second.unknown) == (0, 1, 4)
    assert (second.failing_hosts, second.hosts) == (1, 2)
    assert (third.passed, third.failed, third.unknown) == (3, 1, 1)
    silent = GroupDay.objects.order_by("day", "group__owner").values_list("group__owner", "silent")
    assert list(silent) == [
        *(("Data", 1), ("Payments", 0)),
        *(("Data", 1), ("Payments", 1)),
        *(("Data", 1), ("Payments", 0)),
    ]


def test_filled_in_late_it_is_what_it_was_in_time(hosts: list[Host]):
    for number in range(1, 8):
        roll_up_days(now=MORNING + number * DAY)
    in_time = rows(GroupDay), rows(RuleDay)
    for model in (GroupDay, RuleDay, FillState):
        model.objects.all().delete()
    assert roll_up_days(now=MORNING + 7 * DAY) == 14
    assert (rows(GroupDay), rows(RuleDay)) == in_time


def test_a_day_that_was_begun_is_filled_in_anew(hosts: list[Host]):
    roll_up_days(now=MORNING + 3 * DAY)
    whole = rows(GroupDay), rows(RuleDay)
    for statistic in Statistic:
        FillState.objects.filter(statistic=statistic).update(done=False)
    GroupDay.objects.filter(day=FIRST + 2 * DAY).update(posture=0)
    RuleDay.objects.filter(day=FIRST + 2 * DAY).delete()
    assert roll_up_days(now=MORNING + 3 * DAY) == 2
    assert (rows(GroupDay), rows(RuleDay)) == whole


def test_killed_within_a_day_nothing_of_it_is_there_and_the_next_run_fills_it_in(
    hosts: list[Host],
):
    class Killed(Exception):
        pass

    def kill(execute: Any, sql: str, *more: Any) -> Any:
        found = execute(sql, *more)
        if "INSERT INTO compliance_ruleday" in sql:
            raise Killed
        return found

    with connection.execute_wrapper(kill), pytest.raises(Killed):
        roll_up_days(now=MORNING + 2 * DAY)
    state = FillState.objects.get(statistic=Statistic.RULES)
    assert (state.day, state.done) == (FIRST, False)
    assert not RuleDay.objects.exists()
    assert roll_up_days(now=MORNING + 2 * DAY) == 2
    assert RuleDay.objects.count() == 2


def test_of_two_at_once_one_fills_the_day_in(hosts: list[Host]):
    begun = days._begin(Statistic.GROUPS, FIRST)
    assert begun == days._begin(Statistic.GROUPS, FIRST) == FIRST
    assert days._fill(Statistic.GROUPS, FIRST) is True
    whole = rows(GroupDay)
    assert days._fill(Statistic.GROUPS, FIRST) is False
    assert rows(GroupDay) == whole


def test_a_year_without_a_worker_comes_back_in_steps(hosts: list[Host]):
    now = MORNING + 150 * DAY
    steps = []
    while filled := roll_up_days(now=now):
        steps.append(filled)
    assert steps == [120, 120, 60]
    assert {state.day for state in FillState.objects.all()} == {FIRST + 149 * DAY}


def test_the_number_of_queries_does_not_grow_with_the_fleet(
    hosts: list[Host], django_assert_max_num_queries: Any
):
    def filled_in() -> int:
        with django_assert_max_num_queries(40) as asked:
            roll_up_days(now=MORNING + DAY)
        for model in (GroupDay, RuleDay, FillState):
            model.objects.all().delete()
        return len(asked)

    few = filled_in()
    for number in range(20):
        figures(register(f"more-{number}", now=MORNING - DAY), FIRST, 10.0)
    assert filled_in() == few


def test_a_host_that_is_registered_later_or_removed_is_not_counted(hosts: list[Host]):
    late = register("late", now=MORNING + 2 * DAY)
    figures(late, FIRST + 2 * DAY, 0.0)
    roll_up_days(now=MORNING + DAY)
    hosts[1].delete()
    roll_up_days(now=MORNING + 3 * DAY)
    group = late.group
    found = GroupDay.objects.filter(group=group).order_by("day")
    assert [(row.hosts, row.scored) for row in found] == [(2, 1), (1, 1), (2, 2)]


def test_a_host_counts_where_it_is_when_the_day_is_filled_in(hosts: list[Host]):
    roll_up_days(now=MORNING + DAY)
    hosts[0].group = hosts[2].group
    hosts[0].save()
    roll_up_days(now=MORNING + 2 * DAY)
    found = GroupDay.objects.order_by("day", "group__owner").values_list("group__owner", "hosts")
    assert list(found) == [("Data", 1), ("Payments", 2), ("Data", 2), ("Payments", 1)]


SPANS = st.lists(
    st.tuples(
        st.integers(0, 2),  # the host
        st.integers(0, 24 * 5),  # hours after which something changes
        st.integers(0, 3),  # passed
        st.integers(0, 3),  # failed
        st.booleans(),  # silent from then on
    ),
    max_size=14,
)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(changes=SPANS)
def test_it_is_what_a_plain_reading_of_the_intervals_gives(changes: list[Any], db: None):
    with transaction.atomic():
        found = [register(f"h-{number}", now=MORNING - DAY) for number in range(3)]
        last: dict[int, Posture] = {}
        silent: dict[int, Silence] = {}
        for number, hours, passed, failed, quiet in sorted(changes, key=lambda each: each[1]):
            at = MORNING + timedelta(hours=hours)
            if number in last:
                last[number].until = at
                last[number].save()
            last[number] = Posture.objects.create(
                host=found[number], rule=RULE, since=at, severity=3, passed=passed, failed=failed
            )
            figures(found[number], at.date(), float(passed))
            if quiet and number not in silent:
                silent[number] = Silence.objects.create(host=found[number], since=at, kind="x")
            elif not quiet and number in silent:
                ended = silent.pop(number)
                ended.until = at
                ended.save()
        roll_up_days(now=MORNING + 7 * DAY)
        expected = []
        for offset in range(6):
            end = MORNING.replace(hour=0) + (offset + 1) * DAY
            sums = [0, 0, 0, 0]
            for host in found:
                held = [
                    row
                    for row in Posture.objects.filter(host=host)
                    if row.since < end and (row.until is None or row.until >= end)
                ]
                quiet = any(
                    row.since < end and (row.until is None or row.until >= end)
                    for row in Silence.objects.filter(host=host)
                )
                for row in held:
                    sums[0] += 1
                    sums[1] += 0 if quiet else row.passed
                    sums[2] += 0 if quiet else row.failed
                    sums[3] += row.passed + row.failed if quiet else 0
            if sums[0]:
                expected.append((FIRST + offset * DAY, *sums))
        assert expected == [
            (row.day, row.hosts, row.passed, row.failed, row.unknown)
            for row in RuleDay.objects.order_by("day")
            if row.day < FIRST + 6 * DAY
        ]
        transaction.set_rollback(True)
