"""Scans: the list, one scan, and how people start them."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from portal.accounts.rights import Right, reason
from portal.compliance import actions
from portal.compliance.queries import scans as queries
from portal.core import display, health
from portal.core.http import page, wants_fragment
from portal.core.tables import paged
from portal.fleet import queries as fleet
from portal.fleet.queries import Scope
from portal.fleet.scope_bar import scope_bar

GROUPS = (
    ("worse", "Got worse"),
    ("better", "Got better"),
    ("unread", "Readable or not"),
    ("left_out", "Not judged any more"),
)


@require_safe
def scan_list(request: HttpRequest) -> HttpResponse:
    person: Any = request.user
    now = timezone.now()
    scope = Scope.of(request.GET)
    filters = queries.Filters.of(request.GET)
    ahead = queries.ahead(scope)
    found = queries.history(scope, filters)
    states = queries.everywhere(scope, now)
    hosts = sum(states.values())
    context = {
        "bar": scope_bar(request.GET, scope),
        "scope": scope.parameters,
        "carried": _tail("?", scope.parameters),
        "also": _tail("&", scope.parameters),
        "here": request.get_full_path(),
        # What ended while the page was open; the form between the two parts stays as it is.
        "oob": wants_fragment(request),
        "hosts": hosts,
        "current": states["ok"],
        "states": [(state, count) for state, count in states.items() if count and state != "ok"],
        "trouble": queries.trouble(health.readiness()),
        "ahead": ahead,
        "upcoming": queries.upcoming(scope, now),
        "history": found,
        "filters": filters,
        "kinds": queries.KINDS.items(),
        "outcomes": queries.OUTCOMES.items(),
        "filtered": bool(filters.parameters),
        "chips": _chips(scope, filters),
        "clear_url": _url(scope.parameters),
        "newest_url": _url({**scope.parameters, **filters.parameters}),
        "older_url": _url({**scope.parameters, **filters.parameters, "before": str(found.older)}),
        "refusal": reason(person, Right.START_SCAN),
        "action": f"Scan {display.counted(hosts, 'host')}",
    }
    return page(request, "compliance/scan_list", context, fragment="scans")


@require_safe
def scan_detail(request: HttpRequest, scan_id: int) -> HttpResponse:
    person: Any = request.user
    scan = queries.scan(scan_id)
    over = scan.finished_at is not None
    counts = queries.counts(scan)
    around = queries.around(scan)
    tabs = [(name, label, getattr(counts, name)) for name, label in GROUPS]
    filled = [name for name, _, count in tabs if count]
    asked = request.GET.get("show", "")
    tab = asked if asked in queries.GROUPS else next(iter(filled), "worse")
    shown = paged(request.GET, queries.changes(scan, tab))
    context = {
        "scan": scan,
        "past": queries.past(scan),
        "over": over,
        "progress": None if over else queries.progress(scan),
        "blocked": queries.waits_for_another(scan),
        "trouble": "" if over else queries.trouble(health.readiness()),
        "counts": counts,
        "tabs": [(name, label, count, f"?show={name}") for name, label, count in tabs if count],
        "tab": tab,
        "page": shown,
        "changes": queries.changed(scan, shown),
        "params": request.GET,
        "gaps": queries.gaps(scan),
        "newest": around.newest,
        "compare_url": _compare(around.previous, scan),
        "calls": queries.calls(scan),
        "waited": scan.started_at - scan.queued_at if scan.started_at else None,
        "due": bool(scan.host.next_scan_at and scan.host.next_scan_at <= timezone.now()),
        "here": request.get_full_path(),
        "refusal": reason(person, Right.START_SCAN),
    }
    return page(request, "compliance/scan_detail", context, fragment="scan")


@require_safe
def scan_json(request: HttpRequest, scan_id: int) -> JsonResponse:
    return JsonResponse(queries.as_json(queries.scan(scan_id)))


@require_POST
def scan_cancel(request: HttpRequest, scan_id: int) -> HttpResponse:
    person: Any = request.user
    scan = actions.cancel_scan(scan_id, actor=person, now=timezone.now())
    messages.success(request, f"The waiting scan of {scan.host.name} is cancelled.")
    return redirect("scan_detail", scan.pk)


@require_POST
def host_scan(request: HttpRequest, slug: str) -> HttpResponse:
    """The dispatcher sends it within two seconds; pressing twice gives the same scan."""
    person: Any = request.user
    host = fleet.host(slug)
    now = timezone.now()
    scan = actions.request_scan(host.pk, actor=person, now=now)
    if scan.queued_at == now:
        messages.success(request, f"A scan of {host.name} is queued.")
    else:
        messages.info(request, f"A scan of {host.name} waits already. This is it.")
    return redirect("scan_detail", scan.pk)


@require_POST
def scan_start(request: HttpRequest) -> HttpResponse:
    """All hosts of the scope that the form names."""
    person: Any = request.user
    scope = Scope.of(request.POST)
    asked = actions.request_scans(scope, actor=person, now=timezone.now())
    if asked.queued:
        also = (
            f" {display.counted(asked.waiting, 'other')} waited already." if asked.waiting else ""
        )
        messages.success(request, f"{display.counted(asked.queued, 'scan')} queued.{also}")
    elif asked.waiting:
        text = f"{display.counted(asked.waiting, 'scan')} waited already; none was added."
        messages.info(request, text)
    else:
        messages.warning(request, "There is no host to scan in this scope.")
    return redirect(_url(scope.parameters))


def _compare(previous: Any, scan: Any) -> str:
    """Where a scan that read its host is compared with the one before it; "" without one."""
    if previous is None or scan.state not in queries.READ:
        return ""
    return f"{reverse('scan_compare')}?{urlencode({'a': previous.pk, 'b': scan.pk})}"


def _chips(scope: Scope, filters: queries.Filters) -> list[dict[str, str]]:
    labels = {
        "kind": ("Kind", queries.KINDS.get(filters.kind, "")),
        "outcome": ("Outcome", queries.OUTCOMES.get(filters.outcome, "")),
        "host": ("Host", filters.host),
    }
    kept = {**scope.parameters, **filters.parameters}
    return [
        {
            "label": label,
            "value": value,
            "url": _url({key: other for key, other in kept.items() if key != name}),
        }
        for name, (label, value) in labels.items()
        if value
    ]


def _url(parameters: dict[str, str]) -> str:
    return f"{reverse('scan_list')}{_tail('?', parameters)}"


def _tail(start: str, parameters: dict[str, str]) -> str:
    return f"{start}{urlencode(parameters)}" if parameters else ""
