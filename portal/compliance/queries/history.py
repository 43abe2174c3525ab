"""The fleet's past by day: what charts, comparisons and strips read.

Days are those of UTC and their figures those at their end; the figures of today are those of now.
Days that are over are read from what was rolled up; only those that the roll-up has not reached yet
are computed, so that neither midnight nor a time without workers leaves a hole.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Q

from portal.compliance.models import FillState, Posture, RuleSet, Silence, Statistic
from portal.compliance.queries import days
from portal.compliance.score import Score
from portal.core import display
from portal.fleet.models import Group
from portal.fleet.queries import Scope
from portal.policies.models import PolicyVersion

_MOST_COMPUTED = 2
_SILENT_SHARE = 10  # a tenth of the hosts that cannot be read is worth a mark


class Point(NamedTuple):
    """The figures of a scope at the end of a day. `hosts` are registered, `scored` of them have a
    score, `silent` of them could not be read; the rest are sums over the scored ones."""

    day: date
    score: Score
    hosts: int
    scored: int
    silent: int
    containers: int
    with_critical: int
    low: int
    medium: int
    high: int
    critical: int
    passed: int
    failed: int
    excepted: int
    unknown: int


_SUMS = ("hosts", "scored", "silent", "containers", "with_critical", *days.SEVERITIES, *days.COUNTS)
_POINTS = f"""
    SELECT f.day,
        {
    ", ".join(f"sum(f.{figure} * f.weight) / nullif(sum(f.weight), 0)" for figure in Score._fields)
},
        {", ".join(f"sum(f.{name})::bigint" for name in _SUMS)}
    FROM ({{source}}) f GROUP BY f.day
"""  # noqa: S608 - made of constants only
_ROLLED_UP = f"""
    SELECT r.* FROM compliance_groupday r JOIN fleet_group g ON g.id = r.group_id
    WHERE r.day BETWEEN %(first)s AND %(last)s AND {days.IN_SCOPE}
"""  # noqa: S608 - made of constants only


def trend(scope: Scope, first: date, last: date, *, now: datetime) -> list[Point | None]:
    """One for each day, in order; None where no host of the scope had a score. Three queries."""
    found = _points(scope, _days(first, last), now=now)
    return [found.get(day) for day in _days(first, last)]


def _points(scope: Scope, wanted: Sequence[date], *, now: datetime) -> dict[date, Point]:
    rows: list[Any] = []
    if wanted:
        period = {"first": wanted[0], "last": wanted[-1], **scope._asdict()}
        rows = _select(_POINTS.format(source=_ROLLED_UP), period)
    for day in _open_days(Statistic.GROUPS, wanted, now):
        given = days.parameters(day, now=now, scope=scope)
        rows += _select(_POINTS.format(source=days.GROUPS), given)
    return {row[0]: _point(row) for row in rows if row[1] is not None}


def _point(row: Sequence[Any]) -> Point:
    return Point(row[0], Score(*row[1:4]), *row[4:])


class Moved(NamedTuple):
    """Why a scope's posture is another one, in points; all but the two scores add up to the
    difference between them."""

    before: Score
    after: Score
    fixes: float
    regressions: float
    added: float
    removed: float
    exceptions: float
    rules: float
    coverage: float
    hosts_added: float
    hosts_removed: float
    weights: float


_CAUSES = ("fixes", "regressions", "added", "removed", "exceptions", "rules", "coverage")
# Hosts that had a score at both ends; `weight_then` is what their group weighed before.
_COMMON = f"""
    WITH members AS (
        SELECT h.id, g.criticality AS weight, b.posture AS before, a.posture AS after,
            coalesce(r.weight::float / nullif(r.scored, 0), g.criticality) AS weight_then
        FROM fleet_host h
        JOIN fleet_group g ON g.id = h.group_id
        LEFT JOIN compliance_groupday r ON r.group_id = g.id AND r.day = %(first)s
        CROSS JOIN LATERAL (
            SELECT posture FROM compliance_hostday
            WHERE host_id = h.id AND day <= %(first)s ORDER BY day DESC LIMIT 1
        ) b
        CROSS JOIN LATERAL (
            SELECT posture FROM compliance_hostday
            WHERE host_id = h.id AND day <= %(last)s ORDER BY day DESC LIMIT 1
        ) a
        WHERE b.posture IS NOT NULL AND a.posture IS NOT NULL AND {days.IN_SCOPE}
    )
    SELECT
        (SELECT sum(before * weight_then) / nullif(sum(weight_then), 0) FROM members),
        (SELECT sum(before * weight) / nullif(sum(weight), 0) FROM members),
        (SELECT sum(after * weight) / nullif(sum(weight), 0) FROM members),
        {
    ", ".join(
        f"coalesce(sum(d.by_{cause} * m.weight), 0) / nullif((SELECT sum(weight) FROM members), 0)"
        for cause in _CAUSES
    )
}
    FROM members m
    JOIN compliance_hostday d ON d.host_id = m.id AND d.day > %(first)s AND d.day <= %(last)s
