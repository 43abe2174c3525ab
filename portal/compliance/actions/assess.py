"""Writes what a scan found: results, what changed, and the counts under every score.

One transaction with the host's row locked. A scan that found nothing new writes three rows.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import Q

from portal.compliance import reconcile, score
from portal.compliance.actions import counts, silence
from portal.compliance.actions.scans import Begun
from portal.compliance.models import (
    Cause,
    Change,
    Result,
    RuleSet,
    Scan,
    ScanState,
    ShadowResult,
    Standing,
    Tally,
    Transition,
    Verdict,
    state_of,
)
from portal.compliance.reconcile import Plan, Rejudged, Unit
from portal.core import bulk
from portal.fleet import actions as fleet
from portal.fleet import queries as fleet_queries
from portal.fleet.actions import Became
from portal.fleet.models import Change as ContainerChange
from portal.fleet.models import Container, Host
from portal.policies.queries import Applied, catalogue, held, policy_for
from scanner import Result as Seen
from scanner import Snapshot, evaluate
from scanner.version import VERSION

_WRITTEN = [name for name in Unit.__struct_fields__ if name != "id"]
_SHADOW = (
    *("rule", "subject_kind", "workload", "subject", "sub_object"),
    *("verdict", "severity", "evidence", "reason"),
)
GAPS_KEPT = 200


class Lost(Exception):
    """The scan is no longer ours; nothing was written."""


def assess(begun: Begun, snapshot: Snapshot, *, now: datetime) -> None:
    """Judges what was read by the policy of the host's group, and keeps the results. Raises Lost
    where the lease is no longer ours, or the host was removed meanwhile."""
    host = Host.objects.filter(id=begun.host_id).first()
    if host is None:
        raise Lost(f"the host of scan {begun.scan_id} was removed")
    applied = policy_for(host)
    with held():
        rejudged = _rejudged(host, applied, now)
        results = evaluate(snapshot, applied.policy, catalogue().values())
        store(begun, snapshot, results, applied, rejudged=rejudged, now=now)


def _rejudged(host: Host, applied: Applied, now: datetime) -> Rejudged | None:
    """What the last scan saw, by the policy and the rules of now, where those are others: what
    comes of that already is none of the host's doing."""
    before = Standing.objects.filter(host=host).first()
    if before is None:
        return None
    same_policy = before.judged_by_id == applied.version_id
    if same_policy and before.rule_set == _rule_set():
        return None
    snapshot = fleet_queries.stored_snapshot(host)
    if snapshot is None:
        return None
    results = evaluate(snapshot, applied.policy, catalogue().values())
    judged = [result for result in results if result.rule not in applied.policy.shadow]
    cause = Cause.RULES if same_policy else Cause.POLICY
    return Rejudged(reconcile.observed(host.pk, judged, now), cause)


def _rule_set() -> str:
    """Another one wherever a rule is new, gone or in another version."""
    versions = sorted((slug, rule.version) for slug, rule in catalogue().items())
    return hashlib.sha256(msgspec.json.encode((VERSION, versions))).hexdigest()[:16]


@transaction.atomic
def store(
    begun: Begun,
    snapshot: Snapshot,
    results: Sequence[Seen],
    applied: Applied,
    *,
    rejudged: Rejudged | None = None,
    now: datetime,
) -> None:
    """Keeps what was judged by the policy `applied`. Raises Lost as `assess` does."""
    host = Host.objects.select_for_update().filter(id=begun.host_id).first()
    scan = Scan.objects.select_for_update().filter(id=begun.scan_id, lease=begun.lease).first()
    if host is None or scan is None:
        raise Lost(f"scan {begun.scan_id} was given to another worker, or its host is gone")
    seconds = (now - begun.started_at).total_seconds()
    became = fleet.remember_success(host, snapshot, seconds=seconds, now=now)
    heard = silence.end(host, now=now)

    unlisted = reconcile.unlisted(snapshot)
    rule_set = _rule_set()
    judged = (results, sorted(unlisted), applied.version_id, rule_set)
    digest = hashlib.sha256(msgspec.msgpack.encode(judged)).digest()
    before = Standing.objects.filter(host=host).first()
    if before is None or bytes(before.results_digest) != digest:
        shadow = applied.policy.shadow
        seen = reconcile.observed(host.pk, [r for r in results if r.rule not in shadow], now)
        rules = catalogue().keys() - applied.policy.off - shadow
        plan = reconcile.plan(
            {unit.identity: unit for unit in counts.stored_units(host)},
            seen,
            now,
            unlisted,
            rules,
            rejudged,
            score.grace(host.scan_interval),
        )
        _write(host, scan, plan, became, now)
        if before is None or before.rule_set != rule_set:
            RuleSet.objects.get_or_create(version=VERSION, defaults={"since": now})
        judged_by = counts.Judged(
            applied.version_id,
            rule_set,
            digest,
            {rule: _severity(rule, applied) for rule in rules},
        )
        counts.count(host, plan.standing, plan.flows, judged_by, now=now)
        _tally(host, [*plan.standing, *plan.gone])
        _keep_shadow(host, [r for r in results if r.rule in shadow], now)
        scan.opened = plan.count(Change.OPENED, Change.REOPENED)
        scan.resolved = plan.count(Change.RESOLVED, Change.VANISHED)
    elif heard or (before.recount_at is not None and before.recount_at <= now):
        counts.recount(host, now=now)

    scan.state = ScanState.PARTIAL if snapshot.gaps else ScanState.COMPLETE
    scan.lease = scan.lease_expires_at = None
    scan.finished_at, scan.phase = now, ""
    scan.containers = scan.done = scan.total = len(snapshot.containers)
    scan.unknown = sum(result.verdict.value == Verdict.UNKNOWN for result in results)
    scan.gaps = msgspec.to_builtins(snapshot.gaps[:GAPS_KEPT])
    scan.rule_set, scan.policy = VERSION, applied.label[:120]
    scan.save()


