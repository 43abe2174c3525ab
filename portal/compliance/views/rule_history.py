"""A rule's past: a part of its page, and a page of its own for browsers without JavaScript."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.compliance.queries import rule_history as queries
from portal.compliance.queries.rules import named
from portal.core import charts, display
from portal.core.csv import csv_response
from portal.core.http import page
from portal.fleet.queries import Scope

COLUMNS = (
    *("day", "passed", "failed", "excepted", "unknown", "not applicable", "failing hosts"),
    "verdict",
)
_DRAWN = {"fail": "failed", "excepted": "excepted", "unknown": "unknown"}


@require_safe
def rule_history(request: HttpRequest, slug: str) -> HttpResponse:
    rule = named(slug)
    scope = Scope.of(request.GET)
    length = _length(request)
    found = queries.past(slug, scope, length, request.GET.get("hosts", ""), now=timezone.now())
    kept = {**scope.parameters, "days": length}
    context = {
        "rule": rule,
        "rule_url": f"{reverse('rule_detail', args=[slug])}?{urlencode(kept)}",
        "scope": ", ".join(scope.parameters.values()),
        "spans": [
            (days, urlencode({**scope.parameters, "days": days}), days == length)
            for days in queries.SPANS
        ],
        "query": urlencode(kept),
        "changes_query": f"&{urlencode({**scope.parameters, 'rule': slug})}",
        "known": bool(found.known),
        **(_drawn(found) if found.known else {}),
    }
    return page(request, "compliance/rule_history", context, fragment="history")


@require_safe
def rule_days_csv(request: HttpRequest, slug: str) -> StreamingHttpResponse:
    """How the units of the rule stood at the end of each day; empty fields where there is none."""
    named(slug)
    found = queries.past(slug, Scope.of(request.GET), _length(request), "", now=timezone.now())
    return csv_response(f"{slug}-days", COLUMNS, _rows(found))


@require_safe
def rule_hosts_csv(request: HttpRequest, slug: str) -> StreamingHttpResponse:
    """The verdict of the rule on each host at the end of each day."""
    named(slug)
    days, rows = queries.by_host(slug, Scope.of(request.GET), _length(request), now=timezone.now())
    heads = ("host", "owner", *(day.isoformat() for day in days))
    return csv_response(f"{slug}-hosts", heads, rows)


def _length(request: HttpRequest) -> int:
    asked = request.GET.get("days", "")
    return int(asked) if asked in map(str, queries.SPANS) else queries.SPANS[0]


def _rows(found: queries.Past) -> Iterator[tuple[Any, ...]]:
    for day, point in zip(found.days, found.points, strict=True):
        if point is None:
            yield (day.isoformat(), *[""] * (len(COLUMNS) - 1))
        else:
            yield (day.isoformat(), *point[1:], queries.verdict(point._asdict()))


def _drawn(found: queries.Past) -> dict[str, Any]:
    chart = charts.columns(
        found.days,
        {tone: found.counts(name) for tone, name in _DRAWN.items()},
        flags=[(mark.day, mark.text) for mark in found.marks],
        texts=[_said(found, place) for place in range(len(found.days))],
    )
    long = len(found.days) >= charts.BY_WEEK
    table = list(zip(found.days, found.points, strict=True))[::-1]
    return {
        "chart": chart,
        "words": _words(found),
        "strip": found.strip,
        "strip_words": _kept_words(found),
        "by_week": long,
        "rows": table[::7] if long else table,
        "matrix": [
            {
                "name": row.name,
                "owner": row.owner,
                "url": reverse("host_detail", args=[row.slug]),
                "cells": row.cells,
            }
            for row in found.rows
        ],
        "heads": found.heads,
        "matrix_by_week": len(found.days) > queries.MOST_COLUMNS,
        "hosts": found.hosts,
    }


def _said(found: queries.Past, place: int) -> str:
    day, point = display.day(found.days[place]), found.points[place]
    if point is None:
        return f"{day}: not judged"
    return f"{day}: {point.failed} fail, {point.excepted} excepted, {point.unknown} unknown"


def _words(found: queries.Past) -> str:
    first, last = found.known[0], found.known[-1]
    counts = display.integer(first.failed), display.integer(last.failed)
    went = charts.went(*counts, last.failed - first.failed)
    return f"Failing checks {went} between {display.day(first.day)} and {display.day(last.day)}."


def _kept_words(found: queries.Past) -> str:
    kept = queries.Kept.of(found.points)
    days = display.counted(len(found.days), "day")
    return (
        f"Held on {kept.held} of {days}, did not hold on {kept.failed}, "
        f"cannot say for {kept.unseen}."
    )
