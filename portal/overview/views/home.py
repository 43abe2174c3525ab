"""The fleet overview."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.accounts.rights import Right, reason
from portal.core import charts, display
from portal.core.http import page
from portal.fleet.queries import Scope
from portal.fleet.scope_bar import scope_bar
from portal.overview.queries import home as queries
from portal.overview.queries import past
from portal.overview.views.trend import changes_url


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    person: Any = request.user
    now = timezone.now()
    scope = Scope.of(request.GET)
    hosts = queries.members(scope, now)
    summary = queries.summary(hosts)
    scored = summary.scored > 0
    since = past.Since.of(request.GET, now)
    then = past.then(scope, since.day) if scored else {}
    checks = queries.checks(scope) if scored else None
    context = {
        "bar": scope_bar(request.GET, scope),
        "scope": scope.parameters,
        "carried": _tail("?", scope.parameters),
        "also": _tail("&", scope.parameters),
        "here": request.get_full_path(),
        "summary": summary,
        "severities": [
            (
                name,
                display.SEVERITIES[name].icon,
                getattr(summary, name),
                charts.more(getattr(summary, name) - getattr(then[""], name)) if then else "",
            )
            for name in queries.SEVERITIES
        ],
        "since": since.day,
        "compared": then.get(""),
        "change": _moved(then.get(""), summary),
        "changes_url": changes_url(scope, since),
        "comparisons": [
            (key, label, key == since.choice) for key, label in past.COMPARISONS.items()
        ],
        "latest": past.today(now) - timedelta(days=1),
        "kept": list({**scope.parameters, **_span(request)}.items()),
        "trend_query": urlencode({**scope.parameters, **since.parameters, **_span(request)}),
        "seen": queries.coverage(hosts),
        "coverage": f"{summary.current} of {display.counted(summary.hosts, 'host')} current"
        if hosts
        else "",
        "alerts": queries.alerts(scope, hosts, now) if hosts else [],
        "first": queries.first_scan(scope, hosts, now) if hosts and not scored else None,
        "checks": checks,
        "rules": _rules(scope, checks.worst, since, now) if checks else [],
        "worst": queries.worst_hosts(hosts),
        "changes": queries.changes(scope) if scored else [],
        "environments": [
            (
                row,
                urlencode({**scope.parameters, "environment": row.value}),
                _moved(then.get(row.value), row.summary),
            )
            for row in queries.by_environment(hosts)
        ],
        "no_scan": reason(person, Right.START_SCAN),
        "no_host": reason(person, Right.MANAGE_HOSTS),
        "action": f"Scan {display.counted(summary.hosts, 'host')}",
    }
    return page(request, "overview/home", context, fragment="overview")


def _span(request: HttpRequest) -> dict[str, str]:
    """How long the trend is to be, where that was chosen."""
    length = past.span(request.GET)
    return {} if length == past.SPANS[0] else {"days": str(length)}


def _rules(
    scope: Scope, rules: list[queries.WorstRule], since: past.Since, now: datetime
) -> list[tuple[queries.WorstRule, past.Course]]:
    failing = {rule.slug: rule.failing for rule in rules}
    courses = past.courses(scope, failing, since.day, now=now)
    return [(rule, courses[rule.slug]) for rule in rules]


def _moved(then: past.Then | None, summary: queries.Summary) -> float | None:
    return charts.difference(then.score.posture, summary.score.posture) if then else None


def _tail(start: str, parameters: dict[str, str]) -> str:
    return f"{start}{urlencode(parameters)}" if parameters else ""
