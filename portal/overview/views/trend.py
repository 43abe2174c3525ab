"""The trend of the fleet, and why its score moved: a part of the overview, and a page of its own
for browsers without JavaScript."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.core import charts, display
from portal.core.csv import csv_response
from portal.core.http import page, wants_fragment
from portal.fleet.queries import Scope
from portal.fleet.scope_bar import scope_bar
from portal.overview.queries import past

COLUMNS = (
    *("day", "posture", "with exceptions", "coverage", "critical", "high", "medium", "low"),
    *("hosts", "scored hosts", "hosts not read", "containers"),
)
_SERIES = {"posture": "first", "accepted": "second"}


def changes_url(scope: Scope, since: past.Since) -> str:
    return f"{reverse('change_list')}?{urlencode({**since.changes, **scope.parameters})}"


@require_safe
def trend(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    scope = Scope.of(request.GET)
    since = past.Since.of(request.GET, now)
    length = past.span(request.GET)
    found = past.trend(scope, length, since.day, now=now)
    kept = {**scope.parameters, **since.parameters}
    context = {
        "bar": None if wants_fragment(request) else scope_bar(request.GET, scope),
        "spans": [(days, urlencode({**kept, "days": days}), days == length) for days in past.SPANS],
        "days": length,
        "since": since.day,
        "changes_url": changes_url(scope, since),
        "also": f"&{urlencode(scope.parameters)}" if scope.parameters else "",
        "csv_url": f"{reverse('trend_csv')}?{urlencode({**kept, 'days': length})}",
        "home_url": f"{reverse('home')}?{urlencode({**kept, 'days': length})}",
        "known": len(found.known) > 1,
        "due": None if len(found.known) > 1 else past.due(scope),
        **(_drawn(found) if len(found.known) > 1 else {}),
        **_moved(found),
    }
    return page(request, "overview/trend", context, fragment="trend")


@require_safe
def trend_csv(request: HttpRequest) -> StreamingHttpResponse:
    """The figures of each day; empty fields where there was no score."""
    now = timezone.now()
    since = past.Since.of(request.GET, now)
    found = past.trend(Scope.of(request.GET), past.span(request.GET), since.day, now=now)
    return csv_response("trend", COLUMNS, _rows(found))


def _rows(found: past.Trend) -> Iterator[tuple[Any, ...]]:
    for day, point in zip(found.days, found.points, strict=True):
        if point is None:
            yield (day.isoformat(), *[""] * (len(COLUMNS) - 1))
            continue
        yield (
            *(day.isoformat(), point.score.posture, point.score.accepted, point.score.coverage),
            *(getattr(point, name) for name in past.SEVERITIES),
            *(point.hosts, point.scored, point.silent, point.containers),
        )


def _drawn(found: past.Trend) -> dict[str, Any]:
    flags = [(mark.day, mark.text) for mark in found.marks]
    series = {_SERIES[name]: found.of(name) for name in _SERIES}
    if series["first"] == series["second"]:
        del series["second"]
    texts = [_said(found, place) for place in range(len(found.days))]
    line = charts.line(found.days, series, flags=flags, texts=texts)
    columns = charts.columns(
        found.days,
        {name: found.counts(name) for name in past.SEVERITIES},
        flags=flags,
        texts=texts,
    )
    rows = zip(found.days, found.points, strict=True)
    long = len(found.days) >= charts.BY_WEEK
    shown = [(day, point) for place, (day, point) in enumerate(rows) if _in_table(found, place)]
    return {
        "line": line,
        "columns": columns,
        "two": "second" in series,
        "score_words": _score_words(found),
        "findings_words": _findings_words(found),
        "rows": reversed(shown),
        "by_week": long,
    }


def _in_table(found: past.Trend, place: int) -> bool:
    """Every day, or the last of each week of a long time."""
    return len(found.days) < charts.BY_WEEK or (len(found.days) - 1 - place) % 7 == 0


def _said(found: past.Trend, place: int) -> str:
    day, point = display.day(found.days[place]), found.points[place]
    if point is None:
        return f"{day}: no data"
    counts = (f"{display.integer(getattr(point, name))} {name}" for name in past.SEVERITIES)
    return f"{day}: {display.percent(point.score.posture)}, {', '.join(counts)}"


def _score_words(found: past.Trend) -> str:
    first, last = found.known[0], found.known[-1]
    change = charts.difference(first.score.posture, last.score.posture) or 0.0
    percents = display.percent(first.score.posture), display.percent(last.score.posture)
    return f"Posture {charts.went(*percents, change)} between {_ends(found)}."


def _findings_words(found: past.Trend) -> str:
    first, last = found.known[0], found.known[-1]

    def went(name: str) -> str:
        before, after = getattr(first, name), getattr(last, name)
        return charts.went(display.integer(before), display.integer(after), after - before)

    return f"Open critical findings {went('critical')}, high ones {went('high')}."


def _ends(found: past.Trend) -> str:
    return f"{display.day(found.known[0].day)} and {display.day(found.known[-1].day)}"


def _moved(found: past.Trend) -> dict[str, Any]:
    moved = found.moved
    if moved is None or moved.before.posture is None or moved.after.posture is None:
        return {"steps": []}
    before, after = moved.before.posture, moved.after.posture
    change = charts.difference(before, after) or 0.0
    return {
        "steps": charts.waterfall(before, past.causes(moved), after),
        "moved_words": charts.points(change),
        "change": change,
        "before": before,
        "after": after,
    }
