"""The fleet overview."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.accounts.rights import Right, reason
from portal.core import display
from portal.core.http import page
from portal.fleet.queries import Scope
from portal.fleet.scope_bar import scope_bar
from portal.overview.queries import home as queries


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    person: Any = request.user
    now = timezone.now()
    scope = Scope.of(request.GET)
    hosts = queries.members(scope, now)
    summary = queries.summary(hosts)
    scored = summary.scored > 0
    context = {
        "bar": scope_bar(request.GET, scope),
        "scope": scope.parameters,
        "carried": _tail("?", scope.parameters),
        "also": _tail("&", scope.parameters),
        "here": request.get_full_path(),
        "summary": summary,
        "severities": [
            (name, display.SEVERITIES[name].icon, getattr(summary, name))
            for name in queries.SEVERITIES
        ],
        "seen": queries.coverage(hosts),
        "coverage": f"{summary.current} of {display.counted(summary.hosts, 'host')} current"
        if hosts
        else "",
        "alerts": queries.alerts(scope, hosts, now) if hosts else [],
        "first": queries.first_scan(scope, hosts, now) if hosts and not scored else None,
        "rules": queries.worst_rules(scope) if scored else [],
        "worst": queries.worst_hosts(hosts),
        "changes": queries.changes(scope) if scored else [],
        "environments": [
            (row, urlencode({**scope.parameters, "environment": row.value}))
            for row in queries.by_environment(hosts)
        ],
        "no_scan": reason(person, Right.START_SCAN),
        "no_host": reason(person, Right.MANAGE_HOSTS),
        "action": f"Scan {display.counted(summary.hosts, 'host')}",
    }
    return page(request, "overview/home", context, fragment="overview")


def _tail(start: str, parameters: dict[str, str]) -> str:
    return f"{start}{urlencode(parameters)}" if parameters else ""
