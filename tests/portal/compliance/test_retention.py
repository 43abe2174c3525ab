"""How long history is kept: what is older goes, what holds stays, as does what charts need."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Sum

from portal.accounts.models import User
from portal.compliance.actions import retention
from portal.compliance.actions.days import roll_up_days
from portal.compliance.actions.retention import forget_old, set_retention
from portal.compliance.models import (
    FillState,
    GroupDay,
    HostDay,
    Posture,
    Result,
    Retention,
    RuleDay,
    Scan,
    Silence,
    Tally,
    Transition,
    state_of,
)
from portal.compliance.queries import history
from portal.compliance.queries.retention import KINDS, kept
from portal.compliance.tasks import forget_old as nightly
from portal.core.errors import DomainError, NotAllowed
from portal.core.models import AuditEntry
from portal.fleet.models import (
    ConfigVersion,
    Container,
    ContainerVersion,
    Host,
    HostVersion,
    Ledger,
    Reading,
)
from portal.fleet.queries import EVERYTHING
from tests.fleet import named, register, scan

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
RULE = "privileged"


def keep(number: int, *kinds: str) -> None:
    """Of these kinds, or of all, so many days."""
    for kind in kinds or KINDS:
        Retention.objects.update_or_create(kind=kind, defaults={"days": number})


@pytest.fixture
def host() -> Host:
    """Scanned every sixth of 60 days, with something that changes each time."""
    host = register("web-1", now=NOW - 61 * DAY)
    for number in range(60, -1, -6):
        at = NOW - number * DAY
        wrong = named("privileged" if number % 12 else "isolation_plain", "reports")
        seen = [wrong, named("isolation_plain", f"job-{number // 20}")]
        scan(host, *seen, now=at)
        # What scans leave of a day, whatever else they leave.
        values = {"posture": float(number), "accepted": 50.0, "coverage": 100.0, "formula": 1}
        HostDay.objects.update_or_create(host=host, day=at.date(), defaults=values)
    return host


def state(host: Host) -> dict[str, Any]:
    """All that says how the host is now."""
    host.refresh_from_db()
    return {
        "host": {**vars(host), "_state": None},
        "containers": list(Container.objects.filter(gone_at=None).order_by("id").values()),
        "results": list(Result.objects.filter(gone_at=None).order_by("id").values()),
        "posture": list(Posture.current.order_by("id").values()),
        "tallies": list(Tally.objects.exclude(verdict="").order_by("id").values()),
        "last scan": Scan.objects.order_by("-id").values()[0],
        "last day": HostDay.objects.order_by("-day").values()[0],
    }


def test_what_is_now_is_never_deleted_however_old_it_is(host: Host):
    roll_up_days(now=NOW)
    before = state(host)
    much_later = NOW + 10_000 * DAY
    for _ in range(3):
        forget_old(now=much_later)
    assert state(host) == before
    assert Scan.objects.count() == 1
    assert not Result.objects.filter(gone_at__isnull=False).exists()
    # Yesterday is rolled up; from its beginning on, all is kept for what comes next.
    assert not Posture.objects.filter(until__lt=NOW - 2 * DAY).exists()
    assert HostDay.objects.filter(day__lt=(NOW - 2 * DAY).date()).count() == 1


def test_a_round_that_was_done_finds_nothing_more(host: Host):
    keep(20)
    roll_up_days(now=NOW)
    gone = forget_old(now=NOW)
    assert gone.keys() == KINDS.keys() | {"configurations"}
    assert (gone["scans"], gone["host_days"]) == (7, 6)
    assert gone["transitions"] > 0
    assert gone["findings"] > 0
    assert gone["posture"] > 0
    assert gone["days"] > 0
    assert set(forget_old(now=NOW).values()) == {0}


def test_nothing_is_deleted_before_its_time(host: Host):
    before = {model: model.objects.count() for model in (Scan, Transition, Result, Posture)}
    gone = forget_old(now=NOW)
    gone.pop("configurations")
    assert set(gone.values()) == {0}
    assert before == {model: model.objects.count() for model in before}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_is_kept_for_itself(host: Host, kind: str):
    roll_up_days(now=NOW)
    Silence.objects.create(host=host, since=NOW - 50 * DAY, until=NOW - 49 * DAY, kind="refused")
    for number in (50, 1):
        Ledger.objects.create(
            host=host,
            kind=Reading.SCAN,
            at=NOW - number * DAY,
            seconds=1,
            calls=1,
            bytes=1,
            body=b"",
        )
    keep(3_000)
    keep(30, kind)
    gone = forget_old(now=NOW)
    assert gone.pop("configurations") >= 0
    assert {name for name, number in gone.items() if number} == {kind}


def test_tallies_stay_the_counts_of_the_results(host: Host):
    keep(10, "findings")
    assert forget_old(now=NOW)["findings"] > 0
    expected = Counter(
        (row.rule, row.severity, state_of(row), "" if row.gone_at else row.verdict)
        for row in Result.objects.all()
    )
    found = Tally.objects.values_list("rule", "severity", "state", "verdict", "amount")
    assert {row[:4]: row[4] for row in found} == dict(expected)


def test_a_scan_after_it_counts_the_same(host: Host):
    keep(10)
    forget_old(now=NOW)
    before = state(host)["tallies"], Tally.objects.aggregate(Sum("amount"))
    scan(
        host,
        named("isolation_plain", "reports"),
        named("isolation_plain", "job-0"),
        now=NOW + timedelta(hours=1),
    )
    assert (state(host)["tallies"], Tally.objects.aggregate(Sum("amount"))) == before


def test_the_last_change_of_each_finding_stays(host: Host):
    keep(10, "transitions")
    of_all = set(Transition.objects.values_list("result", flat=True))
    forget_old(now=NOW)
    assert set(Transition.objects.values_list("result", flat=True)) == of_all
    old = Transition.objects.filter(at__lt=NOW - 11 * DAY).values_list("result", flat=True)
    assert len(old) == len(set(old))


def test_transitions_outlive_their_scan(host: Host):
    before = Transition.objects.count()
    keep(10, "scans")
    assert forget_old(now=NOW)["scans"] > 0
    assert Transition.objects.count() == before
    assert Transition.objects.filter(scan=None).exists()


def charts(host: Host, first: date) -> tuple[Any, ...]:
    last = NOW.date()
    return (
        history.trend(EVERYTHING, first, last, now=NOW),
        history.rule_trend(RULE, EVERYTHING, first, last, now=NOW),
        history.failing_by_day(EVERYTHING, first, last, now=NOW),
        history.host_days(RULE, [host.pk], first, last, now=NOW),
        history.moved(EVERYTHING, first, last, now=NOW),
    )


def test_charts_of_the_days_that_are_kept_are_what_they_were(host: Host):
    roll_up_days(now=NOW)
    first = NOW.date() - 20 * DAY
    before = charts(host, first)
    assert all(before[0])
    assert all(before[1])
    keep(20)
    forget_old(now=NOW)
    assert charts(host, first) == before
    assert history.trend(EVERYTHING, first - DAY, first - DAY, now=NOW) == [None]


def test_what_a_roll_up_has_still_to_read_is_kept_for_it(host: Host):
    roll_up_days(now=NOW)
    whole = list(GroupDay.objects.order_by("day").values())
    counts = RuleDay.objects.count()
    late = NOW.date() - 50 * DAY
    FillState.objects.update(day=late)
    GroupDay.objects.filter(day__gt=late).delete()
    RuleDay.objects.filter(day__gt=late).delete()
    keep(20, "posture", "host_days", "silences")
    forget_old(now=NOW)
    roll_up_days(now=NOW)
    again = list(GroupDay.objects.order_by("day").values())
    assert [{**row, "id": 0} for row in again] == [{**row, "id": 0} for row in whole]
    assert RuleDay.objects.count() == counts


def test_versions_that_hold_at_the_cut_stay(host: Host):
    [container] = Container.objects.filter(name="reports")
    ContainerVersion.objects.filter(container=container).delete()
    HostVersion.objects.all().delete()
    for number in (50, 40, 30, 20, 10):
        values = {"host": host, "at": NOW - number * DAY}
        config = container.config
        ContainerVersion.objects.create(
            container=container, change="changed", engine_id="x", config=config, **values
        )
        HostVersion.objects.create(engine=config, surroundings=config, **values)
    keep(35, "versions")
    forget_old(now=NOW)
    ages = [40, 30, 20, 10]
    found = ContainerVersion.objects.filter(container=container)
    assert [(NOW - row.at).days for row in found.order_by("at")] == ages
    assert [(NOW - row.at).days for row in HostVersion.objects.order_by("at")] == ages


def test_a_container_that_is_gone_goes_with_its_versions(host: Host):
    assert set(Container.objects.values_list("name", flat=True)) == {
        *("reports", "job-0", "job-1", "job-2", "job-3"),
    }
    keep(30, "versions")
    forget_old(now=NOW)
    assert set(Container.objects.values_list("name", flat=True)) == {
        *("reports", "job-0", "job-1"),
    }


def test_a_configuration_goes_when_nothing_names_it(host: Host):
    orphan = ConfigVersion.objects.create(digest=b"o" * 32, body=b"")
    assert forget_old(now=NOW)["configurations"] > 0
    assert not ConfigVersion.objects.filter(pk=orphan.pk).exists()
    assert Container.objects.select_related("config").count() == 5


def test_a_round_is_bounded_and_the_next_goes_on(host: Host, monkeypatch: pytest.MonkeyPatch):
    keep(20, "scans")
    monkeypatch.setattr(retention, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr(retention, "BATCHES_AT_ONCE", 3)
    rounds = [forget_old(now=NOW)["scans"] for _ in range(4)]
    assert rounds == [6, 1, 0, 0]


def test_an_administrator_chooses_and_the_audit_log_says_so(alice: User):
    set_retention({"scans": 30, "days": KINDS["days"].days}, actor=alice, now=NOW)
    assert kept() == {kind: found.days for kind, found in KINDS.items()} | {"scans": 30}
    [entry] = AuditEntry.objects.filter(verb="compliance.set_retention")
    assert (entry.actor, entry.object_id, entry.details) == (
        alice,
        "scans",
        {"before": 90, "after": 30},
    )
    set_retention({"scans": 90}, actor=alice, now=NOW)
    assert not Retention.objects.exists()


def test_others_may_not(bob: User, dana: User, charlie: User):
    for person in (bob, dana, charlie):
        with pytest.raises(NotAllowed):
            set_retention({"scans": 30}, actor=person, now=NOW)
    assert not Retention.objects.exists()


@pytest.mark.parametrize(
    "wanted", [{"scans": 6}, {"scans": 0}, {"days": 40_000}, {"nothing": 50}, {"scans": -1}]
)
def test_what_makes_no_sense_is_refused_and_nothing_is_changed(alice: User, wanted: dict[str, int]):
    with pytest.raises(DomainError):
        set_retention({"calls": 10, **wanted}, actor=alice, now=NOW)
    assert not Retention.objects.exists()
    assert not AuditEntry.objects.filter(verb="compliance.set_retention").exists()


def test_the_nightly_task_may_run_twice(host: Host):
    keep(10)
    nightly()
    left = Scan.objects.count(), Transition.objects.count(), Result.objects.count()
    nightly()
    assert (Scan.objects.count(), Transition.objects.count(), Result.objects.count()) == left
    assert left[0] < 11
