"""How rules were kept: since when they hold, week by week, and one of them host by host.

Days are those of UTC and their figures those at their end; of today they are those of now.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from django.core.paginator import Page, Paginator
from django.db import connection
from django.db.models import Sum

from portal.compliance.models import Posture, RuleDay
from portal.compliance.queries import days, history
from portal.core import charts
from portal.fleet.queries import Scope

WEEKS = 13
SPANS = (30, 90, 365)
COMPARED = timedelta(days=7)
MOST_COLUMNS = 60
_HOSTS_AT_ONCE = 20
_HOSTS_OF_A_FILE = 200
_WORDS = {
    "failed": "fail",
    "unknown": "unknown",
    "excepted": "excepted",
    "passed": "pass",
    "not_applicable": "not_applicable",
}

# One number holds a bit for each day of the week on which the rule was judged, and above them one
# for each of _WORDS that there was on any of them: a single sum over many rows.
_DAYS_OF_WEEK = 7
_WHOLE = (1 << _DAYS_OF_WEEK) - 1
_BY_WEEK = f"""
    SELECT r.rule, (%(today)s - r.day) / 7,
        bit_or((1 << ((%(today)s - r.day) %% 7)) | {
    " | ".join(
        f"((r.{name} > 0)::int << {place})" for place, name in enumerate(_WORDS, _DAYS_OF_WEEK)
    )
})
    FROM compliance_ruleday r JOIN fleet_group g ON g.id = r.group_id
    WHERE r.day > %(today)s - {7 * WEEKS} AND r.day < %(today)s AND {days.IN_SCOPE}
    GROUP BY 1, 2
"""  # noqa: S608 - made of constants only


def verdict(counts: Mapping[str, Any]) -> str:
    """The worst that there is: what could not be judged is no pass."""
    words = dict(
        zip(_WORDS, ("fail", "unknown", "excepted", "pass", "not_applicable"), strict=True)
    )
    return next((words[name] for name in _WORDS if counts[name]), "")


def weeks(
    scope: Scope, current: Iterable[tuple[str, Mapping[str, int]]], *, now: datetime
) -> dict[str, list[charts.Cell]]:
    """Of each rule the worst of each of the last WEEKS weeks, the last of which ends today; a week
    is without data where a day of it is. `current` are the counts of now by rule. One query."""
    today = days.today(now)
    with connection.cursor() as cursor:
        cursor.execute(_BY_WEEK, {"today": today, **scope._asdict()})
        bits = {(rule, week): found for rule, week, found in cursor.fetchall()}
    return {
        rule: [_week(bits.get((rule, week), 0), week, today, counts) for week in range(WEEKS)[::-1]]
        for rule, counts in current
    }


def _week(bits: int, week: int, today: date, counts: Mapping[str, int]) -> charts.Cell:
    last = today - timedelta(days=7 * week)
    seen = {name: bits >> place & 1 for place, name in enumerate(_WORDS, _DAYS_OF_WEEK)}
    if week == 0:
        seen = {name: seen[name] or counts[name] > 0 for name in _WORDS}
        bits |= any(counts[name] for name in _WORDS)
    worst = verdict(seen)
    if bits & _WHOLE != _WHOLE and worst not in ("fail", "unknown"):
        worst = ""
    return charts.Cell(last - timedelta(days=6), last, worst)


def failing_on(slug: str, scope: Scope, day: date) -> int | None:
    """How many units failed at the end of a day that is over; None where the rule was not judged.
    One query."""
    found: int | None = RuleDay.objects.filter(scope.condition(), rule=slug, day=day).aggregate(
        failed=Sum("failed")
    )["failed"]
    return found


class HostRow(NamedTuple):
    """A host, and how the rule stood on it each day or week."""

    slug: str
    name: str
    owner: str
    cells: list[charts.Cell]


class Past(NamedTuple):
    """A rule's past: `points` are one for each of `days`, None where it was not judged. `hosts` is
    a page of pairs of a host's id and name."""

    days: list[date]
    points: list[history.RulePoint | None]
    marks: list[history.Mark]
    strip: list[charts.Cell]
    hosts: "Page[Any]"
    rows: list[HostRow]

    @property
    def heads(self) -> list[charts.Cell]:
        """Days or weeks of the rows."""
        return self.rows[0].cells if self.rows else []

    @property
    def known(self) -> list[history.RulePoint]:
        return [point for point in self.points if point is not None]

    def counts(self, name: str) -> list[int | None]:
        return [None if point is None else getattr(point, name) for point in self.points]


def past(slug: str, scope: Scope, length: int, page: str, *, now: datetime) -> Past:
    """Of so many days, today among them, by week from charts.BY_WEEK days on; of hosts by week from
    60 days on. Nine queries."""
    last = days.today(now)
    over = charts.days(last - timedelta(days=length - 1), last)
    points = history.rule_trend(slug, scope, over[0], last, now=now)
    hosts = Paginator(_judged(slug, scope), _HOSTS_AT_ONCE).get_page(page)
    found = history.host_days(slug, [row[0] for row in hosts], over[0], last, now=now)
    by_week = length > MOST_COLUMNS
    rows = [
        HostRow(slug, name, owner, charts.strip(over, found[host], by_week=by_week))
        for host, slug, name, owner in hosts
    ]
    return Past(
        over,
        points,
        history.changes_of_rules(scope, over[0], last),
        charts.strip(over, [verdict(p._asdict()) if p else "" for p in points]),
        hosts,
        _since_the_first(rows),
    )


def _since_the_first(rows: list[HostRow]) -> list[HostRow]:
    """Without the days before any of the hosts was read."""
    seen = [place for row in rows for place, cell in enumerate(row.cells) if cell.verdict]
    first = min(seen, default=0)
    return [row._replace(cells=row.cells[first:]) for row in rows]


def _judged(slug: str, scope: Scope) -> list[tuple[int, str, str, str]]:
    """Of each host: its id, slug, name and owner; those that fail most first. One query."""
    found = Posture.current.filter(scope.condition("host__"), rule=slug)
    return list(
        found.order_by("-failed", "host__name").values_list(
            "host_id", "host__slug", "host__name", "host__group__owner"
        )
    )


def by_host(
    slug: str, scope: Scope, length: int, *, now: datetime
) -> tuple[list[date], Iterator[tuple[str, ...]]]:
    """The days, and of each host its name, its owner and its verdict on each of them."""
    last = days.today(now)
    over = charts.days(last - timedelta(days=length - 1), last)
    return over, _by_host(slug, scope, over, now)


def _by_host(slug: str, scope: Scope, over: list[date], now: datetime) -> Iterator[tuple[str, ...]]:
    hosts = _judged(slug, scope)
    for start in range(0, len(hosts), _HOSTS_OF_A_FILE):
        part = hosts[start : start + _HOSTS_OF_A_FILE]
        ids = [host for host, *_ in part]
        found = history.host_days(slug, ids, over[0], over[-1], now=now)
        for host, _, name, owner in part:
            yield name, owner, *found[host]


class Kept(NamedTuple):
    """On how many days a rule held, did not, and could not be told. An exception does not make one
    hold."""

    held: int
    failed: int
    unseen: int

    @classmethod
    def of(cls, points: Iterable[history.RulePoint | None]) -> "Kept":
        found = [verdict(point._asdict()) if point else "" for point in points]
        failed = found.count("fail") + found.count("excepted")
        held = found.count("pass") + found.count("not_applicable")
        return cls(held, failed, len(found) - held - failed)
