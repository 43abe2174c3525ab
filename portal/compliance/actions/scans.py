"""A scan's life up to its result: queued, published, begun, failed, given up.

The database says what is next and the broker only carries it: a message may be lost or come twice.
"""

import uuid
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q

from portal.accounts.models import User
from portal.accounts.rights import Right, require
from portal.compliance.actions import silence
from portal.compliance.models import Lane, Scan, ScanKind, ScanState
from portal.core import audit, display
from portal.core.errors import NotFound
from portal.fleet import actions as fleet
from portal.fleet import queries as fleet_queries
from portal.fleet.models import Host
from portal.fleet.queries import Scope
from portal.schedules import actions as schedules
from scanner import EngineError

# Whoever took longer than this last time is read by workers that may wait.
SLOW_SECONDS = 30.0
MANY_SLOW = 5
MAX_ATTEMPTS = 3
BATCH = 500


class Begun(NamedTuple):
    """A scan that this process runs: nobody else may write its result while the lease is its."""

    scan_id: int
    host_id: int
    url: str
    lease: uuid.UUID
    started_at: datetime
    lane: str = Lane.FAST
    others_wait: bool = False
    """So many scans are in the slow lane that a part of the network may be cut off."""


class Claimed(NamedTuple):
    """A queued scan that needs a message to the workers of its lane. One that a person waits for
    goes first."""

    scan_id: int
    requested: bool
    lane: str = Lane.FAST


class Requested(NamedTuple):
    """How many scans were queued, and on how many hosts one waited already."""

    queued: int
    waiting: int


@transaction.atomic
def request_scan(host_id: int, *, actor: User | None, now: datetime) -> Scan:
    """Queues one, or returns the one that waits already."""
    require(actor, Right.START_SCAN)
    host = Host.objects.select_for_update().filter(id=host_id).first()
    if host is None:
        raise NotFound("There is no such host. It may have been removed.")
    waiting = Scan.objects.filter(host=host, state=ScanState.QUEUED).first()
    if waiting is not None:
        return waiting
    scan = Scan.objects.create(host=host, kind=ScanKind.MANUAL, requested_by=actor, queued_at=now)
    audit.record(actor, "compliance.request_scan", host, now=now)
    return scan


@transaction.atomic
def request_scans(scope: Scope, *, actor: User | None, now: datetime) -> Requested:
    """Queues one for each host of the scope on which none waits, in a handful of queries."""
    require(actor, Right.START_SCAN)
    # Locked in one order, so that two who ask at once wait for each other and never for good.
    found = fleet_queries.hosts(scope).select_for_update(of=("self",)).order_by("id")
    hosts = list(found)
    queued = Scan.objects.filter(host__in=hosts, state=ScanState.QUEUED)
    waiting = set(queued.values_list("host_id", flat=True))
    fresh = [host for host in hosts if host.pk not in waiting]
    Scan.objects.bulk_create(
        [Scan(host=host, kind=ScanKind.MANUAL, requested_by=actor, queued_at=now) for host in fresh]
    )
    audit.record_each(actor, "compliance.request_scan", fresh, now=now)
    return Requested(len(fresh), len(waiting))


@transaction.atomic
def queue_due_scans(now: datetime) -> int:
    """Queues a scan for each host that is due by its schedule, which says when the next one is.
    Several callers at once never queue the same one. Returns how many hosts were due."""
    due = schedules.take_due(now, BATCH)
    # Downtime gives one scan, not many: the constraint keeps a second one from being queued.
    Scan.objects.bulk_create(
        [Scan(host=host, kind=ScanKind.SCHEDULE, queued_at=now) for host in due],
        ignore_conflicts=True,
    )
    return len(due)


@transaction.atomic
def claim_unpublished(now: datetime) -> list[Claimed]:
    """Queued scans that need a message, requested ones first: those that never had one and those
    whose message is so old that it must be lost. The caller sends it after the commit."""
    running = Scan.objects.filter(host=OuterRef("host"), state=ScanState.RUNNING)
    lost = now - timedelta(seconds=settings.SCAN_LEASE_SECONDS)
    waiting = (
        Scan.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("host")
        .only("kind", "lane", "host__failed_attempts", "host__last_scan_seconds")
        .filter(Q(published_at=None) | Q(published_at__lte=lost))
        .filter(~Exists(running), state=ScanState.QUEUED)
        .order_by("kind", "queued_at")[:BATCH]  # "manual" before "schedule"
    )
    claimed = [Claimed(scan.id, scan.kind == ScanKind.MANUAL, _lane(scan)) for scan in waiting]
    for lane in Lane.values:
        its = [claim.scan_id for claim in claimed if claim.lane == lane]
        if its:
            Scan.objects.filter(id__in=its).update(published_at=now, lane=lane)
    return claimed


