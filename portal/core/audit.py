"""The one way to write the audit log. Called inside the transaction of the act itself."""

from datetime import datetime
from typing import Any

from django.db.models import Model

from portal.core.models import AuditEntry


def record(
    actor: Any | None, verb: str, thing: Model, *, now: datetime, **details: Any
) -> AuditEntry:
    """`verb` is "<app>.<act>", e.g. "fleet.add_host"; `details` are JSON values without secrets."""
    return AuditEntry.objects.create(
        at=now,
        actor=actor,
        verb=verb,
        kind=thing._meta.label_lower,
        object_id=str(thing.pk),
        label=str(thing)[:300],
        details=details,
    )