"""  # noqa: S608 - made of constants only


def moved(scope: Scope, first: date, last: date, *, now: datetime) -> Moved | None:
    """None where there was no score at one of the two ends. Six queries.

    Hosts are those of today: what was removed since, or is in no group of the scope any more,
    counts as removed.
    """
    before, after = (_points(scope, [day], now=now).get(day) for day in (first, last))
    return attribution(scope, before, after) if before and after else None


def attribution(scope: Scope, before: Point, after: Point) -> Moved:
    """As `moved`, between points of the scope's trend. One query."""
    start, end = before.score.posture or 0.0, after.score.posture or 0.0
    given = {"first": before.day, "last": after.day, **scope._asdict()}
    [(weighed_then, weighed_now, common_end, *causes)] = _select(_COMMON, given)
    if weighed_then is None:  # no host is in both
        causes = [0.0] * len(_CAUSES)
        weighed_then = weighed_now = common_end = 0.0
    return Moved(
        before.score,
        after.score,
        **{name: cause or 0.0 for name, cause in zip(_CAUSES, causes, strict=True)},
        hosts_added=end - common_end,
        hosts_removed=weighed_then - start,
        weights=weighed_now - weighed_then,
    )


class RulePoint(NamedTuple):
    """How the units of a rule stood at the end of a day. Those of hosts that could not be read are
    unknown."""

    day: date
    passed: int
    failed: int
    excepted: int
    unknown: int
    not_applicable: int
    failing_hosts: int


_RULE_SUMS = (*days.COUNTS, "not_applicable", "failing_hosts")
_RULE_POINTS = f"""
    SELECT f.day, {", ".join(f"sum(f.{name})::bigint" for name in _RULE_SUMS)}
    FROM ({{source}}) f GROUP BY f.day
"""  # noqa: S608 - made of constants only
_RULE_ROLLED_UP = f"""
    SELECT r.* FROM compliance_ruleday r JOIN fleet_group g ON g.id = r.group_id
    WHERE r.day BETWEEN %(first)s AND %(last)s AND (%(rule)s = '' OR r.rule = %(rule)s)
        AND {days.IN_SCOPE}
"""  # noqa: S608 - made of constants only


def rule_trend(
    slug: str, scope: Scope, first: date, last: date, *, now: datetime
) -> list[RulePoint | None]:
    """One for each day, in order; None where the rule was not judged. Three queries."""
    wanted = _days(first, last)
    given = {"first": first, "last": last, "rule": slug, **scope._asdict()}
    rows = _select(_RULE_POINTS.format(source=_RULE_ROLLED_UP), given)
    for day in _open_days(Statistic.RULES, wanted, now):
        given = days.parameters(day, now=now, scope=scope, rule=slug)
        rows += _select(_RULE_POINTS.format(source=_rules_of(day, now)), given)
    found = {row[0]: RulePoint(*row) for row in rows}
    return [found.get(day) for day in wanted]


