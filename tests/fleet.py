"""A fleet for tests of the portal: hosts scanned for real, on recorded answers of a real engine.

Nothing is put into tables by hand: hosts are registered, scans begun and stored by the actions
that the product itself uses.
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from portal.compliance import actions
from portal.compliance.actions.scans import Begun
from portal.compliance.models import Scan, ScanKind, ScanState
from portal.fleet import actions as fleet
from portal.fleet.models import Environment, Group, Host
from scanner import EngineError, Snapshot
from scanner.model import Container, Gap, Network
from tests.recorded import container as recorded
from tests.recorded import host as recorded_host

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def register(
    name: str,
    *,
    environment: str = Environment.PRODUCTION,
    owner: str = "Payments",
    group: str = "",
    now: datetime = NOW,
) -> Host:
    """In a group of this name, by default one for the environment and owner."""
    label = group or f"{owner} {environment}".strip()
    found = Group.objects.filter(name=label).first() or fleet.add_group(
        name=label, environment=environment, owner=owner, actor=None, now=now
    )
    return fleet.add_host(
        name=name, url=f"unix:///run/{name}.sock", group=found, actor=None, now=now
    )


def named(case: str, name: str = "", **facts: Any) -> Container:
    """The recorded container of this case, with another name and other facts where given."""
    name = name or case.replace("_", "-")
    number = hashlib.sha256(f"{case} {name}".encode()).hexdigest()
    return replace(recorded(case), name=name, **{"id": number, **facts})


def begin(host: Host, *, now: datetime = NOW) -> Begun:
    scan = Scan.objects.create(host=host, kind=ScanKind.SCHEDULE, queued_at=now)
    begun = actions.begin(scan.pk, now=now)
    assert begun is not None
    return begun


def scan(
    host: Host,
    /,
    *containers: Container,
    networks: Iterable[Network] | None = (),
    gaps: Iterable[Gap] = (),
    now: datetime = NOW,
    **more: Any,
) -> Scan:
    """A finished scan that saw these containers; `more` are other parts of the snapshot."""
    begun = begin(host, now=now)
    seen: dict[str, Any] = {
        "host": replace(recorded_host(), name=host.name),
        "containers": tuple(sorted(containers, key=lambda found: found.name)),
        "images": (),
        "networks": None if networks is None else tuple(networks),
        "volumes": (),
        "gaps": tuple(gaps),
    }
    snapshot = Snapshot(**seen | more)
    actions.assess(begun, snapshot, now=now)
    return Scan.objects.get(id=begun.scan_id)


def failed_scan(
    host: Host,
    *,
    kind: str = "refused",
    message: str = "The socket was reached, but nothing listens there.",
    advice: str = "Start the engine.",
    now: datetime = NOW,
) -> Scan:
    begun = begin(host, now=now)
    actions.fail(begun, EngineError(kind, message, advice), now=now)
    found = Scan.objects.get(id=begun.scan_id)
    assert found.state == ScanState.FAILED
    return found
