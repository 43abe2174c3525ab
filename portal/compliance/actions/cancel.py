"""A scan that is not wanted any more, before it begins."""

from datetime import datetime

from django.db import transaction

from portal.accounts.models import User
from portal.accounts.rights import Right, require
from portal.compliance.models import Scan, ScanState
from portal.core import audit
from portal.core.errors import Conflict, NotFound


@transaction.atomic
def cancel_scan(scan_id: int, *, actor: User | None, now: datetime) -> Scan:
    """Of one that waits: no worker takes it any more, and the host's next one comes when it is due.
    Raises NotFound, and Conflict where it has begun or is over."""
    require(actor, Right.START_SCAN)
    # With its row locked: a worker that begins it meanwhile waits, and then finds it cancelled.
    scan = Scan.objects.select_for_update(of=("self",)).filter(id=scan_id).first()
    if scan is None:
        raise NotFound("There is no scan of this number. Its host may have been removed.")
    if scan.state != ScanState.QUEUED:
        raise Conflict("This scan has begun or is over, so there is nothing to cancel any more.")
    scan.state, scan.finished_at = ScanState.CANCELLED, now
    scan.diagnosis_kind = "cancelled"
    scan.diagnosis = "This scan was cancelled before it began."
    scan.save(update_fields=["state", "finished_at", "diagnosis_kind", "diagnosis"])
    audit.record(actor, "compliance.cancel_scan", scan.host, now=now, scan=scan.pk)
    return scan
