"""Scans: what runs, what comes next, what has been, and one scan with what it changed."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Count, F, Max, QuerySet
from django.http import QueryDict

from portal.compliance.models import Change, Scan, ScanKind, ScanState, Transition, Verdict
from portal.compliance.queries import causes
from portal.compliance.queries.findings import in_a_line
from portal.core import display
from portal.core.errors import NotFound
from portal.core.health import Part
from portal.fleet import queries as fleet
from portal.fleet.models import Host, Ledger, Reading
from portal.fleet.queries import Scope
from portal.policies.queries import catalogue

KINDS = {str(kind.value): str(kind.label) for kind in ScanKind}
OUTCOMES = {
    state.value: str(state.label) for state in ScanState if state not in ("queued", "running")
}
READ = (ScanState.COMPLETE, ScanState.PARTIAL)
PAGE = 50
RUNS_SHOWN = 20
NEXT_SHOWN = 5
WORSE = (Change.OPENED, Change.REOPENED)
BETTER = (Change.RESOLVED, Change.VANISHED)
UNREAD = (Change.UNREADABLE, Change.READABLE)
LEFT_OUT = (Change.UNJUDGED,)
GROUPS = {"worse": WORSE, "better": BETTER, "unread": UNREAD, "left_out": LEFT_OUT}
_PHASES = {
    "connecting": "Connecting to the engine",
    "reading": "Reading containers",
    "processes": "Reading process lists",
    "judging": "Judging what was read",
}


class Progress(NamedTuple):
    """How far a scan is. `total` is 0 while it is not known how much there is to do; `scan` is
    None for one that is due but not queued yet."""

    scan: Scan | None
    text: str
    done: int
    total: int

    @property
    def detail(self) -> str:
        return (
            f"{display.integer(self.done)} of {display.integer(self.total)}" if self.total else ""
        )


def progress(scan: Scan) -> Progress:
    if scan.state == ScanState.QUEUED:
        again = f" again, after {display.counted(scan.attempts, 'lost attempt')}"
        return Progress(scan, f"Waiting for a worker{again if scan.attempts else ''}", 0, 0)
    text = _PHASES.get(scan.phase, "Starting")
    return Progress(scan, text, min(scan.done, scan.total), scan.total)


class Ahead(NamedTuple):
    """Scans that run, and how many wait; `queued` are the first of those."""

    running: list[Progress]
    queued: list[Progress]
    waiting: int

    @property
    def any(self) -> bool:
        return bool(self.running or self.queued)

    @property
    def more(self) -> int:
        return self.waiting - len(self.queued)


def ahead(scope: Scope) -> Ahead:
    """At most two queries, the longest at it first."""
    unfinished = (
        Scan.objects.filter(scope.condition("host__"), finished_at__isnull=True)
        .select_related("host")
        .defer("host__engine")
    )
    # "running" before "queued"; those that people wait for go first.
    shown = list(unfinished.order_by("-state", "kind", "queued_at", "id")[: RUNS_SHOWN + 1])
    running = [progress(scan) for scan in shown if scan.state == ScanState.RUNNING]
    queued = [progress(scan) for scan in shown if scan.state == ScanState.QUEUED]
    if len(shown) <= RUNS_SHOWN:
        return Ahead(running, queued, len(queued))
    waiting = unfinished.filter(state=ScanState.QUEUED).count()
    return Ahead(running, queued[: max(RUNS_SHOWN - len(running), 0)], waiting)


def upcoming(scope: Scope, now: datetime) -> list[Host]:
    """The hosts that are due next; those that are due already are about to be queued."""
    hosts = fleet.hosts(scope).filter(next_scan_at__gt=now).order_by("next_scan_at", "id")
    return list(hosts.defer("engine")[:NEXT_SHOWN])


class Filters(NamedTuple):
    """What the query string asks for; a value that names nothing is left out."""

    kind: str = ""
    outcome: str = ""
    host: str = ""
    before: int | None = None

    @classmethod
    def of(cls, query: QueryDict) -> "Filters":
        kind, outcome, before = (query.get(name, "") for name in ("kind", "outcome", "before"))
        number = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
        return cls(
            kind if kind in KINDS else "",
            outcome if outcome in OUTCOMES else "",
            query.get("host", "").replace("\0", "").strip()[:110],
            number,
        )

    @property
    def parameters(self) -> dict[str, str]:
        """Without `before`: another filter begins with the newest."""
        found = {"kind": self.kind, "outcome": self.outcome, "host": self.host}
        return {name: value for name, value in found.items() if value}


class Past(NamedTuple):
    """A scan that is over. `read` is False where the host could not be read at all."""

    scan: Scan
    took: timedelta | None
    read: bool


class History(NamedTuple):
    """The newest first; `older` is the number to ask for those before, None at the end."""

    rows: list[Past]
    older: int | None


def history(scope: Scope, filters: Filters) -> History:
    """One query, however long the history is: a log is paged by number, not by place."""
    found = Scan.objects.filter(scope.condition("host__"), finished_at__isnull=False)
    if filters.kind:
        found = found.filter(kind=filters.kind)
    if filters.outcome:
        found = found.filter(state=filters.outcome)
    if filters.host:
        found = found.filter(host__slug=filters.host)
    if filters.before is not None:
        found = found.filter(id__lt=filters.before)
    rows = list(
        found.select_related("host").defer("gaps", "host__engine").order_by("-id")[: PAGE + 1]
    )
    older = rows[PAGE - 1].pk if len(rows) > PAGE else None
    return History([past(scan) for scan in rows[:PAGE]], older)


def past(scan: Scan) -> Past:
    took = scan.finished_at - scan.started_at if scan.finished_at and scan.started_at else None
    return Past(scan, took, scan.state in READ)


def everywhere(scope: Scope, now: datetime) -> dict[str, int]:
    """How many hosts are in each state. One query."""
    return fleet.coverage(scope, now)


def trouble(parts: dict[str, Part]) -> str:
    """Why scans wait, where a part of the product that they need is not there; else ""."""
    if not parts["broker"]["ok"]:
        return "The message broker does not answer; scans wait."
    for name, reader in (("worker", "No worker"), ("beat", "The scheduler")):
        part = parts[name]
        if part["ok"]:
            continue
        seconds = part.get("age_seconds")
        verb = "has" if name == "worker" else "has not"
        if seconds is None:
            return f"{reader} {verb} reported yet; scans wait."
        return (
            f"{reader} {verb} reported for {display.age(timedelta(seconds=seconds))}; scans wait."
        )
    if not parts["slow-worker"]["ok"]:
        return "The worker for hosts that are slow to answer does not report; their scans wait."
    return ""


def scan(scan_id: int) -> Scan:
    """Raises NotFound."""
    found = Scan.objects.filter(id=scan_id).select_related("host__group", "requested_by").first()
    if found is None:
        raise NotFound("There is no scan of this number. Its host may have been removed.")
    return found


class Counts(NamedTuple):
    """How many findings a scan changed, by what the change means."""

    worse: int
    better: int
    unread: int
    left_out: int

    @property
    def all(self) -> int:
        return sum(self)


def counts(scan: Scan) -> Counts:
    rows = Transition.objects.filter(scan=scan).order_by().values_list("change")
    found = dict(rows.annotate(Count("id")))
    return Counts(*(sum(found.get(change, 0) for change in group) for group in GROUPS.values()))


class Changed(NamedTuple):
    """`change` is a key of display.STATES; `subject` is "" for the host itself. `evidence` is what
    was found, in one line; `why` is "" where nothing is known but that it changed."""

    finding_id: int
    change: str
    title: str
    subject: str
    sub_object: str
    severity: int
    evidence: str
    why: str


def changes(scan: Scan, group: str) -> "QuerySet[Transition]":
    """Of one group, the most severe first."""
    return (
        Transition.objects.filter(scan=scan, change__in=GROUPS[group])
        .select_related("result")
        .order_by(F("result__severity").desc(), "result__rule", "result__subject", "id")
    )


def changed(scan: Scan, rows: Iterable[Transition]) -> list[Changed]:
    return [
        Changed(
            row.result_id,
            row.change,
            rule_title(row.result.rule),
            "" if row.result.subject_kind == "host" else row.result.subject,
            row.result.sub_object,
            row.result.severity,
            in_a_line(row.evidence, "") if row.verdict == Verdict.FAIL else "",
            causes.clause(row.cause, row.result.subject_kind, scan.policy, scan.rule_set),
        )
        for row in rows
    ]


def rule_title(slug: str) -> str:
    """Of a rule that is no longer ours, what is left is its slug."""
    rule = catalogue().get(slug)
    return rule.title if rule else slug


class Gap(NamedTuple):
    """What could not be read for one reason, and of which subjects; `more` are not named."""

    fact: str
    reason: str
    subjects: Sequence[str]
    more: int


_FACTS = {
    "inspect": "Configuration",
    "top": "Process list",
    "image": "Image",
    "images": "List of images",
    "networks": "List of networks",
    "volumes": "List of volumes",
}
_NAMED = 10


def gaps(scan: Scan) -> list[Gap]:
    """By reason, the most frequent first."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for gap in scan.gaps:
        grouped.setdefault((gap["fact"], gap["reason"]), []).append(gap["subject"])
    found = sorted(grouped.items(), key=lambda item: -len(item[1]))
    return [
        Gap(
            _FACTS.get(fact, fact),
            reason,
            [subject for subject in subjects[:_NAMED] if subject != "host"],
            max(len(subjects) - _NAMED, 0),
        )
        for (fact, reason), subjects in found
    ]


