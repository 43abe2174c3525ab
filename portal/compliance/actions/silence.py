"""Hosts that could not be read, or were not: from when, until when, and what that does."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef

from portal.compliance.actions import counts
from portal.compliance.models import Silence
from portal.fleet import queries as fleet
from portal.fleet.models import Host

OVERDUE = "overdue"
_BATCH = 200


def begin(host: Host, *, kind: str, since: datetime, now: datetime) -> bool:
    """`host` is locked by the caller. False where it was silent already."""
    if Silence.objects.filter(host=host, until=None).exists():
        return False
    Silence.objects.create(host=host, since=since, known_at=host.last_success_at, kind=kind[:32])
    counts.recount(host, now=now)
    return True


def end(host: Host, *, now: datetime) -> bool:
    """`host` is locked by the caller, who counts anew. False where it was not silent."""
    return bool(Silence.objects.filter(host=host, until=None).update(until=now))


def note_overdue(now: datetime) -> int:
    """Hosts that should have been read by now and were not, although no reading failed: nobody
    knows what they are like. Returns how many fell silent by that."""
    lasting = Silence.objects.filter(host=OuterRef("pk"), until=None)
    late = fleet.with_state(Host.objects.all(), now).filter(~Exists(lasting), shown="stale")
    noted = 0
    for host_id in list(late.order_by("id").values_list("id", flat=True)[:_BATCH]):
        with transaction.atomic():
            host = Host.objects.select_for_update().filter(id=host_id).first()
            if host is None or fleet.state(host, now) != "stale":
                continue
            last = host.last_success_at or host.created_at
            since = last + timedelta(seconds=2 * host.scan_interval)
            noted += begin(host, kind=OVERDUE, since=since, now=now)
    return noted