_FAILING = """
    SELECT f.rule, f.day, sum(f.failed)::bigint FROM ({source}) f GROUP BY f.rule, f.day
"""


def failing_by_day(
    scope: Scope, first: date, last: date, *, now: datetime
) -> dict[str, list[int | None]]:
    """How many units of each rule failed, for each day in order; None where it was not judged.
    Three queries."""
    wanted = _days(first, last)
    given = {"first": first, "last": last, "rule": "", **scope._asdict()}
    rows = _select(_FAILING.format(source=_RULE_ROLLED_UP), given)
    for day in _open_days(Statistic.RULES, wanted, now):
        given = days.parameters(day, now=now, scope=scope)
        rows += _select(_FAILING.format(source=_rules_of(day, now)), given)
    places = {day: place for place, day in enumerate(wanted)}
    found: dict[str, list[int | None]] = {}
    for rule, day, failed in rows:
        found.setdefault(rule, [None] * len(wanted))[places[day]] = failed
    return found


# The last time at which it failed, else the first day on which it was judged, else since when the
# counts of now stand.
_HELD = f"""
    WITH held AS MATERIALIZED (
        SELECT p.rule, min(p.since) AS since
        FROM compliance_posture p
        JOIN fleet_host h ON h.id = p.host_id
        JOIN fleet_group g ON g.id = h.group_id
        WHERE p.until IS NULL AND (%(rule)s = '' OR p.rule = %(rule)s) AND {days.IN_SCOPE}
        GROUP BY p.rule
        HAVING sum(p.failed) = 0 AND sum(p.passed) > 0
    )
    SELECT held.rule, held.since, failed.until, judged.day
    FROM held
    LEFT JOIN LATERAL (
        SELECT p.until FROM compliance_posture p
        JOIN fleet_host h ON h.id = p.host_id
        JOIN fleet_group g ON g.id = h.group_id
        WHERE p.rule = held.rule AND p.failed > 0 AND p.until IS NOT NULL AND {days.IN_SCOPE}
        ORDER BY p.until DESC LIMIT 1
    ) failed ON true
    LEFT JOIN LATERAL (
        SELECT r.day FROM compliance_ruleday r
        JOIN fleet_group g ON g.id = r.group_id
        WHERE r.rule = held.rule AND {days.IN_SCOPE}
        ORDER BY r.day LIMIT 1
    ) judged ON failed.until IS NULL
"""  # noqa: S608 - made of constants only


def held_since(scope: Scope, rule: str = "") -> dict[str, datetime]:
    """Since when nothing fails by the rules of which that is so now, and by which something passes;
    where `rule` is given, of that one. Where nothing ever failed, it is since the rule was judged
    first, as far as is remembered. One query."""
    found = {}
    for slug, since, failed, judged in _select(_HELD, {"rule": rule, **scope._asdict()}):
        first = days.start_of(judged) if judged else since
        found[slug] = failed or min(first, since)
    return found


def host_days(
    slug: str, hosts: Sequence[int], first: date, last: date, *, now: datetime
) -> dict[int, list[str]]:
    """The verdict of a rule on each host at the end of each day, in order: the worst of its units',
    as a value of Verdict or "excepted"; "" where it was not judged. Two queries."""
    wanted = _days(first, last)
    begin, end = days.start_of(first), days.end_of(last)
    lasting = Q(until=None) | Q(until__gte=begin)
    rows = Posture.objects.filter(lasting, rule=slug, host__in=hosts, since__lt=end)
    silences = Silence.objects.filter(lasting, host__in=hosts, since__lt=end)
    ends = [min(days.end_of(day), now + timedelta(microseconds=1)) for day in wanted]
    found = {host: [""] * len(wanted) for host in hosts}
    for row in rows:
        verdict = _verdict(row)
        for place in _held_at(ends, row.since, row.until):
            found[row.host_id][place] = verdict
    for silence in silences:
        cells = found[silence.host_id]
        for place in _held_at(ends, silence.since, silence.until):
            if cells[place] not in ("", "not_applicable"):
                cells[place] = "unknown"
    today = days.today(now)
    for cells in found.values():
        cells[:] = [cell if day <= today else "" for day, cell in zip(wanted, cells, strict=True)]
    return found


