"""What a scan writes into history: intervals, days, silences, and why a posture moved."""

import itertools
from datetime import date, timedelta

import pytest
from django.db import connection
from django.db.models import F

from portal.compliance.models import (
    Cause,
    HostDay,
    Posture,
    RuleSet,
    Standing,
    Transition,
)
from portal.fleet.models import ContainerVersion, Host
from portal.policies import queries
from portal.policies.actions import create_rule, save_policy, save_rule
from portal.policies.actions.policies import Draft
from portal.policies.models import Policy
from tests.fleet import NOW, named, register, scan
from tests.scanner.custom import ruled
from tests.support.rows import written, written_since

pytestmark = pytest.mark.django_db
RULE = ruled("container.memory == 0", slug="custom-memory", severity="high")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CAUSES = ("fixes", "regressions", "added", "removed", "exceptions", "rules", "coverage")


@pytest.fixture
def host() -> Host:
    return register("prod-web-1")


def days(host: Host) -> list[HostDay]:
    return list(HostDay.objects.filter(host=host).order_by("day"))


def moved(day: HostDay) -> dict[str, float]:
    return {
        c: round(getattr(day, f"by_{c}"), 6) for c in CAUSES if abs(getattr(day, f"by_{c}")) > 1e-9
    }


def test_counts_are_kept_for_as_long_as_they_hold(host: Host):
    scan(host, named("privileged", "reports"))
    scan(host, named("privileged", "reports"), now=NOW + HOUR)
    assert set(Posture.objects.values_list("since", "until")) == {(NOW, None)}
    scan(host, named("cap_drop_all", "reports"), now=NOW + DAY)
    rows = Posture.objects.filter(host=host, rule="privileged").order_by("since")
    assert [(row.since, row.until, row.failed, row.passed) for row in rows] == [
        (NOW, NOW + DAY, 1, 0),
        (NOW + DAY, None, 0, 1),
    ]
    assert not Posture.objects.filter(until__lt=F("since")).exists()


def test_a_day_without_a_change_has_no_row_and_the_points_add_up(host: Host):
    scan(host, named("privileged", "reports"), named("cap_drop_all", "web"))
    scan(host, named("privileged", "reports"), named("cap_drop_all", "web"), now=NOW + DAY)
    scan(host, named("cap_drop_all", "reports"), named("cap_drop_all", "web"), now=NOW + 2 * DAY)
    scan(host, named("cap_drop_all", "reports"), named("privileged", "web"), now=NOW + 3 * DAY)
    scan(host, named("cap_drop_all", "reports"), now=NOW + 4 * DAY)
    found = days(host)
    assert [day.day for day in found] == [date(2026, 11, number) for number in (24, 26, 27, 28)]
    assert moved(found[0]) == {}
    assert set(moved(found[1])) == {"fixes"}
    assert set(moved(found[2])) == {"regressions"}
    assert set(moved(found[3])) == {"removed"}
    for before, after in itertools.pairwise(found):
        assert before.posture is not None
        assert after.posture is not None
        assert sum(moved(after).values()) == pytest.approx(after.posture - before.posture, abs=1e-4)


def test_a_change_says_what_became_of_the_container(host: Host):
    first = named("cap_drop_all", "reports")
    scan(host, first, named("privileged", "old"))
    scan(
        host,
        named("privileged", "reports", id="f" * 64),
        named("privileged", "new"),
        now=NOW + HOUR,
    )
    causes = dict(
        Transition.objects.filter(at=NOW + HOUR, result__rule="privileged").values_list(
            "result__subject", "cause"
        )
    )
    assert causes == {
        "reports": Cause.RECREATED,
        "old": Cause.VANISHED,
        "new": Cause.APPEARED,
    }
    kept = ContainerVersion.objects.filter(at=NOW + HOUR).values_list("container__name", "change")
    assert dict(kept) == {"reports": "recreated", "old": "vanished", "new": "appeared"}
    scan(
        host, named("privileged", "reports", id="f" * 64), named("privileged", "new"), now=NOW + DAY
    )
    assert not ContainerVersion.objects.filter(at=NOW + DAY).exists()


