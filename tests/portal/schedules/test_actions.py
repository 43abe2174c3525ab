"""Which schedule a host has, when it is next, and what is taken when it is due."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from portal.accounts.models import User
from portal.compliance import actions as scans
from portal.compliance.models import Scan, ScanKind
from portal.core.errors import Conflict, DomainError, NotAllowed, NotFound
from portal.core.models import AuditEntry
from portal.fleet import actions as fleet
from portal.fleet.models import Group, Host
from portal.schedules import actions, queries, timing
from portal.schedules.actions import Draft
from portal.schedules.models import GroupBinding, HostBinding, Schedule
from portal.schedules.timing import Blackout, Timetable
from tests.fleet import NOW, failed_scan, register

pytestmark = pytest.mark.django_db
NIGHTLY = Timetable(zone="Europe/Madrid", cron="0 2 * * *")
WEEKLY = Timetable(cron="0 3 * * 1")
NIGHT = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
"""The next 02:00 in Madrid."""


def make(name: str, timetable: Timetable, *groups: str, hosts: tuple[str, ...] = ()) -> Schedule:
    draft = Draft(
        name,
        timetable,
        frozenset(Group.objects.filter(name__in=groups).values_list("id", flat=True)),
        frozenset(Host.objects.filter(name__in=hosts).values_list("id", flat=True)),
    )
    return actions.create_schedule(draft, actor=None, now=NOW)


def scanned_host(name: str, group: str = "Web") -> Host:
    """Its first scan is over, so that only its schedule says when it is next."""
    register(name, group=group)
    scans.queue_due_scans(NOW)
    return Host.objects.get(name=name)


def which(host: Host) -> str:
    return str(queries.of_host(Host.objects.get(id=host.pk)).schedule)


# Which schedule


def test_there_is_always_a_default_and_only_one():
    found = Schedule.objects.get(default=True)
    assert (found.name, found.slug, found.interval) == ("Default", "default", 86_400)
    actions.ensure_default(now=NOW)
    assert Schedule.objects.count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        Schedule.objects.create(
            name="B", slug="b", default=True, interval=60, largest_gap=60, created_at=NOW
        )


def test_the_default_follows_the_setting_until_a_person_saves_it(settings, bob: User):
    host = scanned_host("web-1")
    settings.SCAN_INTERVAL_SECONDS = 600
    actions.ensure_default(now=NOW)
    host.refresh_from_db()
    assert host.scan_interval == 600
    assert NOW < host.next_scan_at <= NOW + timedelta(seconds=600)
    actions.save_schedule("default", Draft("Default", NIGHTLY), actor=bob, now=NOW)
    settings.SCAN_INTERVAL_SECONDS = 900
    actions.ensure_default(now=NOW)
    assert Schedule.objects.get(default=True).timetable == NIGHTLY


def test_a_host_s_own_goes_before_its_group_s_and_that_before_the_default(bob: User):
    host = scanned_host("web-1")
    assert which(host) == "Default"
    make("Nightly", NIGHTLY, "Web")
    assert which(host) == "Nightly"
    weekly = make("Weekly", WEEKLY)
    actions.choose(host.pk, weekly.slug, actor=bob, now=NOW)
    assert which(host) == "Weekly"
    host.refresh_from_db()
    assert host.scan_interval == 7 * 86_400
    actions.choose(host.pk, "", actor=bob, now=NOW)
    assert which(host) == "Nightly"
    entries = AuditEntry.objects.filter(verb="schedules.choose").order_by("id")
    assert [entry.details for entry in entries] == [
        {"before": "", "after": "Weekly"},
        {"before": "Weekly", "after": ""},
    ]


def test_a_group_and_a_host_have_at_most_one():
    host = scanned_host("web-1")
    first = make("Nightly", NIGHTLY, "Web", hosts=("web-1",))
    second = make("Weekly", WEEKLY, "Web", hosts=("web-1",))
    assert GroupBinding.objects.get().schedule == HostBinding.objects.get().schedule == second
    assert which(host) == "Weekly"
    with pytest.raises(IntegrityError), transaction.atomic():
        HostBinding.objects.create(host=host, schedule=first)


def test_a_new_host_keeps_to_the_schedule_of_its_group():
    scanned_host("web-1")
    nightly = make("Nightly", NIGHTLY, "Web")
    group = Group.objects.get(name="Web")
    at_once = fleet.add_host(name="web-2", url="/run/2.sock", group=group, actor=None, now=NOW)
    later = fleet.add_host(
        name="web-3", url="/run/3.sock", group=group, scan_now=False, actor=None, now=NOW
    )
    assert (at_once.next_scan_at, later.next_scan_at) == (NOW, NIGHT)
    assert at_once.scan_interval == later.scan_interval == nightly.largest_gap == 25 * 3600


def test_a_host_that_moves_to_another_group_has_the_schedule_of_that(bob: User):
    host = scanned_host("web-1")
    register("db-1", group="Data")
    make("Nightly", NIGHTLY, "Data")
    data = Group.objects.get(name="Data")
    moved = fleet.edit_host(host.pk, name="web-1", url=host.url, group=data, actor=bob, now=NOW)
    assert moved.scan_interval == 25 * 3600
    assert which(host) == "Nightly"


# Saving and removing


def test_a_change_moves_the_hosts_at_once_and_is_in_the_audit_log(bob: User):
    host, other = scanned_host("web-1"), scanned_host("db-1", "Data")
    nightly = make("Nightly", NIGHTLY, "Web")
    host.refresh_from_db()
    assert host.next_scan_at == NIGHT
    draft = Draft("By night", WEEKLY, frozenset({other.group_id}))
    saved = actions.save_schedule(nightly.slug, draft, actor=bob, now=NOW)
    host.refresh_from_db()
    other.refresh_from_db()
    assert (saved.slug, which(host), which(other)) == ("nightly", "Default", "By night")
    assert host.scan_interval == 86_400
    assert other.next_scan_at == datetime(2026, 11, 30, 3, 0, tzinfo=UTC)
    entry = AuditEntry.objects.get(verb="schedules.save_schedule")
    assert entry.actor == bob
    assert entry.details["before"]["groups"] == ["Web"]
    assert entry.details["after"]["when"] == "Monday at 03:00, UTC"


def test_removing_gives_the_hosts_what_they_have_without_it(bob: User):
    host = scanned_host("web-1")
    make("Nightly", NIGHTLY, "Web")
    actions.remove_schedule("nightly", actor=bob, now=NOW)
    host.refresh_from_db()
    assert (which(host), host.scan_interval) == ("Default", 86_400)
    assert not Schedule.objects.filter(default=False).exists()
    assert AuditEntry.objects.get(verb="schedules.remove_schedule").details["groups"] == ["Web"]


def test_the_default_stays(bob: User):
    with pytest.raises(DomainError, match="It stays"):
        actions.remove_schedule("default", actor=bob, now=NOW)


def test_a_name_is_taken_once_and_what_is_gone_is_not_found(bob: User):
    make("Nightly", NIGHTLY)
    with pytest.raises(Conflict, match="There is already a schedule NIGHTLY"):
        make("NIGHTLY", WEEKLY)
    with pytest.raises(NotFound):
        actions.remove_schedule("no-such", actor=bob, now=NOW)
    with pytest.raises(NotFound):
        actions.choose(4_000_000_000, "nightly", actor=bob, now=NOW)
    with pytest.raises(DomainError, match="One of the groups"):
        actions.create_schedule(Draft("B", WEEKLY, frozenset({10**9})), actor=bob, now=NOW)
    draft = Draft("B", WEEKLY, hosts=frozenset({10**9}))
    with pytest.raises(DomainError, match="One of the hosts"):
        actions.create_schedule(draft, actor=bob, now=NOW)
    with pytest.raises(DomainError, match="from 10 seconds"):
        make("C", Timetable(interval=5))


def test_who_may_not(erin: User, charlie: User):
    host = scanned_host("web-1")
    for person in (erin, charlie):
        for act in (
            lambda who: actions.create_schedule(Draft("B", WEEKLY), actor=who, now=NOW),
            lambda who: actions.save_schedule("default", Draft("B", WEEKLY), actor=who, now=NOW),
            lambda who: actions.remove_schedule("default", actor=who, now=NOW),
            lambda who: actions.choose(host.pk, "default", actor=who, now=NOW),
        ):
            with pytest.raises(NotAllowed, match="Only administrators and operators may change"):
                act(person)


def test_who_is_due_or_is_tried_again_is_no_later_for_a_change():
    due, tried, plain = (scanned_host(f"web-{number}") for number in range(3))
    Host.objects.filter(id=due.pk).update(next_scan_at=NOW)
    Scan.objects.all().delete()
    failed_scan(tried)
    make("Weekly", WEEKLY, "Web")
    for host in (due, tried, plain):
        host.refresh_from_db()
    assert due.next_scan_at == NOW
    assert tried.next_scan_at == NOW + timedelta(seconds=60)
    assert plain.next_scan_at > NOW + timedelta(days=1)


def test_a_change_takes_few_queries_however_many_hosts_there_are():
    counts = []
    for number in (3, 60):
        for place in range(number):
            register(f"host-{number}-{place}", group=f"Group {number}")
        with CaptureQueriesContext(connection) as found:
            make(f"Schedule {number}", NIGHTLY, f"Group {number}")
        counts.append(len(found))
    assert counts[0] == counts[1] < 30


# Due


def test_downtime_gives_one_scan_and_the_rhythm_goes_on():
    host = scanned_host("web-1")
    make("Nightly", NIGHTLY, "Web")
    Scan.objects.all().delete()
    late = NIGHT + timedelta(days=9, hours=5)
    assert scans.queue_due_scans(late) == 1
    assert scans.queue_due_scans(late) == 0
    host.refresh_from_db()
    assert host.next_scan_at == NIGHT + timedelta(days=10)
    assert Scan.objects.get().kind == ScanKind.SCHEDULE


def test_hosts_are_spread_by_the_jitter():
    hosts = [scanned_host(f"web-{number}") for number in range(20)]
    make("Nightly", Timetable(zone="Europe/Madrid", cron="0 2 * * *", jitter=1800), "Web")
    dues = [Host.objects.get(id=host.pk).next_scan_at for host in hosts]
    assert len(set(dues)) == 20
    assert NIGHT <= min(dues) < max(dues) < NIGHT + timedelta(minutes=30)


def test_a_blackout_moves_what_is_due_to_its_end_and_lets_a_person_s_scan_through(bob: User):
    host = scanned_host("web-1")
    noon = Blackout(tuple(range(7)), time(11), time(14))
    make("Hourly", Timetable(interval=3600, blackouts=(noon,)), "Web")
    Scan.objects.all().delete()
    Host.objects.filter(id=host.pk).update(next_scan_at=NOW - timedelta(minutes=1))
    assert scans.queue_due_scans(NOW) == 0
    host.refresh_from_db()
    assert host.next_scan_at == datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
    asked = scans.request_scan(host.pk, actor=bob, now=NOW)
    assert [claim.scan_id for claim in scans.claim_unpublished(NOW)] == [asked.pk]
    asked.delete()
    assert scans.queue_due_scans(host.next_scan_at) == 1


def test_a_blackout_does_not_hold_the_first_scan_of_a_host_that_a_person_registers():
    scanned_host("web-1")
    noon = Blackout(tuple(range(7)), time(11), time(14))
    make("Hourly", Timetable(interval=3600, blackouts=(noon,)), "Web")
    Scan.objects.all().delete()
    new = register("web-2", group="Web")
    assert scans.queue_due_scans(NOW) == 1
    assert Scan.objects.get().host == new


def test_the_one_that_waits_longest_is_taken_first():
    first, second = scanned_host("web-1"), scanned_host("web-2")
    Host.objects.filter(id=first.pk).update(next_scan_at=NOW)
    Host.objects.filter(id=second.pk).update(next_scan_at=NOW - timedelta(seconds=1))
    assert actions.take_due(NOW, 1) == [second]
    assert actions.take_due(NOW, 5) == [first]
    assert actions.take_due(NOW, 5) == []


def test_taking_mends_what_a_host_was_given_otherwise():
    host = scanned_host("web-1")
    Host.objects.filter(id=host.pk).update(scan_interval=7, next_scan_at=NOW)
    [taken] = actions.take_due(NOW, 1)
    assert taken.scan_interval == 86_400
    default = Schedule.objects.get(default=True).timetable
    assert taken.next_scan_at == timing.next_run(default, NOW, timing.offset(default, host.pk))
