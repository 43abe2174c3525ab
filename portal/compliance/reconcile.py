"""What stood and what was just judged -> what has to be written. Pure.

Only a fail opens, only a pass or a not-applicable fixes, only an absence that was really looked at
says gone, and an unknown changes nothing but the verdict.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from portal.compliance.attribution import Flow
from portal.compliance.models import Cause, Change, Severity, Verdict
from scanner import Result, Snapshot

SEVERITIES = {
    "low": Severity.LOW,
    "medium": Severity.MEDIUM,
    "high": Severity.HIGH,
    "critical": Severity.CRITICAL,
}
NOT_SEEN = "the last scan could not see whether this is still so"
# Replicas of one workload are one unit: the worst verdict among them is its verdict.
_WORST = {Verdict.NOT_APPLICABLE: 0, Verdict.PASS: 1, Verdict.UNKNOWN: 2, Verdict.FAIL: 3}


class Unit(msgspec.Struct, gc=False):
    """A row of results, as it stands or as it should. Field names are those of the model."""

    identity: bytes
    rule: str
    subject_kind: str
    workload: str
    subject: str
    sub_object: str
    verdict: str
    severity: int
    evidence: list[Any]
    reason: str
    first_seen_at: datetime
    changed_at: datetime
    gone_at: datetime | None = None
    open: bool = False
    first_failed_at: datetime | None = None
    failed_since: datetime | None = None
    resolved_at: datetime | None = None
    times_opened: int = 0
    known_verdict: str = ""
    id: int | None = None


def unlisted(snapshot: Snapshot) -> frozenset[str]:
    """The kinds of subjects that the engine did not list."""
    lists = {"network": snapshot.networks, "image": snapshot.images}
    return frozenset(kind for kind, listed in lists.items() if listed is None)


class Step(NamedTuple):
    unit: Unit
    change: Change
    cause: Cause = Cause.FLEET


class Plan(NamedTuple):
    """`written` units are new (id None) or changed; `deleted` are units that never failed and are
    gone; `standing` are all units that are there afterwards; `gone` are those that failed once and
    are kept for their history; `flows` are those that are counted in another way than before."""

    written: list[Unit]
    deleted: list[Unit]
    steps: list[Step]
    standing: list[Unit]
    gone: list[Unit]
    flows: list[Flow]

    def count(self, *changes: Change) -> int:
        return sum(step.change in changes for step in self.steps)


def identity(host_id: int, rule: str, kind: str, workload: str, sub_object: str) -> bytes:
    """SHA-256 of the tuple that makes a unit the same one; the container's id is no part of it."""
    # As JSON, in which no text can run into the next.
    parts = (host_id, rule, kind, workload, sub_object)
    return hashlib.sha256(msgspec.json.encode(parts)).digest()


def observed(host_id: int, results: Iterable[Result], now: datetime) -> dict[bytes, Unit]:
    """The results as units; those of a workload's replicas become one, the worst deciding."""
    units: dict[bytes, Unit] = {}
    for result in results:
        subject = result.subject
        sub_object = result.sub_object[:1000]
        workload = subject.workload[:700]
        key = identity(host_id, result.rule, subject.kind, workload, sub_object)
        verdict = result.verdict.value
        before = units.get(key)
        if before is not None and _WORST[Verdict(before.verdict)] >= _WORST[Verdict(verdict)]:
            continue
        units[key] = Unit(
            identity=key,
            rule=result.rule,
            subject_kind=subject.kind,
            workload=workload,
            subject=subject.name[:300],
            sub_object=sub_object,
            verdict=verdict,
            severity=SEVERITIES[result.severity.value],
            evidence=list(msgspec.to_builtins(result.evidence)),
            reason=result.reason,
            first_seen_at=now,
            changed_at=now,
        )
    return units


class Rejudged(NamedTuple):
    """What was stored before, judged by what has changed since: `cause` says what that is."""

    units: Mapping[bytes, Unit]
    cause: Cause

    def explains(self, key: bytes, new: Unit | None) -> bool:
        """Whether the same verdict would have come of what was there before."""
        old = self.units.get(key)
        return old is None if new is None else old is not None and old.verdict == new.verdict


