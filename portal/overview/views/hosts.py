"""The list of hosts, and one host."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.accounts.rights import Right, reason
from portal.core import display
from portal.core.http import page
from portal.core.tables import Order, paged
from portal.fleet import queries as fleet
from portal.fleet.queries import Scope
from portal.fleet.scope_bar import scope_bar
from portal.overview.queries import host as one
from portal.overview.queries import hosts as queries
from portal.overview.queries.connection import connection, ending
from portal.overview.queries.engine import engine
from portal.overview.queries.host_history import history
from portal.overview.queries.images import images
from portal.schedules import queries as schedules


@require_safe
def host_list(request: HttpRequest) -> HttpResponse:
    person: Any = request.user
    now = timezone.now()
    scope = Scope.of(request.GET)
    filters = queries.Filters.of(request.GET)
    order = Order.of(request.GET, queries.COLUMNS, "-critical")
    found = queries.hosts(scope, filters, now).order_by(*order.fields)
    shown = paged(request.GET, found)
    rows = [queries.row(host, now) for host in shown]
    coverage = fleet.coverage(scope, now)
    context = {
        "bar": scope_bar(request.GET, scope),
        "carried": _tail("?", scope.parameters),
        "also": _tail("&", scope.parameters),
        "page": shown,
        "rows": rows,
        "heads": order.heads(request.GET, queries.HEADS),
        "params": request.GET,
        "filters": filters,
        "filtered": filters != queries.Filters(),
        "choices": queries.choices(scope, filters),
        "chips": _chips(request, filters),
        "clear_url": _without(request, "state", "severity", "transport", "q", "certificate"),
        "states": [
            (state, coverage[state], _only(request, state), (state,) == filters.states)
            for state in queries.STATES
            if coverage[state] or state in filters.states
        ],
        "all_hosts": sum(coverage.values()),
        "kept": [
            (name, value)
            for name in ("state", "certificate", "sort", "size", *Scope._fields)
            for value in request.GET.getlist(name)
        ],
        "live": any(row.scanning for row in rows),
        "here": request.get_full_path(),
        "refusal": reason(person, Right.MANAGE_HOSTS),
    }
    return page(request, "overview/host_list", context, fragment="hosts")


def _chips(request: HttpRequest, filters: queries.Filters) -> list[dict[str, str]]:
    chips = []
    if filters.states:
        words = ", ".join(display.STATES[state].word for state in filters.states)
        chips.append({"label": "State", "value": words, "url": _without(request, "state")})
    if filters.severity:
        url = _without(request, "severity")
        chips.append({"label": "Open findings", "value": filters.severity, "url": url})
    if filters.transport:
        value = queries.TRANSPORTS[filters.transport]
        url = _without(request, "transport")
        chips.append({"label": "Connection", "value": value, "url": url})
    if filters.certificate:
        url = _without(request, "certificate")
        chips.append({"label": "Certificate", "value": "ends within 30 days", "url": url})
    if filters.text:
        chips.append({"label": "Text", "value": filters.text, "url": _without(request, "q")})
    return chips


def _without(request: HttpRequest, *names: str) -> str:
    left = request.GET.copy()
    for name in (*names, "page"):
        left.pop(name, None)
    return f"?{left.urlencode()}"


def _only(request: HttpRequest, state: str) -> str:
    """A click on the state that is chosen takes the filter away again."""
    changed = request.GET.copy()
    changed.pop("page", None)
    if changed.getlist("state") == [state]:
        del changed["state"]
    else:
        changed["state"] = state
    return f"?{changed.urlencode()}"


def _tail(start: str, parameters: dict[str, str]) -> str:
    return f"{start}{urlencode(parameters)}" if parameters else ""


@require_safe
def host_detail(request: HttpRequest, slug: str) -> HttpResponse:
    person: Any = request.user
    now = timezone.now()
    host: Any = fleet.host(slug)
    glance = one.glance(host, now)
    tab = request.GET.get("tab", "")
    tab = tab if tab in one.TABS else "findings"
    # Links lead on in the same scope, unless this host is outside it: then they would show nothing.
    scope = Scope.of(request.GET)
    parameters = scope.parameters if fleet.holds(scope, host) else {}
    context = {
        "host": host,
        "ending": ending("A certificate", host.ends, now) if host.ends else None,
        "glance": glance,
        "tab": tab,
        "tabs": [
            (name, label, f"?{urlencode({'tab': name, **parameters})}")
            for name, label in one.TABS.items()
        ],
        "carried": _tail("?", parameters),
        "also": _tail("&", parameters),
        "severities": _severities(glance),
        "here": request.get_full_path(),
        "params": request.GET,
        "no_scan": reason(person, Right.START_SCAN),
        "no_edit": reason(person, Right.MANAGE_HOSTS),
        "schedule": schedules.of_host(host),
        **_tab(request, tab, glance),
    }
    return page(request, "overview/host_detail", context, fragment="host")


def _severities(glance: one.Glance) -> list[tuple[str, str, int | None]]:
    """Name, icon and number, the worst first; None where nothing is known."""
    return [
        (name, sign.icon, getattr(glance.standing, name) if glance.standing else None)
        for name, sign in display.SEVERITIES.items()
    ]


def _tab(request: HttpRequest, tab: str, glance: one.Glance) -> dict[str, Any]:
    host = glance.host
    if tab == "containers":
        shown = paged(request.GET, one.containers(host))
        return {"page": shown, "containers": one.seen(host, shown)}
    if tab == "images":
        shelf = images(host)
        return {"images": shelf, "page": paged(request.GET, shelf.rows or ())}
    if tab == "networks":
        seen = fleet.stored_snapshot(host)
        networks = seen.networks if seen else None
        return {"networks": networks, "page": paged(request.GET, networks or ())}
    if tab == "history":
        return {"page": paged(request.GET, history(host))}
    if tab == "engine":
        read = {"gaps": glance.last.gaps, "scanned": True} if glance.last else {}
        unknown = glance.standing.unknown if glance.standing else 0
        return {"engine": engine(host), "unknown": unknown, **read}
    if tab == "scans":
        return {"strip": one.scans(host)}
    if tab == "connection":
        found = connection(host, request.GET.get("reading", ""), timezone.now())
        return {"connection": found, "page": paged(request.GET, found.calls)}
    return {"groups": one.findings(host)}
