"""The findings, and one of them."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.accounts.rights import Right, reason
from portal.compliance.queries import finding as one
from portal.compliance.queries import findings as queries
from portal.compliance.queries.filters import (
    SEVERITIES,
    Asked,
    Filters,
    asked,
    without,
)
from portal.core import display
from portal.core.http import page, wants_fragment
from portal.core.tables import Order, paged
from portal.fleet.queries import Scope, coverage
from portal.fleet.scope_bar import scope_bar
from portal.policies.queries import FAMILIES, families

HEADS = (
    ("Finding", "rule"),
    ("Severity", "severity"),
    ("Host", "host"),
    ("State", ""),
    ("Since", "since"),
)
GROUPS = (("", "None"), ("rule", "Rule"), ("host", "Host"))
STATES = {"open": "Open", "fixed": "Fixed", "gone": "Gone"}
_LONGEST_FACET = 10


@require_safe
def finding_list(request: HttpRequest) -> HttpResponse:
    scope = Scope.of(request.GET)
    found = asked(request.GET)
    facets = queries.facets(found.filters, scope)
    states = coverage(scope, timezone.now())
    by = request.GET.get("by", "")
    by = by if by in dict(GROUPS) else ""
    context = {
        "scope_bar": scope_bar(request.GET, scope),
        "is_part": wants_fragment(request),
        "facets": _facets(facets, found.filters),
        "search": found.search,
        "problems": [_problem(request.GET, problem) for problem in found.problems],
        "chips": _chips(request.GET, found),
        "clear_url": f"?{_query(scope.parameters)}",
        "kept": _kept(request.GET, scope),
        "by": by,
        "groupings": [(value, label, value == by) for value, label in GROUPS],
        "total": facets.total,
        "noun": _noun(found.filters),
        "uncovered": _uncovered(states, scope),
        "params": request.GET,
        **(_empty(found, scope, states) if not facets.total else {}),
    }
    if by:
        context |= _groups(request.GET, found.filters, scope, by)
    else:
        order = Order.of(request.GET, queries.COLUMNS, "-severity")
        fields = () if order.key == "severity" else order.fields
        lines = queries.lines(
            found.filters, scope, facets.total, fields, ascending=not order.descending
        )
        context |= {
            "page": paged(request.GET, lines),
            "heads": order.heads(request.GET, HEADS),
            "important": order.key == "severity" and order.descending,
        }
    return page(request, "compliance/finding_list", context, fragment="findings")


@require_safe
def finding_detail(request: HttpRequest, finding_id: int) -> HttpResponse:
    found = one.finding(finding_id)
    beside = {"host": found.result.host.slug, "container": found.line.subject}
    is_container = found.line.kind == "container"
    context = {
        "finding": found,
        "line": found.line,
        "result": found.result,
        "rule": found.rule,
        "timeline": [
            entry._replace(url=reverse("scan_detail", args=[entry.scan])) if entry.scan else entry
            for entry in found.timeline
        ],
        "beside_url": f"{reverse('finding_list')}?{_query(beside)}" if is_container else "",
        "why_no_scan": reason(request.user, Right.START_SCAN),  # type: ignore[arg-type]
        "polls": found.scanning,
    }
    return page(request, "compliance/finding_detail", context, fragment="finding")


def _query(*changes: dict[str, Any], of: QueryDict | None = None) -> str:
    """The query string with these values instead of its own, and from its first page on; None
    leaves a value out."""
    query = of.copy() if of is not None else QueryDict(mutable=True)
    query.pop("page", None)
    for change in changes:
        for name, value in change.items():
            values = [] if value is None else value if isinstance(value, list) else [value]
            query.setlist(name, values)
    return query.urlencode()


def _kept(query: QueryDict, scope: Scope) -> list[tuple[str, str]]:
    """What the form of the filters carries on without showing it."""
    kept: list[tuple[str, str]] = list(scope.parameters.items())
    kept += [(name, str(query[name])) for name in ("sort", "size") if name in query]
    return kept + [("container", str(name)) for name in query.getlist("container")]


def _facets(found: queries.Facets, filters: Filters) -> list[dict[str, Any]]:
    verdicts = {name: sign.word for name, sign in display.VERDICTS.items() if name != "excepted"}
    severities = {name: display.SEVERITIES[name].word for name in SEVERITIES}
    by_severity = {name: found.severities[rank] for name, rank in SEVERITIES.items()}
    chosen = {name for name, rank in SEVERITIES.items() if rank in filters.severities}
    rules = {slug: slug for slug, _ in found.rules.most_common()}
    hosts = {slug: name for slug, name, _ in found.hosts}
    by_host = {slug: number for slug, _, number in found.hosts}
    return [
        _facet("State", "state", STATES, found.states, filters.states),
        _facet("Severity", "severity", severities, by_severity, chosen),
        _facet("Verdict", "verdict", verdicts, found.verdicts, filters.verdicts),
        _facet("Family", "family", families(), found.families, filters.families),
        _facet("Rule", "rule", rules, found.rules, filters.rules, "rule:"),
        _facet("Host", "host", hosts, by_host, filters.hosts, "host:"),
    ]


def _facet(
    title: str,
    name: str,
    labels: dict[str, str],
    numbers: Any,
    chosen: Iterable[str],
    key: str = "",
) -> dict[str, Any]:
    """With `key` the list may be long: only its beginning is shown, and what is chosen."""
    chosen = set(chosen)
    labels = {**labels, **{value: value for value in sorted(chosen - set(labels))}}
    shown = [
        value
        for place, value in enumerate(labels)
        if not key or place < _LONGEST_FACET or value in chosen
    ]
    left = len(labels) - len(shown)
    return {
        "title": title,
        "name": name,
        "options": [
            {
                "value": value,
                "label": labels[value],
                "count": numbers.get(value, 0),
                "checked": value in chosen,
            }
            for value in shown
        ],
        "more": f"{left} more: search with {key}" if left else "",
    }


def _chips(query: QueryDict, found: Asked) -> list[dict[str, str]]:
    chips = []
    for label, name, words in _shown_filters(query, found):
        if words:
            url = f"?{_query({name: None}, of=query)}"
            chips.append({"label": label, "value": ", ".join(words), "url": url})
    return chips


def _shown_filters(query: QueryDict, found: Asked) -> list[tuple[str, str, Sequence[str]]]:
    """What the address says, not what the search field adds to it: that is a chip of its own."""
    address = query.copy()
    address.pop("q", None)
    plain = asked(address).filters
    return [
        ("State", "state", [STATES[state] for state in STATES if state in plain.states]),
        ("Severity", "severity", queries.named(plain.severities)),
        (
            "Verdict",
            "verdict",
            [sign.word for name, sign in display.VERDICTS.items() if name in plain.verdicts],
        ),
        ("Family", "family", [FAMILIES[name] for name in FAMILIES if name in plain.families]),
        ("Rule", "rule", sorted(plain.rules)),
        ("Host", "host", sorted(plain.hosts)),
        ("Container", "container", sorted(plain.containers)),
        ("Search", "q", [found.search] if found.search else []),
    ]


def _problem(query: QueryDict, problem: Any) -> dict[str, str]:
    if not problem.instead:
        return {"text": problem.text}
    url = f"?{_query({'q': problem.instead}, of=query)}"
    return {"text": problem.text, "url": url, "link": f"Search {problem.instead}"}


def _noun(filters: Filters) -> str:
    """What the list holds, in a word or three: "open finding"."""
    if not filters.verdicts:
        states = [STATES[state].lower() for state in STATES if state in filters.shown_states]
        return f"{' or '.join(states)} finding"
    verdicts = [
        sign.word if name == "not_applicable" else sign.word.lower()
        for name, sign in display.VERDICTS.items()
        if name in filters.verdicts
    ]
    return (
        f"result with verdict {' or '.join(verdicts)},results with verdict {' or '.join(verdicts)}"
    )


def _uncovered(states: dict[str, int], scope: Scope) -> dict[str, str]:
    """The strip that says of which hosts the list shows what was seen earlier."""
    covered, hosts = queries.covered(states)
    missing = hosts - covered - states["new"]
    if not missing:
        return {}
    away = [("state", state) for state in ("stale", "unreachable", "unauthorised") if states[state]]
    query = QueryDict(mutable=True)
    query.update(scope.parameters)
    for name, state in away:
        query.appendlist(name, state)
    verb = "is" if missing == 1 else "are"
    return {
        "text": f"{display.counted(missing, 'host')} {verb} not read at the moment. "
        "Their findings are shown as they were last seen.",
        "url": f"{reverse('host_list')}?{query.urlencode()}",
        "link": "See the host" if missing == 1 else "See the hosts",
    }


def _empty(found: Asked, scope: Scope, states: dict[str, int]) -> dict[str, Any]:
    """What is said in place of an empty list."""
    covered, hosts = queries.covered(states)
    filters = found.filters
    if not hosts:
        return {"empty": "nothing"}
    if filters == Filters(severities=filters.severities):
        read = queries.last_read(scope)
        words = " or ".join(word.lower() for word in queries.named(filters.severities))
        return {
            "empty": "good" if read else "unread",
            "words": f"open {words}".strip(),
            "read": read,
            "covered": covered,
            "hosts": hosts,
        }
    return {"empty": "filtered", "open_in_scope": queries.open_in(scope)}


def _groups(query: QueryDict, filters: Filters, scope: Scope, by: str) -> dict[str, Any]:
    groups = paged(query, queries.groups(filters, scope, by))
    address = reverse("finding_list")
    rows = []
    search = without(query.get("q", ""), "rule", "severity") if by == "rule" else query.get("q", "")
    for group in groups:
        here = {"by": None, "sort": None, "q": search or None, by: [group.key]}
        rows.append(
            {
                "name": group.name,
                "note": group.note,
                "url": reverse(f"{by}_detail", args=[group.key]),
                "numbers": [
                    {
                        "tone": severity,
                        "label": display.SEVERITIES[severity].word,
                        "number": number,
                        "url": f"{address}?{_query(here, {'severity': severity}, of=query)}",
                    }
                    for severity, number in zip(SEVERITIES, group.numbers, strict=True)
                ],
                "total": group.total,
                "total_url": f"{address}?{_query(here, of=query)}",
            }
        )
    return {"page": groups, "rows": rows, "by_label": dict(GROUPS)[by]}
