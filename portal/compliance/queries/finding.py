"""What the page of one finding shows."""

from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Count, Q

from portal.compliance.models import (
    Cause,
    Change,
    Result,
    Scan,
    ScanState,
    Transition,
    Verdict,
    state_of,
)
from portal.compliance.queries import causes
from portal.compliance.queries.findings import Line, Lines, in_a_line, line, results
from portal.compliance.queries.fixes import Remedy, image, remedy
from portal.core import display
from portal.core.errors import NotFound
from portal.policies.queries import catalogue
from scanner import Rule

MOST_CHANGES = 20
MOST_RELATED = 5
_DONE = (ScanState.COMPLETE, ScanState.PARTIAL)
_WORDS = {
    Change.OPENED: "First seen to fail",
    Change.REOPENED: "Came back",
    Change.RESOLVED: "Fixed",
    Change.VANISHED: "Gone: it was not there any more",
    Change.UNJUDGED: "Not judged any more: the policy leaves its rule out",
    Change.UNREADABLE: "Could not be read; it stays open",
    Change.READABLE: "Read again, and it still fails",
}


class Entry(NamedTuple):
    """For components/timeline.html."""

    at: datetime
    text: str
    icon: str
    tone: str
    detail: str = ""
    url: str = ""
    actor: str = ""
    scan: int | None = None


class Finding(NamedTuple):
    """`state` is "open", "fixed", "gone" or "" for what never failed. `evidence` are the facts that
    decided last, read at `read_at`; where nothing can be read now, those of the last fail."""

    result: Result
    line: Line
    rule: Rule[Any, Any] | None
    state: str
    came_back: str
    evidence: list[Any]
    read_at: datetime | None
    judged_before: int
    remedy: Remedy | None
    timeline: list[Entry]
    earlier_changes: int
    elsewhere: list[Line]
    beside: list[Line]
    scanning: bool


def finding(finding_id: int) -> Finding:
    """Six queries, and one more about an image. Raises NotFound."""
    columns = ("host__group", "container__config")
    found = Result.objects.filter(id=min(finding_id, 2**63 - 1)).select_related(*columns).first()
    if found is None:
        raise NotFound("There is no such finding. It may have been removed with its host.")
    changes = list(Transition.objects.filter(result=found).select_related("scan"))
    evidence, read_at = _evidence(found, changes)
    rule = catalogue().get(found.rule)
    elsewhere = results().filter(open=True, rule=found.rule)
    elsewhere = elsewhere.exclude(host=found.host, subject=found.subject)
    beside = results().filter(open=True, host=found.host, workload=found.workload)
    beside = beside.filter(subject=found.subject).exclude(id=found.pk)
    running = Scan.objects.filter(
        host=found.host, state__in=(ScanState.QUEUED, ScanState.RUNNING)
    ).exists()
    return Finding(
        result=found,
        line=line(found),
        rule=rule,
        state=state_of(found),
        came_back=_times(found.times_opened - 1),
        evidence=evidence,
        read_at=read_at,
        judged_before=found.rule_version if rule and rule.version != found.rule_version else 0,
        remedy=remedy(
            found.rule,
            found.container,
            image(found.host, found.subject) if found.subject_kind == "image" else None,
        ),
        timeline=_timeline(found, changes),
        earlier_changes=max(len(changes) - MOST_CHANGES, 0),
        elsewhere=_first(elsewhere),
        beside=_first(beside),
        scanning=running,
    )


def _first(found: Any) -> list[Line]:
    return Lines(found.order_by("-severity", "failed_since", "id"), MOST_RELATED)[:MOST_RELATED]


def _times(number: int) -> str:
    words = {1: "once", 2: "twice"}
    return words.get(number, f"{display.integer(number)} times") if number > 0 else ""


def _evidence(found: Result, changes: list[Transition]) -> tuple[list[Any], datetime | None]:
    if found.gone_at is not None:
        return found.evidence, None
    if not found.open or found.verdict != Verdict.UNKNOWN:
        return found.evidence, found.host.last_success_at
    for change in changes:
        if change.verdict == Verdict.FAIL:
            return change.evidence, change.at
    return found.evidence, None


def _timeline(found: Result, changes: list[Transition]) -> list[Entry]:
    """The newest first, with one line for all the scans between two changes."""
    begins = len(changes) <= MOST_CHANGES
    changes = changes[:MOST_CHANGES]
    ends = [change.at for change in changes]
    if begins and found.first_seen_at not in ends:
        ends.append(found.first_seen_at)
    quiet = _scans_between(found, ends)
    entries = []
    for place, at in enumerate(ends):
        if number := quiet[place]:
            scans = display.counted(number, "scan")
            entries.append(Entry(at, f"Unchanged in {scans} after that", "history", "na"))
        if place < len(changes):
            entries.append(_entry(changes[place], found.subject_kind))
        else:
            entries.append(Entry(at, "First seen", "eye", "na"))
    return entries


def _entry(change: Transition, kind: str) -> Entry:
    sign = display.STATES[change.change]
    detail = in_a_line(change.evidence, "") if change.verdict == Verdict.FAIL else ""
    return Entry(change.at, _said(change, kind), sign.icon, sign.tone, detail, scan=change.scan_id)


def _said(change: Transition, kind: str) -> str:
    """What happened to a finding of a subject of this kind, and why where that is known."""
    words = _WORDS[Change(change.change)]
    scan = change.scan
    why = causes.clause(change.cause, kind, *((scan.policy, scan.rule_set) if scan else ()))
    if not why or change.change in (Change.UNREADABLE, Change.READABLE):
        return words
    if change.change == Change.UNJUDGED and change.cause == Cause.POLICY:
        return f"{words} ({scan.policy})" if scan else words
    return f"{words.partition(':')[0]}: {why}"


def _scans_between(found: Result, ends: list[datetime]) -> list[int]:
    """How many scans read the host after each of these times, up to the one before it."""
    last = found.gone_at
    counts = {}
    for place, start in enumerate(ends):
        within = Q(finished_at__gt=start)
        if place:
            within &= Q(finished_at__lt=ends[place - 1])
        elif last is not None:
            within &= Q(finished_at__lt=last)
        counts[f"after_{place}"] = Count("id", filter=within)
    scans = Scan.objects.filter(host=found.host, state__in=_DONE, finished_at__gte=ends[-1])
    numbers = scans.order_by().aggregate(**counts)
    return [numbers[f"after_{place}"] for place in range(len(ends))]
