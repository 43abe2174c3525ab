"""The list of hosts: which are not being checked, and which are worst."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.http import QueryDict

from portal.compliance.models import Scan, ScanState, Severity, Standing
from portal.compliance.score import letter
from portal.fleet import queries as fleet
from portal.fleet.models import Host
from portal.fleet.queries import Scope
from portal.overview.queries.connection import Ending, ending

STATES = ("ok", "partial", "stale", "unreachable", "unauthorised", "new")
SEVERITIES = tuple(level.name.lower() for level in reversed(Severity))
TRANSPORTS = {
    "unix": "Unix socket",
    "https": "TCP with TLS",
    "ssh": "SSH",
    "tcp": "TCP without TLS",
}
"""By the scheme of the address."""
ENDING = "ending"
"""Hosts on the way to which a certificate ends soon, or has ended."""
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "name": ("name",),
    "state": ("shown", "name"),
    "scanned": ("last_success_at", "name"),
    "containers": ("containers_total", "name"),
    "critical": ("critical", "high", "medium", "low", "-name"),
    "high": ("high", "medium", "low", "-name"),
    "score": ("posture", "name"),
}
HEADS = (
    ("Host", "name"),
    ("State", "state"),
    ("Last scan", "scanned"),
    ("Engine", ""),
    ("Containers", "containers"),
    ("Critical", "critical"),
    ("High", "high"),
    ("Score", "score"),
)


class Filters(NamedTuple):
    """What the query string asks for; a value that names nothing is left out."""

    states: tuple[str, ...] = ()
    severity: str = ""
    transport: str = ""
    text: str = ""
    certificate: str = ""

    @classmethod
    def of(cls, query: QueryDict) -> "Filters":
        severity, transport = query.get("severity", ""), query.get("transport", "")
        return cls(
            tuple(state for state in STATES if state in query.getlist("state")),
            severity if severity in SEVERITIES else "",
            transport if transport in TRANSPORTS else "",
            query.get("q", "").replace("\0", "").strip()[:200],
            ENDING if query.get("certificate") == ENDING else "",
        )

    def condition(self, now: datetime) -> Q:
        found = Q()
        if self.certificate:
            found &= Q(ends__lte=now + fleet.SOON)
        if self.states:
            found &= Q(shown__in=self.states)
        if self.severity:
            found &= Q(**{f"{self.severity}__gt": 0})
        if self.transport:
            found &= Q(url__startswith=f"{self.transport}://")
        if self.text:
            found &= Q(name__icontains=self.text) | Q(url__icontains=self.text)
        return found


class Row(NamedTuple):
    """`reason` says why a host is not current; `scanning` that a scan waits or runs."""

    host: Host
    state: str
    reason: str
    scanning: bool
    transport: str
    engine: str
    critical: int | None
    high: int | None
    posture: float | None
    letter: str | None
    ending: Ending | None


def hosts(scope: Scope, filters: Filters, now: datetime) -> "QuerySet[Any]":
    """With what a Row needs, not yet ordered."""
    waiting = Scan.objects.filter(host=OuterRef("pk"))
    figures = Standing.objects.filter(host=OuterRef("pk"))
    found: QuerySet[Any] = (
        fleet.with_ends(fleet.with_state(fleet.hosts(scope), now))
        .annotate(
            scanning=Exists(waiting.filter(state=ScanState.RUNNING))
            | Exists(waiting.filter(state=ScanState.QUEUED)),
            **{name: Subquery(figures.values(name)[:1]) for name in ("posture", *SEVERITIES)},
        )
        .filter(filters.condition(now))
    )
    return found


def row(host: Any, now: datetime) -> Row:
    """`host` is one of `hosts`."""
    troubled = host.shown in ("unreachable", "unauthorised")
    return Row(
        host,
        host.shown,
        host.diagnosis if troubled else "",
        host.scanning,
        TRANSPORTS.get(host.url.partition("://")[0], ""),
        engine_name(host.engine),
        host.critical,
        host.high,
        host.posture,
        letter(host.posture, open_critical=host.critical or 0, open_high=host.high or 0),
        ending("Certificate", host.ends, now) if host.ends else None,
    )


def engine_name(engine: Mapping[str, Any]) -> str:
    """As in "Docker 27.3.1"; "" where the engine was not read yet."""
    if not engine:
        return ""
    return f"{engine.get('engine', 'docker').title()} {engine.get('version', '')}".strip()


class Choice(NamedTuple):
    value: str
    label: str
    amount: int
    chosen: bool


def choices(scope: Scope, filters: Filters) -> dict[str, list[Choice]]:
    """What the selects offer, with how many hosts of the scope each has. One query each."""
    inside = scope.condition("host__")
    counted = Standing.objects.filter(inside).aggregate(
        **{name: Count("pk", filter=Q(**{f"{name}__gt": 0})) for name in SEVERITIES}
    )
    reached = Host.objects.filter(scope.condition()).aggregate(
        **{name: Count("pk", filter=Q(url__startswith=f"{name}://")) for name in TRANSPORTS}
    )
    return {
        "severity": [
            Choice(name, f"Open {name}", counted[name], name == filters.severity)
            for name in SEVERITIES
        ],
        "transport": [
            Choice(name, label, reached[name], name == filters.transport)
            for name, label in TRANSPORTS.items()
        ],
    }
