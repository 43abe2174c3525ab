"""The fleet at a glance: what needs a person, the score, and where it is worst."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Sum

from portal.compliance.models import (
    Result,
    Scan,
    Severity,
    Standing,
    Tally,
    Transition,
    Verdict,
)
from portal.compliance.queries.scans import Progress, progress, rule_title
from portal.compliance.score import Score, fleet_score, letter
from portal.core import display
from portal.fleet import queries as fleet
from portal.fleet.models import Environment, Host
from portal.fleet.queries import Scope

STATES = ("ok", "partial", "stale", "unreachable", "unauthorised", "new")
SEVERITIES = tuple(level.name.lower() for level in reversed(Severity))
_NEW = timedelta(hours=24)
_SHOWN = 7
_CHANGES = 10
_LOOKED_AT = 200
_COUNTED = (Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN)


class Member(NamedTuple):
    """A host of the scope; `standing` is None until a scan has read it."""

    host: Host
    state: str
    standing: Standing | None

    @property
    def letter(self) -> str | None:
        figures = self.standing or Standing(formula=0)
        return letter(figures.posture, open_critical=figures.critical, open_high=figures.high)


class Summary(NamedTuple):
    """Figures of several hosts together. `scored` of them have been read at least once."""

    hosts: int
    scored: int
    current: int
    score: Score
    with_critical: int
    critical: int
    high: int
    medium: int
    low: int

    @property
    def open(self) -> int:
        return self.critical + self.high + self.medium + self.low


def members(scope: Scope, now: datetime) -> list[Member]:
    """Two queries, and a row of each for every host."""
    figures = {
        standing.pk: standing
        for standing in Standing.objects.filter(scope.condition("host__")).defer("results_digest")
    }
    hosts = fleet.with_ends(fleet.hosts(scope)).defer("engine", "diagnosis", "advice")
    return [Member(host, fleet.state(host, now), figures.get(host.pk)) for host in hosts]


def summary(found: Sequence[Member]) -> Summary:
    standings = [member.standing for member in found if member.standing is not None]
    score = fleet_score(
        (
            Score(member.standing.posture, member.standing.accepted, member.standing.coverage),
            member.host.group.criticality,
        )
        for member in found
        if member.standing is not None
    )

    def total(name: str) -> int:
        return sum(getattr(standing, name) for standing in standings)

    return Summary(
        hosts=len(found),
        scored=len(standings),
        current=sum(member.state == "ok" for member in found),
        score=score,
        with_critical=sum(standing.critical > 0 for standing in standings),
        **{name: total(name) for name in SEVERITIES},
    )


class Coverage(NamedTuple):
    """`states` are the states that hosts are in, with how many are. `last` is the newest scan that
    read a host, `oldest` the one whose host has waited longest since, `due` when the next comes."""

    states: list[tuple[str, int]]
    containers: int
    running: int
    last: datetime | None
    oldest: datetime | None
    due: datetime | None


def coverage(found: Sequence[Member]) -> Coverage:
    states = [member.state for member in found]
    hosts = [member.host for member in found]
    read = [host.last_success_at for host in hosts if host.last_success_at]
    return Coverage(
        [(state, states.count(state)) for state in STATES if state in states],
        sum(host.containers_total for host in hosts),
        sum(host.containers_running for host in hosts),
        max(read, default=None),
        min(read, default=None),
        min((host.next_scan_at for host in hosts if host.next_scan_at), default=None),
    )


class Environmental(NamedTuple):
    value: str
    label: str
    summary: Summary


def by_environment(found: Iterable[Member]) -> list[Environmental]:
    grouped: dict[str, list[Member]] = {}
    for member in found:
        grouped.setdefault(member.host.group.environment, []).append(member)
    return [
        Environmental(value, str(label), summary(grouped[value]))
        for value, label in Environment.choices
        if value in grouped
    ]


class Alert(NamedTuple):
    """Something that needs a person. `kind` is a state of hosts, "critical" for findings, or
    "certificate" for hosts on the way to which one ends;
    `since` is when the oldest of them began, where that says something."""

    kind: str
    text: str
    since: datetime | None = None


def alerts(scope: Scope, found: Sequence[Member], now: datetime) -> list[Alert]:
    """The four that matter most. One query."""
    shown = []
    for state, word in (("unreachable", "unreachable"), ("unauthorised", "not authorised")):
        if hosts := _in(found, state):
            # When it was read for the last time: since then nobody knows.
            since = min(host.last_success_at or host.created_at for host in hosts)
            shown.append(Alert(state, f"{display.counted(len(hosts), 'host')} {word}", since))
    if new := _new_critical(scope, now):
        text = f"{display.counted(new, 'critical finding')} opened in the last 24 hours"
        shown.append(Alert("critical", text))
    if ending := [member.host for member in found if _ends_soon(member.host, now)]:
        shown.append(_certificates(ending, now))
    if hosts := _in(found, "stale"):
        text = f"{display.counted(len(hosts), 'host')} not read for two scan intervals"
        shown.append(Alert("stale", text))
    if (hosts := _in(found, "new")) and len(hosts) < len(found):
        shown.append(Alert("new", f"{display.counted(len(hosts), 'host')} never scanned"))
    if hosts := _in(found, "partial"):
        shown.append(Alert("partial", f"{display.counted(len(hosts), 'host')} only partly read"))
    return shown[:4]


def _ends_soon(host: Any, now: datetime) -> bool:
    return host.ends is not None and host.ends <= now + fleet.SOON


def _certificates(hosts: Sequence[Any], now: datetime) -> Alert:
    if len(hosts) > 1:
        text = f"Certificates of {display.counted(len(hosts), 'host')} end within 30 days"
        return Alert("certificate", text)
    [host] = hosts
    ends = "ended" if host.ends <= now else "ends"
    return Alert("certificate", f"A certificate of {host.name} {ends} on {display.day(host.ends)}")


def _in(found: Iterable[Member], state: str) -> list[Host]:
    return [member.host for member in found if member.state == state]


def _new_critical(scope: Scope, now: datetime) -> int:
    recent = Result.objects.filter(
        scope.condition("host__"),
        open=True,
        severity=Severity.CRITICAL,
        failed_since__gte=now - _NEW,
    )
    return recent.count()


class WorstRule(NamedTuple):
    slug: str
    title: str
    severity: int
    failing: int
    units: int


class Checks(NamedTuple):
    """What the last look at each host gave, also where that was long ago: the lists hold as many.
    `worst` are the rules that fail most, by severity and then by how much fails."""

    passed: int
    failed: int
    excepted: int
    unknown: int
    worst: list[WorstRule]

    @property
    def total(self) -> int:
        return self.passed + self.failed + self.excepted + self.unknown


def checks(scope: Scope) -> Checks:
    """One query."""
    rows = (
        Tally.objects.filter(scope.condition("host__"), verdict__in=_COUNTED)
        .values_list("rule", "severity", "verdict")
        .annotate(Sum("amount"))
        .order_by()
    )
    totals: Counter[str] = Counter()
    units: Counter[str] = Counter()
    failing: Counter[str] = Counter()
    severities: dict[str, int] = {}
    for rule, severity, verdict, amount in rows:
        totals[verdict] += amount
        units[rule] += amount
        if verdict == Verdict.FAIL:
            failing[rule] += amount
            severities[rule] = max(severity, severities.get(rule, 0))
    worst = sorted(failing, key=lambda rule: (-severities[rule], -failing[rule], rule))[:_SHOWN]
    return Checks(
        passed=totals[Verdict.PASS],
        failed=totals[Verdict.FAIL],
        excepted=0,
        unknown=totals[Verdict.UNKNOWN],
        worst=[
            WorstRule(rule, rule_title(rule), severities[rule], failing[rule], units[rule])
            for rule in worst
        ],
    )


def worst_hosts(found: Iterable[Member]) -> list[Member]:
    """By open critical, then high, then the score."""
    troubled = [
        (standing, member)
        for member in found
        if (standing := member.standing) and (standing.critical or standing.high)
    ]

    def weight(pair: tuple[Standing, Member]) -> tuple[Any, ...]:
        standing, member = pair
        return -standing.critical, -standing.high, standing.posture or 0.0, member.host.name

    return [member for _, member in sorted(troubled, key=weight)[:_SHOWN]]


class Changed(NamedTuple):
    """What one scan changed by one rule. `change` is a key of display.STATES, `subject` is "" for
    the host itself, and so many `others` changed likewise."""

    finding_id: int
    change: str
    title: str
    subject: str
    others: int
    where: str
    owner: str
    at: datetime


def changes(scope: Scope) -> list[Changed]:
    """The latest first. One query."""
    rows = list(
        Transition.objects.filter(scope.condition("host__"))
        .select_related("result", "host__group")
        .defer("evidence", "result__evidence", "host__engine")
        .order_by("-at", "-id")[:_LOOKED_AT]
    )
    alike: dict[tuple[Any, ...], list[Transition]] = {}
    for row in rows:
        key = (row.at, row.host_id, row.result.rule, row.change)
        alike.setdefault(key, []).append(row)
    groups = list(alike.values())
    if len(rows) == _LOOKED_AT and len(groups) > 1:
        groups.pop()  # there may be more of it than was looked at
    # Of one moment, the most severe first.
    groups.sort(key=lambda group: (group[0].at, group[0].result.severity), reverse=True)
    return [_changed(group) for group in groups[:_CHANGES]]


def _changed(group: Sequence[Transition]) -> Changed:
    result = group[0].result
    return Changed(
        result.pk,
        group[0].change,
        rule_title(result.rule),
        "" if result.subject_kind == "host" else result.subject,
        len(group) - 1,
        group[0].host.name,
        group[0].host.group.owner,
        group[0].at,
    )


def first_scan(scope: Scope, found: Iterable[Member], now: datetime) -> Progress | None:
    """The scan that gives the first results, where there are none yet; one that is due counts as
    waiting. One query."""
    ahead = Scan.objects.filter(scope.condition("host__"), finished_at__isnull=True).select_related(
        "host"
    )
    if scan := ahead.order_by("-state", "id").first():  # "running" before "queued"
        return progress(scan)
    due = any(host.next_scan_at and host.next_scan_at <= now for host in _in(found, "new"))
    return Progress(None, "The first scan begins within seconds", 0, 0) if due else None
