"""Two scans of one host, side by side."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from portal.compliance.queries import changes, compare, net_changes
from portal.compliance.queries import scans as scans_queries
from portal.compliance.views.changes import COLUMNS, cells
from portal.core.csv import csv_response
from portal.core.errors import NotFound
from portal.core.http import page
from portal.core.tables import paged

_HOW = "Choose two scans of the same host in the list of scans."


@require_safe
def scan_compare(request: HttpRequest) -> HttpResponse:
    asked = compare.asked(request.GET)
    if asked is None:
        return page(request, "compliance/scan_compare", {"problem": _HOW})
    if "scan" in request.GET:
        return redirect(_url(*asked))
    pair = compare.pair(*asked)
    if pair.problem:
        return page(request, "compliance/scan_compare", {"problem": pair.problem, "pair": pair})
    found = compare.compare(pair)
    near = compare.neighbours(pair)
    earlier, later = pair.in_time
    on_host = paged(request.GET, found.rows(compare.ON_HOST))
    elsewhere = found.rows(compare.ELSEWHERE)
    members = changes.of_one(pair.a.host)
    context = {
        "pair": pair,
        "sides": [("A", scans_queries.past(pair.a)), ("B", scans_queries.past(pair.b))],
        "sentence": changes.sentence(found.totals, None),
        "page": on_host,
        "params": request.GET,
        "on_host": changes.lines(on_host, members),
        "elsewhere": changes.lines(elsewhere[: compare.SHOWN_ELSEWHERE], members),
        "more": max(len(elsewhere) - compare.SHOWN_ELSEWHERE, 0),
        "swap_url": _url(pair.b.pk, pair.a.pk),
        "before_url": _url(near.before.pk, earlier.pk) if near.before else "",
        "after_url": _url(later.pk, near.after.pk) if near.after else "",
        "csv_url": f"{reverse('scan_compare_csv')}?{urlencode({'a': pair.a.pk, 'b': pair.b.pk})}",
    }
    return page(request, "compliance/scan_compare", context)


@require_safe
def scan_compare_csv(request: HttpRequest) -> StreamingHttpResponse:
    """All that is different between the two."""
    asked = compare.asked(request.GET)
    if asked is None:
        raise NotFound(_HOW)
    found = compare.compare(compare.pair(*asked))
    every = found.rows(tuple(net_changes.KINDS))
    lines = changes.lines(every[:], changes.of_one(found.pair.a.host))
    return csv_response("scans-compared", COLUMNS, map(cells, lines))


def _url(first: int, second: int) -> str:
    query: dict[str, Any] = {"a": first, "b": second}
    return f"{reverse('scan_compare')}?{urlencode(query)}"
