"""Hosts that do not answer at once wait apart from those that do."""

import time
from datetime import timedelta
from typing import Any

import pytest

from portal.compliance import actions, tasks
from portal.compliance.actions import run
from portal.compliance.actions.scans import Claimed
from portal.compliance.models import Lane, Scan, ScanKind, ScanState
from portal.fleet.models import Host, HostState, Ledger
from tests.fleet import NOW, register
from tests.support.hostile import HostileServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def host() -> Host:
    return register("prod-web-1")


@pytest.fixture
def waiting(host: Host) -> Scan:
    return Scan.objects.create(host=host, kind=ScanKind.SCHEDULE, queued_at=NOW)


def test_a_host_that_takes_connections_and_says_nothing_is_handed_over(host: Host, waiting: Scan):
    with HostileServer("never") as server:
        Host.objects.update(url=server.url)
        began = time.monotonic()
        tasks.scan_host(waiting.pk)
        took = time.monotonic() - began
        waiting.refresh_from_db()
        host.refresh_from_db()
        assert (waiting.state, waiting.lane) == (ScanState.QUEUED, Lane.SLOW)
        assert (waiting.attempts, waiting.lease, waiting.published_at) == (0, None, None)
        assert (host.state, host.failed_attempts) == (HostState.NEW, 0)
        # Half of what a call may take: this tells a short look from waiting.
        assert took < 5
        assert actions.claim_unpublished(NOW) == [Claimed(waiting.pk, False, Lane.SLOW)]
        # What was asked is in the ledger, although nothing came of it.
        assert Ledger.objects.get(host=host).diagnosis_kind == "timeout"


def test_in_the_slow_lane_it_is_waited_for_and_then_it_has_failed(
    host: Host, waiting: Scan, settings: Any
):
    settings.ENGINE_TIMEOUT_SECONDS = 1
    Scan.objects.update(lane=Lane.SLOW)
    with HostileServer("never") as server:
        Host.objects.update(url=server.url)
        tasks.scan_host(waiting.pk)
    waiting.refresh_from_db()
    host.refresh_from_db()
    assert (waiting.state, waiting.diagnosis_kind) == (ScanState.FAILED, "timeout")
    assert (host.state, host.failed_attempts) == (HostState.UNREACHABLE, 1)


def test_a_host_that_refuses_has_failed_at_once_in_either_lane(host: Host, waiting: Scan):
    Host.objects.update(url="unix:///nowhere/docker.sock")
    tasks.scan_host(waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.lane) == (ScanState.FAILED, Lane.FAST)


def test_a_host_that_answers_the_first_call_has_its_usual_time_for_the_next(
    host: Host, waiting: Scan, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(run, "FIRST_ANSWER_SECONDS", 0.05)
    begun = actions.begin(waiting.pk, now=NOW)
    assert begun is not None
    engine = run._engine(begun._replace(url="unix:///run/docker.sock"), None)
    assert (engine.answered, engine.timeout) == (False, 10)
    slow = run._engine(begun._replace(url="unix:///run/docker.sock", lane=Lane.SLOW), None)
    assert slow.connect_timeout == 5


def test_while_many_wait_a_host_has_only_what_one_that_is_well_needs(host: Host, waiting: Scan):
    for number in range(5):
        other = register(f"cut-off-{number}")
        Scan.objects.create(host=other, kind=ScanKind.SCHEDULE, queued_at=NOW, lane=Lane.SLOW)
    with HostileServer("never") as server:
        Host.objects.filter(pk=host.pk).update(url=server.url)
        began = time.monotonic()
        tasks.scan_host(waiting.pk)
        took = time.monotonic() - began
    waiting.refresh_from_db()
    assert (waiting.state, waiting.lane) == (ScanState.QUEUED, Lane.SLOW)
    assert took < 5
    begun = actions.begin(waiting.pk, now=NOW)
    assert begun is not None
    assert not begun.others_wait  # in the slow lane it may wait


def test_one_that_waits_shortens_nobody_elses_time(host: Host, waiting: Scan):
    other = register("far-away")
    Scan.objects.create(host=other, kind=ScanKind.SCHEDULE, queued_at=NOW, lane=Lane.SLOW)
    begun = actions.begin(waiting.pk, now=NOW)
    assert begun is not None
    assert not begun.others_wait
    assert run._engine(begun._replace(others_wait=True), None).connect_timeout == 0.1


@pytest.mark.parametrize(
    ("facts", "lane"),
    [
        ({}, Lane.FAST),
        ({"failed_attempts": 1}, Lane.SLOW),
        ({"last_scan_seconds": 29.0}, Lane.FAST),
        ({"last_scan_seconds": 31.0}, Lane.SLOW),
    ],
)
def test_what_is_known_of_a_host_says_where_its_scan_goes(
    host: Host, waiting: Scan, facts: dict[str, Any], lane: str
):
    Host.objects.update(**facts)
    assert actions.claim_unpublished(NOW) == [Claimed(waiting.pk, False, lane)]
    waiting.refresh_from_db()
    assert waiting.lane == lane


def test_each_lane_has_a_queue_of_its_own(
    host: Host, waiting: Scan, monkeypatch: pytest.MonkeyPatch
):
    other = register("prod-web-2")
    Host.objects.filter(id=other.pk).update(failed_attempts=3)
    Scan.objects.create(host=other, kind=ScanKind.MANUAL, queued_at=NOW)
    # Both are due too, which queues nothing more.
    Host.objects.update(next_scan_at=NOW + timedelta(days=365))
    sent: list[Any] = []
    monkeypatch.setattr(
        tasks.scan_host, "apply_async", lambda args, **options: sent.append((args, options))
    )
    tasks.dispatch_scans()
    queues = {args[0]: options["queue"] for args, options in sent}
    assert queues[waiting.pk] == "scan"
    assert sorted(queues.values()) == ["scan", "scan-slow"]


def test_a_lease_that_is_anothers_is_not_handed_over(host: Host, waiting: Scan):
    begun = actions.begin(waiting.pk, now=NOW)
    assert begun is not None
    Scan.objects.update(lease="00000000-0000-0000-0000-000000000001")
    actions.hand_over(begun, now=NOW)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.lane) == (ScanState.RUNNING, Lane.FAST)