class Around(NamedTuple):
    """Of the same host: the scan that read it before this one, and the number of its latest one
    where this is not it."""

    previous: Scan | None
    newest: int | None


def around(scan: Scan) -> Around:
    """Two queries."""
    others = Scan.objects.filter(host=scan.host_id)
    newest = others.aggregate(Max("id"))["id__max"]
    return Around(before(scan), newest if newest != scan.pk else None)


def before(scan: Scan) -> Scan | None:
    """The last scan before this one that read the same host."""
    read = Scan.objects.filter(host=scan.host_id, state__in=READ, id__lt=scan.pk)
    return read.order_by("-id").first()


def after(scan: Scan) -> Scan | None:
    """The next scan after this one that read the same host."""
    read = Scan.objects.filter(host=scan.host_id, state__in=READ, id__gt=scan.pk)
    return read.order_by("id").first()


class Calls(NamedTuple):
    """What the engine was asked, how long that took, and how long judging and keeping did."""

    number: int
    bytes: int
    reading: timedelta
    rest: timedelta


def calls(scan: Scan) -> Calls | None:
    """None where they were not kept. One query."""
    if scan.started_at is None or scan.finished_at is None:
        return None
    within = (scan.started_at, scan.finished_at)
    found = Ledger.objects.filter(host=scan.host_id, kind=Reading.SCAN, at__range=within)
    kept = found.defer("body").order_by("-id").first()
    if kept is None:
        return None
    reading = timedelta(seconds=kept.seconds)
    rest = max(scan.finished_at - scan.started_at - reading, timedelta())
    return Calls(kept.calls, kept.bytes, reading, rest)


