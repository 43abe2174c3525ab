"""What saving a policy would change, told from what is stored, without touching a host.

Judges only the rules whose setting is another than that by which a host was last judged, and
compares as a scan would: so what is told here is what the next scan of an unchanged host does.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet

from portal.compliance import reconcile
from portal.compliance.models import Change, Result, Standing, Verdict
from portal.compliance.reconcile import Plan, Unit
from portal.fleet.models import Group, Host
from portal.fleet.queries import stored_snapshots
from portal.policies.models import PolicyVersion
from portal.policies.queries import bindings, catalogue, latest, settings_of
from scanner import Host as SeenHost
from scanner import Snapshot, evaluate
from scanner import policies as written
from scanner.policies import PLAIN, Settings, State

MOST_LINES = 100
APPEAR, VANISH, UNKNOWN, MOVED = KINDS = ("appear", "vanish", "unknown", "moved")
_CHANGES = {
    Change.OPENED: APPEAR,
    Change.REOPENED: APPEAR,
    Change.RESOLVED: VANISH,
    Change.VANISHED: VANISH,
    Change.UNJUDGED: VANISH,
}
NOT_READ = SeenHost(name="")
_STANDING = (
    *("identity", "rule", "subject_kind", "workload", "subject", "sub_object"),
    *("verdict", "severity", "open", "id"),
)


class Line(NamedTuple):
    """One unit that would change. `before` is its severity now, where only that changes;
    `finding_id` is None for what is no finding yet."""

    kind: str
    severity: int
    rule: str
    host: str
    host_slug: str
    group: str
    owner: str
    subject_kind: str
    subject: str
    sub_object: str
    reason: str
    before: int | None
    finding_id: int | None


class Part(NamedTuple):
    """Amounts by kind in one group of hosts."""

    group: str
    owner: str
    amounts: Mapping[str, int]


class Preview(NamedTuple):
    """`amounts` are all, `lines` the most severe of each kind, at most MOST_LINES. `rules` are
    those that were judged anew or whose findings end. Of hosts that were never read (`unread`), or
    whose stored configuration cannot be understood any more (`lost`), nothing can be told."""

    amounts: Mapping[str, int]
    parts: list[Part]
    lines: Mapping[str, list[Line]]
    rules: frozenset[str]
    hosts: int
    unread: int
    lost: int

    @property
    def changes_nothing(self) -> bool:
        return not any(self.amounts.values())


class Edit(NamedTuple):
    """A policy as it would be. `policy_id` is None for one that does not exist yet; `groups` are
    the ids of those that it is for."""

    policy_id: int | None
    settings: Settings
    groups: frozenset[int]


def preview(edit: Edit, *, now: datetime) -> Preview:
    """What the scans after saving the edit would change. Takes seconds for a large fleet, and a
    number of queries that does not depend on its size."""
    after = _after(edit)
    found = Host.objects.filter(group__in=after)
    groups = dict(found.order_by().values_list("id", "group"))
    before = _before(found)
    changed = {
        host: written.changed(before[host], after[group])
        for host, group in groups.items()
        if host in before
    }
    rules = frozenset[str]().union(*changed.values())
    concerned = found.filter(id__in=[host for host, slugs in changed.items() if slugs])
    catalogued = catalogue()
    tally = _Tally()
    lost = 0
    units = _Units(concerned, rules, now)
    for host, snapshot in _seen(concerned, changed, groups, after):
        if snapshot is None:
            lost += 1
            continue
        settings, slugs = after[host.group_id], changed[host.pk]
        standing = {unit.identity: unit for unit in units.of(host.pk) if unit.rule in slugs}
        on = [slug for slug in sorted(slugs) if settings.get(slug, PLAIN).state is State.ON]
        judged = [catalogued[slug] for slug in on if slug in catalogued]
        results = evaluate(snapshot, written.policy(settings), judged)
        seen = reconcile.observed(host.pk, results, now)
        slugs = frozenset(rule.slug for rule in judged)
        plan = reconcile.plan(standing, seen, now, reconcile.unlisted(snapshot), slugs)
        _count(host, standing, plan, tally)
    return Preview(
        amounts=tally.amounts,
        parts=tally.parts(),
        lines={kind: tally.lines(kind) for kind in KINDS},
        rules=rules,
        hosts=len(before),
        unread=len(groups) - len(before),
        lost=lost,
    )


def _after(edit: Edit) -> dict[int, Settings]:
    """What each group that the edit concerns would be judged by, by the group's id."""
    this = edit.policy_id or 0
    versions, bound = latest(), bindings()
    [default] = (number for number, version in versions.items() if version.policy.default)
    then = {group: policy for group, policy in bound.items() if policy != this}
    if this != default:
        then |= dict.fromkeys(edit.groups, this)
    settings = {number: settings_of(version) for number, version in versions.items()}
    settings[this] = edit.settings
    found = {}
    for group in Group.objects.values_list("id", flat=True):
        policy = then.get(group, default)
        if policy == this or policy != bound.get(group, default):
            found[group] = settings[policy]
    return found


