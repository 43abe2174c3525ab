"""A scan's life up to its result: due once, sent, begun once, reaped, and never twice at a time."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.accounts.models import User
from portal.compliance import actions, tasks
from portal.compliance.actions import lease, run
from portal.compliance.actions.scans import Claimed, Requested
from portal.compliance.models import Result, Scan, ScanKind, ScanState
from portal.core.errors import NotAllowed, NotFound
from portal.core.models import AuditEntry
from portal.fleet import actions as fleet
from portal.fleet.models import Host, HostState
from portal.fleet.queries import Scope
from scanner import EngineError, Snapshot
from tests.fleet import NOW, begin, named, register, scan
from tests.recorded import host as recorded_host
from tests.support.hostile import HostileServer

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def host() -> Host:
    return register("prod-web-1")


@pytest.fixture
def waiting(host: Host) -> Scan:
    return Scan.objects.create(host=host, kind=ScanKind.SCHEDULE, queued_at=NOW)


def at_once(number: int, act: Callable[[], Any]) -> list[Any]:
    """What `number` threads return, each with a database connection of its own."""
    together = threading.Barrier(number, timeout=30)
    found: list[Any] = []

    def one() -> None:
        try:
            connection.ensure_connection()
            together.wait()
            found.append(act())
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == number
    return found


def expired(scan: Scan) -> Scan:
    """Begun by a worker that has not been heard of since."""
    assert actions.begin(scan.pk, now=NOW)
    Scan.objects.filter(id=scan.pk).update(lease_expires_at=NOW - SECOND)
    return scan


# Due


def test_a_host_that_is_due_is_queued_once_and_is_due_again_within_its_interval(host: Host):
    assert actions.queue_due_scans(NOW) == 1
    assert actions.queue_due_scans(NOW + MINUTE) == 0
    [found] = Scan.objects.all()
    assert (found.host, found.kind, found.state) == (host, ScanKind.SCHEDULE, ScanState.QUEUED)
    host.refresh_from_db()
    assert NOW < host.next_scan_at <= NOW + timedelta(seconds=host.scan_interval)


def test_nothing_is_queued_before_its_time(host: Host):
    Host.objects.update(next_scan_at=NOW + SECOND)
    assert actions.queue_due_scans(NOW) == 0
    assert actions.queue_due_scans(NOW + SECOND) == 1


def test_days_of_downtime_give_one_scan(host: Host):
    actions.queue_due_scans(NOW)
    later = NOW + timedelta(days=9)
    assert actions.queue_due_scans(later) == 1  # the one of nine days ago still waits
    assert Scan.objects.count() == 1
    host.refresh_from_db()
    assert host.next_scan_at > later


def test_hosts_registered_together_are_soon_due_apart():
    hosts = [register(f"host-{number}") for number in range(20)]
    actions.queue_due_scans(NOW)
    dues = set(Host.objects.values_list("next_scan_at", flat=True))
    assert len(dues) == len(hosts)
    assert max(dues) - min(dues) > MINUTE


def test_queueing_takes_few_queries_however_many_are_due():
    counts = []
    for number in (2, 30):
        for place in range(number):
            register(f"host-{number}-{place}")
        with CaptureQueriesContext(connection) as queries:
            assert actions.queue_due_scans(NOW) == number
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 6


@pytest.mark.django_db(transaction=True)
def test_dispatchers_at_once_never_queue_the_same_host_twice():
    for number in range(40):
        register(f"host-{number}")
    assert sum(at_once(4, lambda: actions.queue_due_scans(NOW))) == 40
    assert Scan.objects.values("host").distinct().count() == Scan.objects.count() == 40


@pytest.mark.django_db(transaction=True)
def test_people_and_the_dispatcher_at_once_queue_one_scan(host: Host, alice: User):
    def ask() -> int:
        return actions.request_scan(host.pk, actor=alice, now=NOW).pk

    def ask_for_all() -> Requested:
        return actions.request_scans(Scope(), actor=alice, now=NOW)

    turns = iter([ask, ask_for_all, lambda: actions.queue_due_scans(NOW)] * 2)
    at_once(6, lambda: next(turns)())
    assert Scan.objects.count() == 1


# Sent


def test_a_scan_is_claimed_once_until_its_message_must_be_lost(waiting: Scan):
    assert actions.claim_unpublished(NOW) == [Claimed(waiting.pk, requested=False)]
    assert actions.claim_unpublished(NOW + 44 * SECOND) == []
    assert actions.claim_unpublished(NOW + 45 * SECOND) == [Claimed(waiting.pk, requested=False)]


def test_what_a_person_waits_for_goes_first(alice: User):
    hosts = [register(f"host-{number}") for number in range(3)]
    actions.queue_due_scans(NOW)
    Scan.objects.filter(host=hosts[2]).delete()
    asked = actions.request_scan(hosts[2].pk, actor=alice, now=NOW + MINUTE)
    claimed = actions.claim_unpublished(NOW + MINUTE)
    assert claimed[0] == Claimed(asked.pk, requested=True)
    assert [claim.requested for claim in claimed] == [True, False, False]


def test_a_scan_waits_unsent_while_its_host_is_being_scanned(host: Host, alice: User):
    begun = begin(host)
    asked = actions.request_scan(host.pk, actor=alice, now=NOW)
    assert actions.claim_unpublished(NOW) == []
    actions.assess(begun, Snapshot(host=recorded_host(), containers=()), now=NOW)
    assert [claim.scan_id for claim in actions.claim_unpublished(NOW)] == [asked.pk]


@pytest.mark.django_db(transaction=True)
def test_dispatchers_at_once_never_send_the_same_scan_twice():
    for number in range(20):
        register(f"host-{number}")
    actions.queue_due_scans(NOW)
    claimed = [
        claim for found in at_once(4, lambda: actions.claim_unpublished(NOW)) for claim in found
    ]
    assert len(claimed) == len(set(claimed)) == 20


# Begun


def test_a_scan_is_begun_once(waiting: Scan):
    begun = actions.begin(waiting.pk, now=NOW)
    assert begun is not None
    assert (begun.host_id, begun.url) == (waiting.host_id, waiting.host.url)
    assert actions.begin(waiting.pk, now=NOW) is None
    waiting.refresh_from_db()
    assert (waiting.state, waiting.attempts, waiting.lease) == ("running", 1, begun.lease)
    assert waiting.lease_expires_at > NOW


def test_a_host_is_scanned_once_at_a_time_and_the_other_waits(host: Host, waiting: Scan):
    assert actions.begin(waiting.pk, now=NOW)
    other = Scan.objects.create(host=host, kind=ScanKind.MANUAL, queued_at=NOW)
    assert actions.begin(other.pk, now=NOW) is None
    other.refresh_from_db()
    assert (other.state, other.attempts) == (ScanState.QUEUED, 0)


def test_a_scan_that_is_over_or_gone_is_not_begun(host: Host):
    assert actions.begin(scan(host).pk, now=NOW) is None
    assert actions.begin(987_654, now=NOW) is None


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_begin_a_scan_once(waiting: Scan):
    begun = at_once(4, lambda: actions.begin(waiting.pk, now=NOW))
    assert sum(found is not None for found in begun) == 1
    waiting.refresh_from_db()
    assert waiting.attempts == 1


# Reaped


def test_a_scan_whose_worker_lives_is_left_alone(waiting: Scan):
    assert actions.begin(waiting.pk, now=NOW)
    assert actions.reap_dead_scans(NOW) == 0
    waiting.refresh_from_db()
    assert waiting.state == ScanState.RUNNING


def test_a_scan_whose_lease_ran_out_is_queued_and_sent_again(waiting: Scan):
    actions.claim_unpublished(NOW)
    expired(waiting)
    assert actions.reap_dead_scans(NOW) == 1
    waiting.refresh_from_db()
    assert (waiting.state, waiting.lease, waiting.finished_at) == ("queued", None, None)
    assert [claim.scan_id for claim in actions.claim_unpublished(NOW)] == [waiting.pk]
    again = actions.begin(waiting.pk, now=NOW)
    assert again is not None
    waiting.refresh_from_db()
    assert waiting.attempts == 2


def test_after_three_lost_workers_it_failed_and_says_why(host: Host, waiting: Scan):
    for _ in range(3):
        expired(waiting)
        actions.reap_dead_scans(NOW)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.attempts, waiting.finished_at) == ("failed", 3, NOW)
    assert waiting.diagnosis_kind == "worker_lost"
    assert waiting.diagnosis == "The worker that ran this scan was lost (3\xa0attempts)."
    assert waiting.advice
    host.refresh_from_db()
    assert host.state == HostState.NEW  # a lost worker says nothing about the host


def test_a_dead_scan_makes_room_for_the_one_that_waits(host: Host, waiting: Scan):
    expired(waiting)
    other = Scan.objects.create(host=host, kind=ScanKind.MANUAL, queued_at=NOW)
    assert actions.reap_dead_scans(NOW) == 1
    waiting.refresh_from_db()
    assert waiting.state == ScanState.FAILED
    assert "(1\xa0attempt)" in waiting.diagnosis
    assert actions.begin(other.pk, now=NOW)


@pytest.mark.django_db(transaction=True)
def test_reaping_and_asking_at_once_never_break_each_other(alice: User):
    hosts = [register(f"host-{number}") for number in range(8)]
    for found in hosts:
        expired(Scan.objects.create(host=found, kind=ScanKind.SCHEDULE, queued_at=NOW))

    def ask() -> Requested:
        return actions.request_scans(Scope(), actor=alice, now=NOW)

    turns = iter([ask, lambda: actions.reap_dead_scans(NOW)] * 2)
    at_once(4, lambda: next(turns)())
    actions.reap_dead_scans(NOW)
    for found in hosts:
        assert Scan.objects.filter(host=found, state=ScanState.QUEUED).count() == 1
    assert not Scan.objects.filter(state=ScanState.RUNNING).exists()


# Asked for


def test_whoever_may_asks_for_a_scan_and_it_is_in_the_audit_log(host: Host, erin: User):
    found = actions.request_scan(host.pk, actor=erin, now=NOW)
    assert (found.kind, found.requested_by, found.state) == ("manual", erin, "queued")
    entry = AuditEntry.objects.get(verb="compliance.request_scan")
    assert (entry.actor, entry.object_id, entry.label) == (erin, str(host.pk), "prod-web-1")


def test_asking_again_gives_the_scan_that_waits(host: Host, erin: User, alice: User):
    first = actions.request_scan(host.pk, actor=erin, now=NOW)
    assert actions.request_scan(host.pk, actor=alice, now=NOW + MINUTE) == first
    assert AuditEntry.objects.filter(verb="compliance.request_scan").count() == 1


def test_while_one_runs_another_may_wait(host: Host, erin: User):
    begin(host)
    found = actions.request_scan(host.pk, actor=erin, now=NOW)
    assert found.state == ScanState.QUEUED


def test_a_viewer_may_not_ask(host: Host, charlie: User):
    with pytest.raises(NotAllowed, match="may start scans"):
        actions.request_scan(host.pk, actor=charlie, now=NOW)
    with pytest.raises(NotAllowed, match="may start scans"):
        actions.request_scans(Scope(), actor=charlie, now=NOW)
    assert not Scan.objects.exists()


def test_a_host_that_is_gone_cannot_be_asked_for(erin: User):
    with pytest.raises(NotFound):
        actions.request_scan(987_654, actor=erin, now=NOW)


def test_all_hosts_of_a_scope_are_asked_for_at_once(erin: User):
    inside = [register(f"prod-{number}") for number in range(3)]
    register("test-1", environment="staging")
    scope = Scope(environment="production")
    actions.request_scan(inside[0].pk, actor=erin, now=NOW)
    assert actions.request_scans(scope, actor=erin, now=NOW) == Requested(queued=2, waiting=1)
    assert actions.request_scans(scope, actor=erin, now=NOW) == Requested(queued=0, waiting=3)
    assert set(Scan.objects.values_list("host_id", flat=True)) == {found.pk for found in inside}
    entries = AuditEntry.objects.filter(verb="compliance.request_scan", actor=erin)
    assert {entry.label for entry in entries} == {"prod-0", "prod-1", "prod-2"}
    assert len(entries) == 3


def test_asking_for_many_takes_as_many_queries_as_for_few(erin: User):
    counts = []
    for number in (2, 30):
        for place in range(number):
            register(f"host-{number}-{place}", owner=f"Team {number}")
        with CaptureQueriesContext(connection) as queries:
            actions.request_scans(Scope(owner=f"Team {number}"), actor=erin, now=NOW)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 8


# Run


def test_a_scan_that_is_run_twice_fails_once(host: Host, waiting: Scan):
    with HostileServer("server_error") as server:
        Host.objects.update(url=server.url)
        tasks.scan_host(waiting.pk)
        asked = len(server.calls)
        waiting.refresh_from_db()
        before = Scan.objects.values().get(id=waiting.pk)
        tasks.scan_host(waiting.pk)
        assert len(server.calls) == asked > 0
    assert Scan.objects.values().get(id=waiting.pk) == before
    assert (waiting.state, waiting.diagnosis_kind) == ("failed", "server_error")
    host.refresh_from_db()
    assert (host.state, host.failed_attempts) == (HostState.UNREACHABLE, 1)


@pytest.mark.parametrize("body", [b"\x00\xff\x00", b'{"message": "\\u0000 \\u202e"}'])
def test_a_diagnosis_holds_nothing_that_a_page_or_a_table_cannot(
    host: Host, waiting: Scan, body: bytes
):
    def odd(peer: Any) -> None:
        while peer.request():
            peer.answer(500, body)

    with HostileServer("server_error") as server:
        server.behaviour = odd
        Host.objects.update(url=server.url)
        tasks.scan_host(waiting.pk)
    waiting.refresh_from_db()
    assert waiting.diagnosis_kind == "server_error"
    assert waiting.diagnosis.isprintable()


def test_a_fault_of_our_own_ends_the_scan_and_says_nothing_about_the_host(
    host: Host, monkeypatch: pytest.MonkeyPatch
):
    scan(host, named("privileged", "reports"), now=NOW - MINUTE)
    waiting = Scan.objects.create(host=host, kind=ScanKind.SCHEDULE, queued_at=NOW)
    before = list(Result.objects.order_by("id").values())

    def broken(*_: Any, **__: Any) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(run, "collect", broken)
    Host.objects.update(url="unix:///nowhere.sock")
    with pytest.raises(ValueError, match="a bug"):
        run.run_scan(waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.diagnosis_kind, waiting.lease) == ("failed", "internal", None)
    assert "ValueError" in waiting.diagnosis
    host.refresh_from_db()
    assert (host.state, host.failed_attempts) == (HostState.OK, 0)
    assert list(Result.objects.order_by("id").values()) == before


def test_a_scan_that_was_given_to_another_ends_quietly_and_writes_nothing(
    host: Host, waiting: Scan, monkeypatch: pytest.MonkeyPatch
):
    def late(*_: Any, **__: Any) -> Snapshot:
        Scan.objects.filter(id=waiting.pk).update(lease_expires_at=NOW - SECOND)
        actions.reap_dead_scans(NOW)
        return Snapshot(host=recorded_host(), containers=(named("privileged", "reports"),))

    monkeypatch.setattr(run, "collect", late)
    run.run_scan(waiting.pk)
    waiting.refresh_from_db()
    assert waiting.state == ScanState.QUEUED
    assert not Result.objects.exists()


def test_a_host_that_is_removed_while_it_is_scanned_is_gone(host: Host, waiting: Scan):
    begun = actions.begin(waiting.pk, now=NOW)
    assert begun is not None
    fleet.remove_host(host.pk, typed_name=host.name, actor=None, now=NOW)
    snapshot = Snapshot(host=recorded_host(), containers=(named("privileged", "reports"),))
    with pytest.raises(actions.Lost):
        actions.assess(begun, snapshot, now=NOW)
    actions.fail(begun, EngineError("refused", "Nothing listens there."), now=NOW)
    assert not Host.objects.exists()
    assert not Scan.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_lease_is_renewed_and_the_progress_told_while_the_engine_keeps_the_scan_waiting(
    waiting: Scan, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(lease, "SIGN_SECONDS", 0.02)
    begun = actions.begin(waiting.pk, now=NOW)
    assert begun is not None
    told = threading.Event()
    with lease.Lease(begun) as held:
        held.progress("reading", 14, 32)
        for _ in range(500):
            told.wait(0.02)
            waiting.refresh_from_db()
            if waiting.phase == "reading":
                break
    assert (waiting.phase, waiting.done, waiting.total) == ("reading", 14, 32)
    renewed = waiting.lease_expires_at
    assert renewed is not None
    assert renewed != NOW


@pytest.mark.django_db(transaction=True)
def test_a_lease_that_is_anothers_is_not_renewed(waiting: Scan, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lease, "SIGN_SECONDS", 0.02)
    first = actions.begin(waiting.pk, now=NOW)
    assert first is not None
    Scan.objects.filter(id=waiting.pk).update(lease_expires_at=NOW - SECOND)
    actions.reap_dead_scans(NOW)
    assert actions.begin(waiting.pk, now=NOW)
    held = lease.Lease(first)
    with held:
        held._thread.join(timeout=10)
        assert not held._thread.is_alive()
    waiting.refresh_from_db()
    assert waiting.phase == "connecting"


def test_the_dispatcher_may_run_twice(host: Host, waiting: Scan, monkeypatch: pytest.MonkeyPatch):
    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr(
        tasks.scan_host, "apply_async", lambda args, **options: sent.append((args, options))
    )
    tasks.dispatch_scans()
    tasks.dispatch_scans()
    assert sent == [((waiting.pk,), {"queue": "scan", "expires": 45, "priority": 6})]
    assert Scan.objects.count() == 1