def counted(unit: Unit | None, now: datetime, grace: timedelta) -> str:
    """In which count of the posture it is; "" in none. Within the window of grace an unknown one
    that passed is held, and one that was not applicable stays outside."""
    if unit is None or unit.gone_at is not None:
        return ""
    if unit.verdict != Verdict.UNKNOWN:
        return _COUNTED[Verdict(unit.verdict)]
    graced = unit.known_verdict in _GRACED and now < unit.changed_at + grace
    return _GRACED[unit.known_verdict] if graced else "unknown"


_COUNTED = {Verdict.PASS: "passed", Verdict.FAIL: "failed", Verdict.NOT_APPLICABLE: ""}
_GRACED: dict[str, str] = {Verdict.PASS.value: "held", Verdict.NOT_APPLICABLE.value: ""}


def plan(
    standing: Mapping[bytes, Unit],
    seen: Mapping[bytes, Unit],
    now: datetime,
    unlisted: frozenset[str] = frozenset(),
    rules: Collection[str] | None = None,
    rejudged: Rejudged | None = None,
    grace: timedelta = timedelta(0),
) -> Plan:
    """`standing` are the host's units by identity, `seen` those of a finished scan. `unlisted` are
    kinds of subjects that the engine did not list this time: nothing can be said of their units.
    `rules` are those by which was judged (None: by all): what others said ends, and is not fixed.
    `rejudged` is given where the rules or the policy are not those that judged before.
    """
    written: list[Unit] = []
    deleted: list[Unit] = []
    steps: list[Step] = []
    after: list[Unit] = []
    gone: list[Unit] = []
    why = _Why(standing, seen, now, grace, rejudged)
    for key, new in seen.items():
        old = standing.get(key)
        unit, change = _appeared(new, now) if old is None else _again(old, new, now)
        if old is None or unit is not old:
            written.append(unit)
        if change is not None:
            steps.append(Step(unit, change, why.cause(key, unit, change)))
        why.note(key, old, unit)
        after.append(unit)

    judged = _judged(seen)
    for key, old in standing.items():
        if key in seen:
            continue
        if old.gone_at is not None:
            gone.append(old)
            continue
        readable = judged.get((old.rule, old.workload))
        left_out = rules is not None and old.rule not in rules
        if not left_out and (readable is False or old.subject_kind in unlisted):
            unit, change = _hidden(old, now)
            after.append(unit)
        elif old.first_failed_at is None:
            deleted.append(old)
            why.note(key, old, None, left_out=left_out)
            continue
        else:
            mended = readable is True
            unit, change = _left_out(old, now) if left_out else _vanished(old, mended, now)
            gone.append(unit)
        if unit is not old:
            written.append(unit)
        if change is not None:
            steps.append(Step(unit, change, why.cause(key, unit, change)))
        why.note(key, old, unit, left_out=left_out)
    return Plan(written, deleted, steps, after, gone, why.flows)


class _Why:
    """Says of each unit why it changed, and notes those that are counted in another way."""

    def __init__(
        self,
        standing: Mapping[bytes, Unit],
        seen: Mapping[bytes, Unit],
        now: datetime,
        grace: timedelta,
        rejudged: Rejudged | None,
    ) -> None:
        self.flows: list[Flow] = []
        self._now, self._grace, self._rejudged = now, grace, rejudged
        self._stood = {_subject(unit) for unit in standing.values() if unit.gone_at is None}
        self._there = {_subject(unit) for unit in seen.values()}

    def cause(self, key: bytes, unit: Unit, change: Change) -> Cause:
        if change == Change.UNJUDGED:
            return self._rejudged.cause if self._rejudged else Cause.RULES
        if self._rejudged and self._rejudged.explains(key, None if unit.gone_at else unit):
            return self._rejudged.cause
        if change in (Change.UNREADABLE, Change.READABLE):
            return Cause.COVERAGE
        if change == Change.VANISHED:
            return Cause.VANISHED
        appeared = change != Change.RESOLVED and _subject(unit) not in self._stood
        return Cause.APPEARED if appeared else Cause.FLEET

    def note(
        self, key: bytes, old: Unit | None, new: Unit | None, *, left_out: bool = False
    ) -> None:
        if new is old:
            return
        before = counted(old, self._now, self._grace)
        after = counted(new, self._now, self._grace)
        unit = new or old
        if before == after or unit is None:
            return
        there = None if new is None or new.gone_at is not None else new
        if left_out or (self._rejudged and self._rejudged.explains(key, there)):
            cause = "rules"
        else:
            cause = self._moved(_subject(unit), before, after)
        self.flows.append(Flow(unit.rule, before, after, cause))

    def _moved(self, subject: tuple[str, str], before: str, after: str) -> str:
        if before and after and {before, after} & {"unknown", "held"}:
            return "coverage"
        if after == "failed":
            return "regressions" if before or subject in self._stood else "added"
        if before == "failed":
            return "fixes" if after or subject in self._there else "removed"
        return "removed" if not after else "added"


