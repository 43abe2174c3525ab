"""What the overview compares with, the trend, and why the score moved. Days are those of UTC."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import F, Min, Q, Sum

from portal.compliance.models import GroupDay, RuleDay
from portal.compliance.queries import history
from portal.compliance.score import Score
from portal.core import charts, display
from portal.fleet import queries as fleet
from portal.fleet.queries import Scope

SPANS = (30, 90, 365)
MONDAY, ON = "monday", "on"
COMPARISONS = {MONDAY: "Last Monday", "7": "7 days ago", "30": "30 days ago", ON: "A date"}
LONGEST = timedelta(days=3 * 366)
SPARK = 30
SEVERITIES = ("critical", "high", "medium", "low")
CAUSES = {
    "fixes": "Findings fixed",
    "regressions": "Findings opened or back again",
    "added": "Containers and images that appeared",
    "removed": "Containers and images that went away",
    "exceptions": "Exceptions granted and ended",
    "rules": "Rules and policies",
    "coverage": "What could or could not be read",
    "hosts_added": "Hosts added",
    "hosts_removed": "Hosts removed",
    "weights": "Criticality of groups",
}


def today(now: datetime) -> date:
    return now.astimezone(UTC).date()


class Since(NamedTuple):
    """The day at whose end the figures stand that those of now are compared with. `choice` is a
    key of COMPARISONS."""

    choice: str
    day: date

    @classmethod
    def of(cls, query: Mapping[str, Any], now: datetime) -> "Since":
        """`?since=monday|7|30`, or `?since=on&on=2026-11-16`; what makes no sense, is not over yet
        or is longer ago than LONGEST, stands for the last Monday."""
        here, choice = today(now), str(query.get("since", ""))
        if choice in ("7", "30"):
            return cls(choice, here - timedelta(days=int(choice)))
        if (
            choice == ON
            and (day := _day(str(query.get("on", ""))))
            and here - LONGEST <= day < here
        ):
            return cls(ON, day)
        return cls(MONDAY, here - timedelta(days=here.weekday() or 7))

    @property
    def parameters(self) -> dict[str, str]:
        if self.choice == ON:
            return {"since": ON, "on": self.day.isoformat()}
        return {} if self.choice == MONDAY else {"since": self.choice}

    @property
    def changes(self) -> dict[str, str]:
        """What has changed since then, as the page of changes wants it."""
        return {"from": (self.day + timedelta(days=1)).isoformat()}


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def span(query: Mapping[str, Any]) -> int:
    """`?days=`: one of SPANS."""
    asked = str(query.get("days", ""))
    return int(asked) if asked in map(str, SPANS) else SPANS[0]


class Then(NamedTuple):
    """Figures at the end of a day that is over."""

    score: Score
    critical: int
    high: int
    medium: int
    low: int


def then(scope: Scope, day: date) -> dict[str, Then]:
    """By environment, and of all together under ""; empty where that day has no figures. One
    query."""
    rows: list[Any] = list(
        GroupDay.objects.filter(scope.condition(), day=day, weight__gt=0)
        .values("group__environment")
        .annotate(
            total=Sum("weight"),
            **{f"mean_{figure}": Sum(F(figure) * F("weight")) for figure in Score._fields},
            **{f"sum_{name}": Sum(name) for name in SEVERITIES},
        )
        .order_by("group__environment")
    )
    found = {row["group__environment"]: _then([row]) for row in rows}
    return {"": _then(rows), **found} if found else {}


def _then(rows: Sequence[Mapping[str, Any]]) -> Then:
    weight = sum(row["total"] for row in rows)
    score = Score(*(sum(row[f"mean_{name}"] for row in rows) / weight for name in Score._fields))
    return Then(score, *(sum(row[f"sum_{name}"] for row in rows) for name in SEVERITIES))


class Course(NamedTuple):
    """How many units failed by a rule: at the end of each of the last days, the count of now as the
    last one, and how many more there are now than on the day of comparison. None: not judged."""

    values: list[int | None]
    change: int | None

    @property
    def words(self) -> str:
        known = [value for value in self.values if value is not None]
        if len(known) < 2:
            return "no trend yet"
        first, last = known[0], known[-1]
        went = charts.went(display.integer(first), display.integer(last), last - first)
        return f"Failing {went} in {len(self.values)} days"


def courses(
    scope: Scope, failing: Mapping[str, int], since: date, *, now: datetime
) -> dict[str, Course]:
    """By rule, of those for which it is told how many fail now. One query."""
    here = today(now)
    wanted = charts.days(here - timedelta(days=SPARK - 1), here - timedelta(days=1))
    rows = (
        RuleDay.objects.filter(
            Q(day__range=(wanted[0], wanted[-1])) | Q(day=since),
            scope.condition(),
            rule__in=list(failing),
        )
        .values_list("rule", "day")
        .annotate(Sum("failed"))
        .order_by()
    )
    counts = {(rule, day): failed for rule, day, failed in rows}
    return {
        rule: Course(
            [*(counts.get((rule, day)) for day in wanted), now_failing],
            None if (before := counts.get((rule, since))) is None else now_failing - before,
        )
        for rule, now_failing in failing.items()
    }


class Trend(NamedTuple):
    """`points` are one for each of `days`, None where there was no score. `moved` is None where
    there are no two scores to compare."""

    days: list[date]
    points: list[history.Point | None]
    marks: list[history.Mark]
    before: history.Point | None
    after: history.Point | None
    moved: history.Moved | None

    @property
    def known(self) -> list[history.Point]:
        return [point for point in self.points if point is not None]

    def of(self, figure: str) -> list[float | None]:
        return [point and getattr(point.score, figure) for point in self.points]

    def counts(self, name: str) -> list[int | None]:
        return [None if point is None else getattr(point, name) for point in self.points]


def trend(scope: Scope, length: int, since: date, *, now: datetime) -> Trend:
    """Of so many days, today among them. Eight queries."""
    last = today(now)
    first = last - timedelta(days=length - 1)
    begin = min(first, since)
    points = history.trend(scope, begin, last, now=now)
    before, after = points[(since - begin).days], points[-1]
    return Trend(
        charts.days(first, last),
        points[-length:],
        history.marks(scope, first, last),
        before,
        after,
        history.attribution(scope, before, after) if before and after else None,
    )


def causes(moved: history.Moved) -> list[tuple[str, float]]:
    """Why the posture moved: each cause in words, with its points."""
    return [(words, getattr(moved, name)) for name, words in CAUSES.items()]


def due(scope: Scope) -> datetime | None:
    """When the next scan of the scope comes. One query."""
    found: datetime | None = fleet.hosts(scope).aggregate(due=Min("next_scan_at"))["due"]
    return found