MOST_IN_JSON = 10_000


def as_json(scan: Scan) -> dict[str, Any]:
    """A scan with what it changed, the first of it where there is very much. One query."""
    rows = Transition.objects.filter(scan=scan).select_related("result").order_by("id")
    names = ("kind", "state", "attempts", "containers", "opened", "resolved", "unknown")
    times = ("queued_at", "started_at", "finished_at")
    return {
        "scan": scan.pk,
        "host": scan.host.slug,
        **{name: getattr(scan, name) for name in (*names, *times)},
        "rule_set": scan.rule_set,
        "policy": scan.policy,
        "diagnosis": scan.diagnosis,
        "gaps": scan.gaps,
        "changes": [
            {
                "finding": row.result_id,
                "rule": row.result.rule,
                "rule_version": row.rule_version,
                "subject_kind": row.result.subject_kind,
                "subject": row.result.subject,
                "part": row.result.sub_object,
                "severity": display.SEVERITY_RANKS[row.result.severity],
                "change": row.change,
                "cause": row.cause,
                "verdict": row.verdict or None,
                "evidence": row.evidence,
            }
            for row in rows[:MOST_IN_JSON]
        ],
    }


def waits_for_another(scan: Scan) -> bool:
    """Whether it cannot begin yet because its host is being scanned."""
    others: Any = Scan.objects.filter(host=scan.host_id, state=ScanState.RUNNING)
    return scan.state == ScanState.QUEUED and others.exists()