def _before(hosts: "QuerySet[Host]") -> dict[int, Settings]:
    """What each host was last judged by; one that was never read is left out."""
    rows = Standing.objects.filter(host__in=hosts).values_list("host_id", "judged_by_id")
    judged_by = dict(rows.order_by())
    versions = PolicyVersion.objects.in_bulk({number for number in judged_by.values() if number})
    settings = {number: settings_of(version) for number, version in versions.items()}
    return {host: settings.get(number, {}) for host, number in judged_by.items()}


def _seen(
    hosts: "QuerySet[Host]",
    changed: Mapping[int, frozenset[str]],
    groups: Mapping[int, int],
    after: Mapping[int, Settings],
) -> Iterator[tuple[Host, Snapshot | None]]:
    """The hosts with what was seen on them; without it where no rule is to be judged at all."""
    judged = {
        host
        for host, slugs in changed.items()
        if any(after[groups[host]].get(slug, PLAIN).state is State.ON for slug in slugs)
    }
    yield from stored_snapshots(hosts.filter(id__in=judged))
    for host in hosts.exclude(id__in=judged).select_related("group").order_by("id"):
        yield host, Snapshot(host=NOT_READ)


def _count(host: Host, standing: Mapping[bytes, Unit], plan: Plan, tally: "_Tally") -> None:
    for unit, change, _ in plan.steps:
        if kind := _CHANGES.get(change):
            tally.add(kind, host, unit)
    for unit in plan.standing:
        old = standing.get(unit.identity)
        if unit.verdict == Verdict.UNKNOWN and (old is None or old.verdict != Verdict.UNKNOWN):
            tally.add(UNKNOWN, host, unit)
        if old is not None and old.open and unit.open and old.severity != unit.severity:
            tally.add(MOVED, host, unit, old.severity)


class _Units:
    """What stands and matters to a preview: open findings, and what is unknown. Of all else it
    makes no difference what it was, nor when any of it began."""

    def __init__(self, hosts: "QuerySet[Host]", rules: Iterable[str], now: datetime) -> None:
        rows = Result.objects.filter(host__in=hosts.order_by().values("id"), rule__in=rules)
        failed = ExpressionWrapper(Q(first_failed_at__isnull=False), output_field=BooleanField())
        # Two queries, for each has an index of its own.
        either = (rows.filter(open=True), rows.filter(open=False, gone_at=None, verdict="unknown"))
        self._by_host: dict[int, list[Unit]] = {}
        for each in either:
            found = each.order_by().values_list("host_id", failed, *_STANDING)
            for host, failed_once, *values in found.iterator(5000):
                unit = Unit(
                    **dict(zip(_STANDING, values, strict=True)),
                    evidence=[],
                    reason="",
                    first_seen_at=now,
                    changed_at=now,
                    first_failed_at=now if failed_once else None,
                )
                unit.identity = bytes(unit.identity)
                self._by_host.setdefault(host, []).append(unit)

    def of(self, host_id: int) -> list[Unit]:
        return self._by_host.pop(host_id, [])


class _Tally:
    """Adds up, and keeps the most severe of each kind."""

    def __init__(self) -> None:
        self.amounts = dict.fromkeys(KINDS, 0)
        self._parts: dict[int, tuple[Host, Counter[str]]] = {}
        self._lines: dict[str, list[Line]] = {kind: [] for kind in KINDS}

    def add(self, kind: str, host: Host, unit: Unit, before: int | None = None) -> None:
        self.amounts[kind] += 1
        self._parts.setdefault(host.group_id, (host, Counter()))[1][kind] += 1
        lines = self._lines[kind]
        lines.append(
            Line(
                kind,
                unit.severity,
                unit.rule,
                host.name,
                host.slug,
                host.group.name,
                host.group.owner,
                unit.subject_kind,
                unit.subject,
                unit.sub_object,
                unit.reason,
                before,
                unit.id,
            )
        )
        if len(lines) >= 10 * MOST_LINES:
            self._lines[kind] = self.lines(kind)

    def lines(self, kind: str) -> list[Line]:
        found = sorted(
            self._lines[kind],
            key=lambda line: (-line.severity, line.rule, line.host, line.subject, line.sub_object),
        )
        return found[:MOST_LINES]

    def parts(self) -> list[Part]:
        found = [
            Part(host.group.name, host.group.owner, {kind: counts[kind] for kind in KINDS})
            for host, counts in self._parts.values()
        ]
        return sorted(found, key=lambda part: (part.owner, part.group))
