"""The one way to write the audit log. Called inside the transaction of the act itself."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Model

from portal.core.models import AuditEntry


def record(
    actor: Any | None, verb: str, thing: Model, *, now: datetime, **details: Any
) -> AuditEntry:
    """`verb` is "<app>.<act>", e.g. "fleet.add_host"; `details` are JSON values without secrets."""
    entry = _entry(actor, verb, thing, now, details)
    entry.save()
    return entry


def record_each(
    actor: Any | None, verb: str, things: Iterable[Model], *, now: datetime, **details: Any
) -> None:
    """One entry for each thing, in one query."""
    AuditEntry.objects.bulk_create([_entry(actor, verb, thing, now, details) for thing in things])


def _entry(
    actor: Any | None, verb: str, thing: Model, now: datetime, details: dict[str, Any]
) -> AuditEntry:
    return AuditEntry(
        at=now,
        actor=actor,
        verb=verb,
        kind=thing._meta.label_lower,
        object_id=str(thing.pk),
        label=str(thing)[:300],
        details=details,
    )
