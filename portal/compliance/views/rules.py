"""The rules: all of them, and one."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from portal.accounts.rights import Right, may
from portal.compliance.queries import days, findings, history, in_force, rule_history, shadow
from portal.compliance.queries import rules as queries
from portal.core import charts, display
from portal.core.csv import csv_response
from portal.core.http import page, wants_fragment
from portal.core.tables import paged
from portal.fleet.queries import Scope, coverage
from portal.fleet.scope_bar import scope_bar
from portal.policies.queries import FAMILIES, families

HEADS = ("Rule", "Failing", "Last 13 weeks")
COLUMNS = (
    *("rule", "title", "family", "severity", "applies to", "needs SSH", "report", "CIS"),
    *("policy", "passed", "failed", "excepted", "unknown", "not applicable", "held since"),
)
FAILING = ("finding", "subject", "part", "host", "owner", "severity", "since", "evidence")
_VERDICTS = {
    "failed": ("fail",),
    "unknown": ("unknown",),
    "not_applicable": ("not_applicable",),
    "checked": ("pass", "fail", "unknown"),
}


@require_safe
def rule_list(request: HttpRequest) -> HttpResponse:
    scope = Scope.of(request.GET)
    wanted = _wanted(request.GET)
    rules = queries.standings(scope)
    shown = [standing for standing in rules if wanted.has(standing)]
    held = history.held_since(scope)
    current = ((standing.rule.slug, standing._asdict()) for standing in shown)
    weeks = rule_history.weeks(scope, current, now=timezone.now())
    context = {
        "scope_bar": scope_bar(request.GET, scope),
        "is_part": wants_fragment(request),
        "families": [
            (
                family,
                [
                    _row(standing, scope)
                    | {"held": held.get(standing.rule.slug), "weeks": weeks[standing.rule.slug]}
                    for standing in family.rules
                ],
            )
            for family in queries.families(shown)
        ],
        "heads": HEADS,
        "total": len(shown),
        "all": len(rules),
        "failing_rules": sum(standing.failed > 0 for standing in shown),
        "facets": _facets(rules, wanted),
        "failing_only": wanted.failing,
        "ssh_only": wanted.ssh,
        "csv_url": f"{reverse('rule_list_csv')}?{request.GET.urlencode()}",
        "search": wanted.text,
        "kept": list(scope.parameters.items()),
        "chips": _chips(request.GET, wanted),
        "clear_url": f"?{urlencode(scope.parameters)}",
    }
    return page(request, "compliance/rule_list", context, fragment="rules")


@require_safe
def rule_list_csv(request: HttpRequest) -> StreamingHttpResponse:
    """The rules that the list shows, with their numbers."""
    wanted = _wanted(request.GET)
    scope = Scope.of(request.GET)
    held = history.held_since(scope)
    shown = (row for row in queries.standings(scope) if wanted.has(row))
    rows = (_cells(row, held.get(row.rule.slug)) for row in shown)
    return csv_response("rules", COLUMNS, rows)


def _cells(row: queries.Standing, held: datetime | None) -> tuple[Any, ...]:
    rule = row.rule
    return (
        *(rule.slug, rule.title, rule.family.label, rule.severity.value, rule.subject_kind),
        *("yes" if rule.needs_ssh else "no", rule.report, ", ".join(rule.cis)),
        *(row.summary or "on", row.passed, row.failed, row.excepted, row.unknown),
        *(row.not_applicable, held.isoformat(timespec="seconds") if held else ""),
    )


@require_safe
def rule_failing_csv(request: HttpRequest, slug: str) -> StreamingHttpResponse:
    """Who fails one rule."""
    lines = queries.failing(slug, Scope.of(request.GET))
    rows = (
        (
            *(line.id, line.subject, line.sub_object, line.host, line.owner),
            *(line.severity_name, line.since.isoformat(timespec="seconds"), line.evidence),
        )
        for line in lines
    )
    return csv_response(f"{slug}-failing", FAILING, rows)


@require_safe
def rule_detail(request: HttpRequest, slug: str) -> HttpResponse:
    scope = Scope.of(request.GET)
    now = timezone.now()
    found = queries.rule(slug, scope, request.GET.get("for", ""))
    context = {
        "scope_bar": scope_bar(request.GET, scope),
        "detail": found,
        "rule": found.rule,
        "standing": found.standing,
        "numbers": _row(found.standing, scope),
        "failing": paged(request.GET, found.failing),
        "list_url": _list_url(slug, scope),
        "csv_url": f"{reverse('rule_failing_csv', args=[slug])}?{urlencode(scope.parameters)}",
        **(_failing(slug, scope, found, now) if found.standing.failed else _held(slug, scope, now)),
        "history_url": _history_url(request, slug, scope),
        "kept": list(scope.parameters.items()),
        "params": request.GET,
        **_shadow(request, found.standing, scope),
    }
    return page(request, "compliance/rule_detail", context, fragment="failing")


def _failing(slug: str, scope: Scope, found: queries.Detail, now: datetime) -> dict[str, Any]:
    """How many more fail than some days ago."""
    day = days.today(now) - rule_history.COMPARED
    before = rule_history.failing_on(slug, scope, day)
    change = None if before is None else charts.more(found.standing.failed - before)
    return {"change": change, "since": day}


def _held(slug: str, scope: Scope, now: datetime) -> dict[str, Any]:
    """Since when nothing fails, and how far that is known."""
    covered, hosts = findings.covered(coverage(scope, now))
    held = history.held_since(scope, slug).get(slug)
    return {"covered": covered, "hosts": hosts, "held": held}


def _history_url(request: HttpRequest, slug: str, scope: Scope) -> str:
    asked = {name: request.GET[name][:20] for name in ("days", "hosts") if name in request.GET}
    return f"{reverse('rule_history', args=[slug])}?{urlencode({**scope.parameters, **asked})}"


def _shadow(request: HttpRequest, standing: queries.Standing, scope: Scope) -> dict[str, Any]:
    """What the rule says where it is in shadow: for those only who decide about it."""
    person: Any = request.user
    shadowed = any(policy.state == in_force.SHADOW for policy in standing.policies)
    if not shadowed or not may(person, Right.MANAGE_POLICIES):
        return {"shadow": None}
    slug = standing.rule.slug
    [found] = shadow.counts([slug], scope=scope)
    return {
        "shadow": found,
        "shadow_lines": shadow.failing(slug, scope=scope),
        "shadow_most": shadow.MOST,
    }


def _wanted(query: QueryDict) -> queries.Wanted:
    return queries.Wanted(
        frozenset(query.getlist("family")) & frozenset(FAMILIES),
        frozenset(query.getlist("severity")) & frozenset(queries.SEVERITIES),
        frozenset(query.getlist("applies")) & frozenset(queries.SUBJECTS),
        frozenset(query.getlist("policy")) & frozenset(in_force.STATES),
        query.get("failing") == "1",
        query.get("ssh") == "1",
        query.get("q", "")[:200].replace("\0", "").strip(),
    )


def _list_url(slug: str, scope: Scope, *verdicts: str) -> str:
    """The list of findings, or of results with these verdicts, of one rule in the scope."""
    query = [("rule", slug), *(("verdict", verdict) for verdict in verdicts)]
    return f"{reverse('finding_list')}?{urlencode([*query, *scope.parameters.items()])}"


def _row(standing: queries.Standing, scope: Scope) -> dict[str, Any]:
    """The rule's numbers, each with the list behind it."""
    rule = standing.rule
    address = reverse("rule_detail", args=[rule.slug])
    urls = {name: _list_url(rule.slug, scope, *names) for name, names in _VERDICTS.items()}
    return {
        "standing": standing,
        "rule": rule,
        "url": f"{address}?{urlencode(scope.parameters)}" if scope.parameters else address,
        "urls": urls,
    }