def test_what_a_policy_changes_is_not_the_fleets_doing(host: Host):
    scan(host, named("privileged", "reports"), named("cap_drop_all", "web"))
    before = Standing.objects.get()
    policy = Policy.objects.get(default=True)
    draft = Draft(policy.name, "Without it", {"privileged": "off"}, frozenset())
    number = queries.versions(policy)[0].number
    save_policy(policy.slug, draft, based_on=number, comment="x", actor=None, now=NOW)
    # Meanwhile something else was mended: that is the fleet's doing.
    scan(host, named("cap_drop_all", "reports"), named("cap_drop_all", "web"), now=NOW + HOUR)
    changes = Transition.objects.filter(at=NOW + HOUR)
    assert {row.cause for row in changes.filter(result__rule="privileged")} == {Cause.POLICY}
    day = days(host)[-1]
    assert day.by_rules != 0
    after = Standing.objects.get()
    assert after.posture is not None
    assert before.posture is not None
    assert sum(moved(day).values()) == pytest.approx(after.posture - before.posture, abs=1e-4)


def test_the_rules_that_judged_here_are_noted_once(host: Host):
    scan(host, named("cap_drop_all", "web"))
    scan(register("prod-web-2"), named("cap_drop_all", "web"), now=NOW + HOUR)
    [found] = RuleSet.objects.all()
    assert found.since == NOW


def test_a_run_that_is_repeated_writes_no_history_twice(host: Host):
    scan(host, named("privileged", "reports"))
    before = [
        list(model.objects.order_by("pk").values()) for model in (Posture, HostDay, Transition)
    ]
    for _ in range(3):
        scan(host, named("privileged", "reports"))
    after = [
        list(model.objects.order_by("pk").values()) for model in (Posture, HostDay, Transition)
    ]
    assert after == before


def test_what_is_written_goes_by_what_changed_and_not_by_what_is_there(host: Host):
    many = [named("everything", f"shop-{number}") for number in range(20)]
    many += [named("cap_drop_all", f"web-{number}") for number in range(20)]
    scan(host, *many, named("privileged", "reports"))
    before = places()
    scan(host, *many, named("cap_drop_all", "reports"), now=NOW + HOUR)
    after = places()
    written = {
        subject for key, (place, subject) in after.items() if before.get(key, ("", ""))[0] != place
    }
    assert "reports" in written
    assert written <= {"reports", host.name}


def places() -> dict[int, tuple[str, str]]:
    """Where each result lies in its table, and its subject: what is written lies elsewhere."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, ctid::text, subject FROM compliance_result")
        return {number: (place, subject) for number, place, subject in cursor.fetchall()}


def test_what_is_written_is_what_changed(host: Host):
    containers = [named("cap_drop_all", f"web-{number}") for number in range(30)]
    scan(host, *containers)
    before = written()
    scan(host, *containers, now=NOW + HOUR)
    same = written_since(before)
    assert 0 < sum(same.values()) < 10
    totals = []
    for changed in (1, 2, 4):
        containers[:changed] = [named("privileged", f"web-{number}") for number in range(changed)]
        before = written()
        scan(host, *containers, now=NOW + changed * DAY)
        totals.append(sum(written_since(before).values()))
        containers[:changed] = [named("cap_drop_all", f"web-{number}") for number in range(changed)]
        scan(host, *containers, now=NOW + changed * DAY + HOUR)
    one = totals[1] - totals[0]
    assert one > 0
    assert totals[2] - totals[1] <= 2 * one
    assert totals[0] <= 120


def test_a_rule_in_another_version_that_finds_the_same_judges_twice_once(host: Host):
    create_rule(RULE, comment="x", actor=None, now=NOW)
    scan(host, named("cap_drop_all", "web"))
    before = Standing.objects.get().rule_set
    text = RULE.replace("An example", "Another one")
    save_rule("custom-memory", text, based_on=1, comment="x", actor=None, now=NOW)
    scan(host, named("cap_drop_all", "web"), now=NOW + HOUR)
    after = Standing.objects.get().rule_set
    assert before != after
    scan(host, named("cap_drop_all", "web"), now=NOW + 2 * HOUR)
    assert Standing.objects.get().rule_set == after
    assert not Transition.objects.filter(at__gt=NOW).exists()


def test_a_clock_that_is_behind_ends_no_interval_before_it_began(host: Host):
    scan(host, named("privileged", "reports"))
    scan(host, named("cap_drop_all", "reports"), now=NOW - timedelta(seconds=2))
    rows = Posture.objects.filter(host=host, rule="privileged").order_by("id")
    assert [(row.since, row.until) for row in rows] == [(NOW, NOW), (NOW, None)]