def _subject(unit: Unit) -> tuple[str, str]:
    return unit.subject_kind, unit.workload


def _judged(seen: Mapping[bytes, Unit]) -> dict[tuple[str, str], bool]:
    """The rules and workloads that were seen; False where the reading of one broke off."""
    judged = {(unit.rule, unit.workload): True for unit in seen.values()}
    for unit in seen.values():
        if unit.verdict == Verdict.UNKNOWN:
            judged[unit.rule, unit.workload] = False
    return judged


def _appeared(new: Unit, now: datetime) -> tuple[Unit, Change | None]:
    if new.verdict != Verdict.FAIL:
        return new, None
    opened = msgspec.structs.replace(
        new, open=True, first_failed_at=now, failed_since=now, times_opened=1
    )
    return opened, Change.OPENED


def _again(old: Unit, new: Unit, now: datetime) -> tuple[Unit, Change | None]:
    """The same object as `old` if nothing has to be written."""
    unit = msgspec.structs.replace(
        old,
        subject=new.subject,
        verdict=new.verdict,
        severity=new.severity,
        evidence=new.evidence,
        reason=new.reason,
        gone_at=None,
        known_verdict=_known(old, new.verdict),
    )
    if old.verdict != new.verdict or old.gone_at is not None:
        unit.changed_at = now
    change = None
    if new.verdict == Verdict.FAIL and not old.open:
        change = Change.OPENED if old.first_failed_at is None else Change.REOPENED
        unit.open = True
        unit.first_failed_at = old.first_failed_at or now
        unit.failed_since = now
        unit.resolved_at = None
        unit.times_opened += 1
    elif new.verdict in (Verdict.PASS, Verdict.NOT_APPLICABLE) and old.open:
        change = Change.RESOLVED
        unit.open = False
        unit.resolved_at = now
    elif old.open and old.verdict != new.verdict:
        change = Change.UNREADABLE if new.verdict == Verdict.UNKNOWN else Change.READABLE
    return (old, None) if unit == old else (unit, change)


def _hidden(old: Unit, now: datetime) -> tuple[Unit, Change | None]:
    """Whether it is still there could not be seen."""
    if old.verdict == Verdict.UNKNOWN:
        return old, None
    unit = msgspec.structs.replace(
        old,
        verdict=Verdict.UNKNOWN.value,
        reason=NOT_SEEN,
        changed_at=now,
        known_verdict=_known(old, Verdict.UNKNOWN),
    )
    return unit, Change.UNREADABLE if old.open else None


def _known(old: Unit, verdict: str) -> str:
    """What was known of a unit before it became unknown; "" for what is known now."""
    if verdict != Verdict.UNKNOWN:
        return ""
    if old.gone_at is not None:
        return ""
    return old.known_verdict if old.verdict == Verdict.UNKNOWN else old.verdict


def _left_out(old: Unit, now: datetime) -> tuple[Unit, Change | None]:
    """Its rule is off, in shadow or no more: nobody looked, so it is neither fixed nor away."""
    return _ended(old, now), Change.UNJUDGED if old.open else None


def _vanished(old: Unit, mended: bool, now: datetime) -> tuple[Unit, Change | None]:
    """`mended`: the subject is there and judged, so that only what was wrong with it is gone. Its
    unit then says pass, and all the same it is no longer counted."""
    unit = _ended(old, now)
    if mended:
        unit.verdict = Verdict.PASS.value
    if not old.open:
        return unit, None
    return unit, Change.RESOLVED if mended else Change.VANISHED


def _ended(old: Unit, now: datetime) -> Unit:
    return msgspec.structs.replace(
        old,
        gone_at=now,
        changed_at=now,
        open=False,
        resolved_at=now if old.open else old.resolved_at,
    )
