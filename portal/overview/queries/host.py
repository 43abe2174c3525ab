"""One host: whether it is current, and what is wrong with it."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from django.db.models import Count, Max, Min, Q, QuerySet

from portal.compliance.models import Result, Scan, ScanState, Severity, Standing
from portal.compliance.queries.scans import Progress, progress
from portal.compliance.score import letter
from portal.fleet import queries as fleet
from portal.fleet.models import Container, Host
from portal.policies.queries import catalogue

TABS = {
    "findings": "Findings",
    "containers": "Containers",
    "images": "Images",
    "networks": "Networks",
    "engine": "Engine",
    "scans": "Scans",
    "connection": "Connection",
    "history": "History",
}
SCANS_SHOWN = 60


class Glance(NamedTuple):
    """The head of the page. `last` is the last scan that read the host, `running` one that waits
    or runs, `due` says that the next one is about to be queued."""

    host: Host
    state: str
    standing: Standing | None
    letter: str | None
    checks: int
    last: Scan | None
    running: Progress | None
    due: bool

    @property
    def live(self) -> bool:
        """Something will change without anybody doing anything."""
        return self.due or self.running is not None


def glance(host: Host, now: datetime) -> Glance:
    """Three queries."""
    standing = Standing.objects.filter(host=host).first()
    scans = Scan.objects.filter(host=host)
    waiting = (ScanState.QUEUED, ScanState.RUNNING)
    running = max(
        scans.filter(state__in=waiting), key=lambda scan: scan.state == "running", default=None
    )
    read = (ScanState.COMPLETE, ScanState.PARTIAL)
    last = scans.filter(state__in=read).order_by("-id").first() if standing else None
    figures = standing or Standing(formula=0)
    return Glance(
        host,
        fleet.state(host, now),
        standing,
        letter(figures.posture, open_critical=figures.critical, open_high=figures.high),
        figures.passed + figures.failed + figures.excepted + figures.unknown,
        last,
        progress(running) if running else None,
        running is None and host.next_scan_at is not None and host.next_scan_at <= now,
    )


class Group(NamedTuple):
    """Open findings of one rule. `severity` is the worst among them."""

    rule: str
    title: str
    severity: int
    amount: int
    since: datetime


def findings(host: Host) -> list[Group]:
    """Worst first."""
    rows = (
        Result.objects.filter(host=host, open=True)
        .values("rule")
        .annotate(worst=Max("severity"), count=Count("id"), since=Min("failed_since"))
        .order_by("-worst", "-count", "rule")
    )
    return [
        Group(row["rule"], title(row["rule"]), row["worst"], row["count"], row["since"])
        for row in rows
    ]


def title(slug: str) -> str:
    """A rule's, or its slug where an older version of the product knew it."""
    rule = catalogue().get(slug)
    return rule.title if rule else slug


class Seen(NamedTuple):
    """A container with the verdicts of its workload: replicas are judged together."""

    container: Container
    counts: Mapping[str, int]
    critical: int
    high: int
    replicas: list[str]
    """Names of all containers of the workload, its own among them."""

    @property
    def query(self) -> str:
        """For the list of findings: those of all its replicas."""
        return urlencode({"container": self.replicas}, doseq=True)


def containers(host: Host) -> QuerySet[Container]:
    return fleet.containers(host)


def seen(host: Host, shown: Iterable[Container]) -> list[Seen]:
    """Two queries, however many containers."""
    shown = list(shown)
    workloads = {container.workload for container in shown}
    standing = Q(open=True)
    judged = (
        Result.objects.filter(
            host=host, subject_kind="container", gone_at=None, workload__in=workloads
        )
        .values_list("workload", "verdict")
        .annotate(
            units=Count("id"),
            critical=Count("id", filter=standing & Q(severity=Severity.CRITICAL)),
            high=Count("id", filter=standing & Q(severity=Severity.HIGH)),
        )
    )
    counts: dict[str, dict[str, int]] = {}
    worst: dict[str, list[int]] = {}
    for workload, verdict, units, critical, high in judged:
        counts.setdefault(workload, {})[verdict] = units
        sums = worst.setdefault(workload, [0, 0])
        sums[0] += critical
        sums[1] += high
    replicas: dict[str, list[str]] = {}
    names = fleet.containers(host).filter(workload__in=workloads).values_list("workload", "name")
    for workload, name in names:
        replicas.setdefault(workload, []).append(name)
    return [
        Seen(
            container,
            counts.get(container.workload, {}),
            critical=worst.get(container.workload, [0, 0])[0],
            high=worst.get(container.workload, [0, 0])[1],
            replicas=replicas.get(container.workload, [container.name]),
        )
        for container in shown
    ]


class Past(NamedTuple):
    """One scan; `took` is None while it waits or runs."""

    scan: Scan
    took: timedelta | None


class Strip(NamedTuple):
    """The last scans of a host, the newest first, and how many ended how."""

    scans: list[Past]
    states: list[tuple[str, int]]

    @property
    def past(self) -> list[Past]:
        """The oldest first, as time runs in a picture."""
        return self.scans[::-1]


def scans(host: Host) -> Strip:
    found = list(Scan.objects.filter(host=host).defer("gaps").order_by("-id")[:SCANS_SHOWN])
    states = [scan.state for scan in found]
    return Strip(
        [Past(scan, _took(scan)) for scan in found],
        [(state, states.count(state)) for state in dict.fromkeys(states)],
    )


def _took(scan: Scan) -> timedelta | None:
    if scan.started_at is None or scan.finished_at is None:
        return None
    return scan.finished_at - scan.started_at
