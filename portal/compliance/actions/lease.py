"""Says that a scan's worker is alive, and how far it is, while the scan itself is busy."""

import threading
from datetime import timedelta
from types import TracebackType
from typing import Self

from django.conf import settings
from django.db import connection
from django.utils import timezone

from portal.compliance.actions.scans import Begun
from portal.compliance.models import Scan

SIGN_SECONDS = 1.0


class Lease:
    """Renews the lease from a thread with a database connection of its own, so that an engine
    that keeps the scan waiting does not make it look dead. The clock is the machine's: this is
    about processes, not about what was observed."""

    def __init__(self, begun: Begun) -> None:
        self._begun = begun
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._progress = ("connecting", 0, 0)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def progress(self, phase: str, done: int, total: int) -> None:
        self._progress = (phase, done, total)

    def _keep(self) -> None:
        try:
            while not self._ended.wait(SIGN_SECONDS):
                phase, done, total = self._progress
                expires = timezone.now() + timedelta(seconds=settings.SCAN_LEASE_SECONDS)
                kept = Scan.objects.filter(id=self._begun.scan_id, lease=self._begun.lease).update(
                    lease_expires_at=expires,
                    phase=phase[:16],
                    done=done,
                    total=total,
                )
                if not kept:
                    return  # somebody took it for dead; storing its result will find that out
        finally:
            connection.close()