def _write(host: Host, scan: Scan, plan: Plan, became: Mapping[str, Became], now: datetime) -> None:
    Result.objects.filter(id__in=[unit.id for unit in plan.deleted]).delete()
    names = {unit.subject for unit in plan.written if unit.subject_kind == "container"}
    containers = dict(Container.objects.filter(host=host, name__in=names).values_list("name", "id"))
    rules = catalogue()
    ids = bulk.upsert(
        Result,
        [*_WRITTEN, "host_id", "container_id", "rule_version"],
        (
            (
                *(getattr(unit, name) for name in _WRITTEN),
                host.pk,
                containers.get(unit.subject),
                rules[unit.rule].version if unit.rule in rules else 1,
            )
            for unit in plan.written
        ),
        unique="identity",
    )
    bulk.copy(
        Transition,
        [
            *("host_id", "result_id", "scan_id", "at", "change", "cause"),
            *("verdict", "rule_version", "evidence"),
        ],
        (
            (
                host.pk,
                ids[unit.identity],
                scan.pk,
                now,
                change.value,
                _cause(unit, cause, became),
                "" if change in (Change.VANISHED, Change.UNJUDGED) else unit.verdict,
                rules[unit.rule].version if unit.rule in rules else 1,
                unit.evidence,
            )
            for unit, change, cause in plan.steps
        ),
    )


def _cause(unit: Unit, cause: Cause, became: Mapping[str, Became]) -> str:
    found = became.get(unit.subject) if unit.subject_kind == "container" else None
    if cause != Cause.FLEET or found is None:
        return cause.value
    if found.image:
        return Cause.IMAGE.value
    recreated = found.change == ContainerChange.RECREATED
    return Cause.RECREATED.value if recreated else Cause.SETTINGS.value


def _keep_shadow(host: Host, results: Iterable[Seen], now: datetime) -> None:
    """Those of rules in shadow, apart from all that counts. Writes only what is not the same."""
    seen = reconcile.observed(host.pk, results, now)
    old = {bytes(row.identity): row for row in ShadowResult.objects.filter(host=host)}
    same = {
        key
        for key, row in old.items()
        if key in seen and all(getattr(row, n) == getattr(seen[key], n) for n in _SHADOW)
    }
    if seen.keys() == old.keys() == same:
        return
    ended = [row.pk for key, row in old.items() if key not in same]
    ShadowResult.objects.filter(id__in=ended).delete()
    bulk.copy(
        ShadowResult,
        ["host_id", "identity", "first_seen_at", *_SHADOW],
        (
            (
                host.pk,
                key,
                old[key].first_seen_at if key in old else now,
                *(getattr(unit, name) for name in _SHADOW),
            )
            for key, unit in seen.items()
            if key not in same
        ),
    )


def _tally(host: Host, units: Iterable[Unit]) -> None:
    counts: Counter[tuple[Any, ...]] = Counter(
        (unit.rule, unit.severity, state_of(unit), "" if unit.gone_at else unit.verdict)
        for unit in units
    )
    columns = ("rule", "severity", "state", "verdict")
    rows = Tally.objects.filter(host=host)
    old = {row[:4]: row[4] for row in rows.values_list(*columns, "amount")}
    Tally.objects.bulk_create(
        [
            Tally(host=host, **dict(zip(columns, key, strict=True)), amount=amount)
            for key, amount in counts.items()
            if old.get(key) != amount
        ],
        update_conflicts=True,
        unique_fields=["host", *columns],
        update_fields=["amount"],
    )
    if old.keys() - counts.keys():
        ended = [Q(**dict(zip(columns, key, strict=True))) for key in old.keys() - counts.keys()]
        rows.filter(reduce(or_, ended)).delete()


def _severity(rule: str, applied: Applied) -> int:
    """What the rule weighs in the score: the policy's severity, else its own."""
    severity = applied.policy.severities.get(rule) or catalogue()[rule].severity
    return reconcile.SEVERITIES[severity.value]