def _lane(scan: Scan) -> str:
    """A host that did not answer, or slowly, must not keep a worker from hosts that do."""
    host = scan.host
    doubtful = host.failed_attempts > 0 or (host.last_scan_seconds or 0) > SLOW_SECONDS
    return Lane.SLOW if doubtful else scan.lane


def begin(scan_id: int, *, now: datetime) -> Begun | None:
    """Takes a queued scan; None where another took it, or where its host is being scanned."""
    lease = uuid.uuid4()
    try:
        with transaction.atomic():
            taken = Scan.objects.filter(id=scan_id, state=ScanState.QUEUED).update(
                state=ScanState.RUNNING,
                lease=lease,
                lease_expires_at=now + timedelta(seconds=settings.SCAN_LEASE_SECONDS),
                started_at=now,
                attempts=F("attempts") + 1,
                phase="connecting",
                done=0,
                total=0,
            )
    except IntegrityError:
        return None
    if not taken:
        return None
    scan = Scan.objects.select_related("host").get(id=scan_id)
    slow = Scan.objects.filter(finished_at=None, lane=Lane.SLOW)
    others_wait = scan.lane == Lane.FAST and slow.count() >= MANY_SLOW
    return Begun(scan.id, scan.host_id, scan.host.url, lease, now, scan.lane, others_wait)


def hand_over(begun: Begun, *, now: datetime) -> None:
    """The host did not answer at once: the scan goes back and waits for workers that may wait. That
    is no attempt, and says nothing about the host."""
    Scan.objects.filter(id=begun.scan_id, lease=begun.lease).update(
        state=ScanState.QUEUED,
        lane=Lane.SLOW,
        lease=None,
        lease_expires_at=None,
        published_at=None,
        started_at=None,
        attempts=F("attempts") - 1,
        phase="",
    )


@transaction.atomic
def fail(begun: Begun, error: EngineError, *, now: datetime) -> None:
    """The host could not be read: its findings stay as they were, and the reason is kept."""
    # The host first, as whoever stores a result does: two who lock both never wait for each other.
    host = Host.objects.select_for_update().filter(id=begun.host_id).first()
    if host is not None and _end(begun, error, now):
        fleet.remember_failure(host, error, now=now)
        silence.begin(host, kind=error.kind, since=now, now=now)


@transaction.atomic
def give_up(begun: Begun, fault: Exception, *, now: datetime) -> None:
    """The scan failed for a reason of our own, which says nothing about the host."""
    error = EngineError(
        "internal",
        f"What the engine answered could not be judged or kept ({type(fault).__name__}).",
        "The worker's log has the details. The findings stay as they were.",
    )
    _end(begun, error, now)


def _end(begun: Begun, error: EngineError, now: datetime) -> bool:
    """False where the scan is another's by now."""
    ended = Scan.objects.filter(id=begun.scan_id, lease=begun.lease).update(
        state=ScanState.FAILED,
        lease=None,
        lease_expires_at=None,
        finished_at=now,
        diagnosis_kind=error.kind[:32],
        diagnosis=error.message,
        advice=error.advice,
    )
    return bool(ended)


@transaction.atomic
def reap_dead_scans(now: datetime) -> int:
    """A running scan whose lease ran out has lost its worker: it is queued again, a few times.
    Returns how many there were."""
    # With their hosts, so that nobody queues a second scan between the look and the write.
    dead = list(
        Scan.objects.select_for_update(skip_locked=True, of=("self", "host"))
        .select_related("host")
        .filter(state=ScanState.RUNNING, lease_expires_at__lt=now)
        .order_by("id")[:BATCH]
    )
    others = Scan.objects.filter(host__in=[scan.host_id for scan in dead], state=ScanState.QUEUED)
    waiting = set(others.values_list("host_id", flat=True))
    for scan in dead:
        scan.lease = scan.lease_expires_at = scan.published_at = None
        scan.phase = ""
        if scan.attempts < MAX_ATTEMPTS and scan.host_id not in waiting:
            scan.state = ScanState.QUEUED
            continue
        scan.state, scan.finished_at = ScanState.FAILED, now
        scan.diagnosis_kind = "worker_lost"
        attempts = display.counted(scan.attempts, "attempt")
        scan.diagnosis = f"The worker that ran this scan was lost ({attempts})."
        scan.advice = "Look into the worker's log; it may have run out of memory."
    columns = ["state", "lease", "lease_expires_at", "published_at", "phase", "finished_at"]
    Scan.objects.bulk_update(dead, [*columns, "diagnosis_kind", "diagnosis", "advice"])
    return len(dead)
