"""One scan: take it, read the engine, judge, write. Safe to run twice, at once or later."""

from collections.abc import Callable
from datetime import datetime

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from portal.compliance.actions.assess import Lost, assess
from portal.compliance.actions.lease import Lease
from portal.compliance.actions.scans import Begun, begin, fail, give_up, hand_over
from portal.compliance.models import Lane
from portal.core.secrets import Undecipherable
from portal.fleet import queries as fleet
from portal.fleet.actions import remember_calls
from portal.fleet.models import Reading
from scanner import Engine, EngineError, Snapshot, collect
from scanner.transport import address
from scanner.transport.credentials import Credentials

_WAITED = {"timeout", "dns"}

log = structlog.get_logger(__name__)
# In the fast lane: so long for each step of connecting, and for the first answer. A host that needs
# more is handed to workers that may wait, so that a network that is cut off stops nobody else.
CONNECT_SECONDS = {"unix": 0.25, "tcp": 0.25, "tls": 0.25, "ssh": 1.0}
FIRST_ANSWER_SECONDS = 1.0
# While many wait there already, a host has only what one that is well needs.
SHORT_SECONDS = {"unix": 0.1, "tcp": 0.1, "tls": 0.1, "ssh": 0.5}
BUDGET_SECONDS = 200.0  # below the task's own limit, so that a slow host is told from a dead worker


class Waiting(Exception):
    """The host did not answer at once, and this is no place to wait for it."""


def run_scan(scan_id: int, *, clock: Callable[[], datetime] = timezone.now) -> None:
    """Does nothing where the scan is not waiting (any more)."""
    begun = begin(scan_id, now=clock())
    if begun is None:
        return
    try:
        _run(begun, clock)
    except Lost as lost:
        log.warning("scan_lost", scan=scan_id, reason=str(lost))
    except (OperationalError, InterfaceError):
        raise  # the database was away: the lease runs out, and the scan runs again
    except Exception as fault:
        give_up(begun, fault, now=clock())
        raise


def _run(begun: Begun, clock: Callable[[], datetime]) -> None:
    with Lease(begun) as lease:
        try:
            snapshot = _read(begun, lease, clock)
        except EngineError as error:
            fail(begun, error, now=clock())
            return
        except Waiting:
            hand_over(begun, now=clock())
            return
        lease.progress("judging", 0, 0)
        assess(begun, snapshot, now=clock())


def _engine(begun: Begun, credentials: Credentials) -> Engine:
    timeout = settings.ENGINE_TIMEOUT_SECONDS
    if begun.lane != Lane.FAST:
        return Engine(begun.url, credentials, timeout=timeout)
    kind = address.parse(begun.url).kind
    connect, answer = CONNECT_SECONDS[kind], FIRST_ANSWER_SECONDS
    if begun.others_wait:
        connect = answer = SHORT_SECONDS[kind]
    return Engine(
        begun.url,
        credentials,
        timeout=timeout,
        connect_timeout=connect,
        first_timeout=min(timeout, answer),
    )


def _read(begun: Begun, lease: Lease, clock: Callable[[], datetime]) -> Snapshot:
    """Whatever comes of it, every call that was made is in the ledger."""
    began, trouble, waits = clock(), None, False
    try:
        credentials = fleet.credentials(begun.host_id)
        engine = _engine(begun, credentials)
    except Undecipherable as error:
        raise EngineError(
            "credentials_lost", str(error), "Set them anew where the host is edited."
        ) from error
    try:
        with engine:
            return collect(engine, progress=lease.progress, budget=BUDGET_SECONDS)
    except EngineError as error:
        trouble = error
        waits = begun.lane == Lane.FAST and error.kind in _WAITED and not engine.answered
        if waits:
            raise Waiting from error
        raise
    finally:
        if engine.ledger or not waits:
            shown = engine.certificate
            remember_calls(
                begun.host_id,
                Reading.SCAN,
                engine.ledger,
                trouble,
                certificate_ends=shown.not_after if shown else None,
                now=began,
            )