def _facets(rules: list[queries.Standing], wanted: queries.Wanted) -> list[dict[str, Any]]:
    by_family = [r.rule.family.value for r in rules if wanted.has(r, "families")]
    by_severity = [r.rule.severity.value for r in rules if wanted.has(r, "severities")]
    by_subject = [r.rule.subject_kind for r in rules if wanted.has(r, "subjects")]
    by_state = [state for r in rules if wanted.has(r, "states") for state in r.states]
    severities = {name: display.SEVERITIES[name].word for name in queries.SEVERITIES}
    return [
        _facet("Family", "family", families(), by_family, wanted.families),
        _facet("Severity", "severity", severities, by_severity, wanted.severities),
        _facet("Applies to", "applies", queries.SUBJECTS, by_subject, wanted.subjects),
        _facet("Policy", "policy", in_force.STATES, by_state, wanted.states),
    ]


def _facet(
    title: str, name: str, labels: dict[str, str], values: list[str], chosen: frozenset[str]
) -> dict[str, Any]:
    options = [
        {"value": value, "label": label, "count": values.count(value), "checked": value in chosen}
        for value, label in labels.items()
    ]
    return {"title": title, "name": name, "options": options}


def _chips(query: Any, wanted: queries.Wanted) -> list[dict[str, str]]:
    shown = (
        (
            "Family",
            "family",
            [FAMILIES[n] for n in FAMILIES if n in wanted.families],
        ),
        ("Severity", "severity", [n for n in queries.SEVERITIES if n in wanted.severities]),
        ("Applies to", "applies", [queries.SUBJECTS[n] for n in sorted(wanted.subjects)]),
        ("Policy", "policy", [in_force.STATES[n] for n in sorted(wanted.states)]),
        ("Show", "failing", ["failing only"] if wanted.failing else []),
        ("Needs", "ssh", ["SSH access"] if wanted.ssh else []),
        ("Search", "q", [wanted.text] if wanted.text else []),
    )
    chips = []
    for label, name, values in shown:
        if values:
            rest = query.copy()
            rest.pop(name, None)
            chips.append(
                {"label": label, "value": ", ".join(values), "url": f"?{rest.urlencode()}"}
            )
    return chips