def _verdict(row: Posture) -> str:
    if row.failed:
        return "fail"
    if row.unknown:
        return "unknown"
    if row.excepted:
        return "excepted"
    return "pass" if row.passed else "not_applicable" if row.not_applicable else ""


def _held_at(ends: Sequence[datetime], since: datetime, until: datetime | None) -> Iterable[int]:
    """The places of the moments in an interval, as `days.RULES` tells them."""
    return (
        place for place, end in enumerate(ends) if since < end and (until is None or until >= end)
    )


class Mark(NamedTuple):
    """Something beside the fleet itself that moves its figures on a day. `kind` is "policy",
    "rules" or "gap"."""

    day: date
    kind: str
    text: str


_SILENT_DAYS = f"""
    SELECT f.day, sum(f.hosts)::bigint, sum(f.silent)::bigint
    FROM ({_ROLLED_UP}) f GROUP BY f.day ORDER BY f.day
"""  # noqa: S608 - made of constants only


def marks(scope: Scope, first: date, last: date) -> list[Mark]:
    """In order of days. A gap is marked where it begins: days at whose end a tenth of the hosts, or
    more, could not be read. Four queries."""
    given = {"first": first, "last": last, **scope._asdict()}
    gaps = _gaps(_select(_SILENT_DAYS, given))
    return sorted([*changes_of_rules(scope, first, last), *gaps])


def changes_of_rules(scope: Scope, first: date, last: date) -> list[Mark]:
    """Those of `marks` that are no gaps. Three queries."""
    begin, end = days.start_of(first), days.end_of(last)
    named = {"environment": scope.environment, "name": scope.group, "owner": scope.owner}
    asked = {name: value for name, value in named.items() if value}
    names = set(Group.objects.filter(**asked).values_list("name", flat=True))
    # The first version of the default policy is no change: all began with it.
    changes = PolicyVersion.objects.filter(at__gte=begin, at__lt=end).exclude(
        default=True, number=1
    )
    found = [
        Mark(days.today(change.at), "policy", f"{change}: {change.comment}")
        for change in changes.defer("rules")
        if change.default or names.intersection(change.groups)
    ]
    found += [
        Mark(days.today(rules.since), "rules", f"Rules of version {rules.version}")
        for rules in RuleSet.objects.filter(since__gte=begin, since__lt=end)
    ]
    return sorted(found)


def _gaps(rows: Iterable[Sequence[Any]]) -> list[Mark]:
    found, before = [], None
    for day, hosts, silent in rows:
        gap = silent * _SILENT_SHARE >= hosts and silent > 0
        if gap and not (before and before == day - timedelta(days=1)):
            text = f"{display.integer(silent)} of {display.counted(hosts, 'host')} not read"
            found.append(Mark(day, "gap", text))
        before = day if gap else None
    return found


def filled() -> dict[str, date]:
    """Up to which day each statistic is rolled up; those never begun are left out."""
    rows = FillState.objects.values_list("statistic", "day", "done")
    return {statistic: day if done else day - timedelta(days=1) for statistic, day, done in rows}


def _rules_of(day: date, now: datetime) -> str:
    return days.RULES_NOW if day == days.today(now) else days.RULES


def _open_days(statistic: Statistic, wanted: Sequence[date], now: datetime) -> list[date]:
    """Of those wanted, today and the latest that are over and not rolled up."""
    through = filled().get(statistic)
    today = days.today(now)
    ahead = [day for day in wanted if day <= today and (through is None or day > through)]
    return ahead[-_MOST_COMPUTED:]


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _select(sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())
