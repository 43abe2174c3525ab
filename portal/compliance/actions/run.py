"""One scan: take it, read the engine, judge, write. Safe to run twice, at once or later."""

from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from portal.compliance.actions.assess import store
from portal.compliance.actions.lease import Lease
from portal.compliance.actions.scans import begin, fail
from scanner import Engine, EngineError, collect, evaluate

BUDGET_SECONDS = 200.0  # below the task's own limit, so that a slow host is told from a dead worker


def run_scan(scan_id: int, *, clock: Callable[[], datetime] = timezone.now) -> None:
    """Does nothing where the scan is not waiting (any more)."""
    begun = begin(scan_id, now=clock())
    if begun is None:
        return
    with Lease(begun) as lease:
        try:
            with Engine(begun.url, timeout=settings.ENGINE_TIMEOUT_SECONDS) as engine:
                snapshot = collect(engine, progress=lease.progress, budget=BUDGET_SECONDS)
        except EngineError as error:
            fail(begun, error, now=clock())
            return
        lease.progress("judging", 0, 0)
        store(begun, snapshot, evaluate(snapshot), now=clock())
