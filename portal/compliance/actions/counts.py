"""Writes the counts under every score: posture by rule, the host's standing, and its day.

The caller has locked the host's row. Nothing is written where nothing changed.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Greatest

from portal.compliance import attribution, reconcile, score
from portal.compliance.attribution import Flow
from portal.compliance.models import (
    HostDay,
    Posture,
    Result,
    Severity,
    Silence,
    Standing,
    Verdict,
)
from portal.compliance.reconcile import Unit
from portal.compliance.score import Counts
from portal.fleet.models import Host

_VERDICTS = ("passed", "failed", "excepted", "unknown", "held", "not_applicable")
_LEVELS = tuple(level.name.lower() for level in Severity)
_COLUMNS = (*_VERDICTS, *_LEVELS)
_SHOWN = ("passed", "failed", "excepted", "unknown")
_BATCH = 200


class Judged(NamedTuple):
    """By what: the policy's version, a digest of the rules and one of the results, and what each
    rule weighs."""

    policy_version: int | None
    rule_set: str
    digest: bytes
    severities: Mapping[str, int]


@transaction.atomic
def recount(host: Host, *, now: datetime) -> None:
    """Where time has passed, or the host fell silent or was heard again: whatever moves by that is
    a matter of coverage. A host that was never judged has nothing to count."""
    if not Standing.objects.filter(host=host).exists():
        return
    count(host, stored_units(host, gone_at=None), (), None, now=now)


def stored_units(host: Host, **conditions: Any) -> Iterator[Unit]:
    """The host's results as they stand."""
    fields = Unit.__struct_fields__
    rows = Result.objects.filter(host=host, **conditions).values_list(*fields)
    for row in rows.iterator(5000):
        unit = Unit(**dict(zip(fields, row, strict=True)))
        unit.identity = bytes(unit.identity)
        yield unit


def recount_due(now: datetime) -> int:
    """Every host whose counts change by the passing of time alone. Returns how many there were."""
    due = Standing.objects.filter(recount_at__lte=now).order_by("recount_at")
    hosts = list(due.values_list("host_id", flat=True)[:_BATCH])
    for host_id in hosts:
        with transaction.atomic():
            host = Host.objects.select_for_update().filter(id=host_id).first()
            if host is not None and due.filter(host=host).exists():
                recount(host, now=now)
    return len(hosts)


def count(
    host: Host,
    units: Iterable[Unit],
    flows: Iterable[Flow],
    judged: Judged | None,
    *,
    now: datetime,
) -> None:
    """`units` are all that are there; without `judged` they are judged as they were."""
    before = Standing.objects.filter(host=host).first()
    old = {row.rule: row for row in Posture.current.filter(host=host)}
    severities = judged.severities if judged else {r: row.severity for r, row in old.items()}
    rows, observed, recount_at = _counted(host, units, severities, now)
    _keep(old, rows, now)

    quiet = Silence.objects.filter(host=host, until=None).first()
    counts = {rule: _counts(row) for rule, row in rows.items()}
    shown = counts
    if quiet is not None:
        ends = quiet.known_at + score.grace(host.scan_interval) if quiet.known_at else now
        shown = {rule: score.silenced(each, graced=now < ends) for rule, each in counts.items()}
        recount_at = min(ends, recount_at or ends) if now < ends else None
    figures = score.host_score(shown.values())
    values: dict[str, Any] = {
        **figures._asdict(),
        "formula": score.FORMULA,
        **{name: sum(getattr(row, name) for row in rows.values()) for name in _LEVELS},
    }
    standing: dict[str, Any] = {
        **values,
        **{name: observed[name] for name in _SHOWN},
        "recount_at": recount_at,
    }
    if judged is not None:
        standing |= {
            "results_digest": judged.digest,
            "judged_by_id": judged.policy_version,
            "rule_set": judged.rule_set,
        }
    Standing.objects.update_or_create(host=host, defaults=standing)

    moved = attribution.points({r: _counts(row) for r, row in old.items()}, flows, counts)
    if before is not None and before.posture is not None and figures.posture is not None:
        # Silence before or after is a step of its own: the rest was reckoned without it.
        told = sum(moved.values())
        moved["coverage"] += figures.posture - before.posture - told
    else:
        moved = dict.fromkeys(moved, 0.0)
    for name in _SHOWN:
        values[name] = sum(getattr(each, name) for each in shown.values())
    _keep_day(host, values, moved, silent=quiet is not None, now=now)


class _Counted(NamedTuple):
    """`rows` are what should be current, by rule. `observed` are the verdicts as they are, which
    lists show too. `recount_at` is when the first unit that grace counts otherwise is so no more.
    """

    rows: dict[str, Posture]
    observed: Counter[str]
    recount_at: datetime | None


def _counted(
    host: Host, units: Iterable[Unit], severities: Mapping[str, int], now: datetime
) -> _Counted:
    grace = score.grace(host.scan_interval)
    counts: dict[str, Counter[str]] = {}
    observed: Counter[str] = Counter()
    ends: datetime | None = None
    for unit in units:
        found = counts.setdefault(unit.rule, Counter())
        if unit.open:
            found[_LEVELS[unit.severity]] += 1
        state = reconcile.counted(unit, now, grace)
        found[state or "not_applicable"] += 1
        if state == "held":
            found["unknown"] += 1
        if unit.verdict == Verdict.UNKNOWN and state != "unknown":
            ends = min(ends, unit.changed_at + grace) if ends else unit.changed_at + grace
        observed["unknown" if unit.verdict == Verdict.UNKNOWN else state] += 1
    rows = {
        rule: Posture(host=host, rule=rule, since=now, severity=severities[rule], **found)
        for rule, found in counts.items()
    }
    return _Counted(rows, observed, ends)


def _keep(old: Mapping[str, Posture], rows: Mapping[str, Posture], now: datetime) -> None:
    changed = [row for rule, row in rows.items() if _figures(row) != _figures(old.get(rule))]
    ended = [old[row.rule] for row in changed if row.rule in old]
    ended += [row for rule, row in old.items() if rule not in rows]
    for row in changed:
        if row.rule in old:
            # The clock of another machine may be ahead of this one's: no interval ends before it
            # began, and none begins before the one ahead of it.
            row.since = max(now, old[row.rule].since)
    if ended:
        found = Posture.objects.filter(id__in=[row.pk for row in ended])
        found.update(until=Greatest("since", Value(now)))
    Posture.objects.bulk_create(changed)


def _keep_day(
    host: Host,
    values: Mapping[str, Any],
    moved: Mapping[str, float],
    *,
    silent: bool,
    now: datetime,
) -> None:
    day = now.astimezone(UTC).date()
    found = HostDay.objects.filter(host=host, day=day).first() or HostDay(host=host, day=day)
    for name, value in values.items():
        setattr(found, name, value)
    found.silent, found.containers = silent, host.containers_total
    for cause, points in moved.items():
        setattr(found, f"by_{cause}", getattr(found, f"by_{cause}") + points)
    found.save()


def _counts(row: Posture) -> Counts:
    return Counts(row.severity, row.passed, row.failed, row.excepted, row.unknown, row.held)


def _figures(row: Posture | None) -> tuple[int, ...] | None:
    return None if row is None else (row.severity, *(getattr(row, name) for name in _COLUMNS))
