"""What got worse and better in the fleet between two moments, and whose it is."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.compliance.queries import changes as queries
from portal.compliance.queries import net_changes
from portal.compliance.queries.filters import SEVERITIES
from portal.core import display
from portal.core.csv import csv_response
from portal.core.http import page
from portal.core.tables import paged
from portal.fleet.queries import Scope
from portal.fleet.scope_bar import scope_bar
from portal.policies.queries import catalogue

COLUMNS = (
    *("change", "owner", "host", "rule", "title", "severity", "subject", "part"),
    *("before", "after", "facts", "since", "cause", "finding"),
)
MEANINGS = {
    "worse": "Open now, and not at the beginning.",
    "better": "Open at the beginning, and fixed: what failed was seen to pass.",
    "new": "Open, of containers and hosts that were not there at the beginning.",
    "gone": "Open at the beginning, of what is no longer there. Nobody saw these fixed.",
    "rules": "Different because a policy or the rules judge otherwise, and not the host's doing.",
    "unclear": "Could not be read at one of the two ends, so that nobody knows.",
}
NOTHING = {
    "worse": "Nothing got worse",
    "better": "Nothing got better",
    "new": "No finding came with new things",
    "gone": "No finding went away with its subject",
    "rules": "No finding changed because of rules or policies",
    "unclear": "No finding is unknown on one side only",
}


@require_safe
def change_list(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    scope = Scope.of(request.GET)
    period = queries.Period.of(request.GET, now)
    filters = queries.Filters.of(request.GET)
    found = _found(scope, period, filters)
    asked = request.GET.get("show", "")
    kind = asked if asked in net_changes.KINDS else net_changes.WORSE
    containers = None if filters.any else net_changes.containers(found.window)
    shown = paged(request.GET, found.rows(kind))
    kept = [*scope.parameters.items(), *filters.parameters]
    whole = [*kept, *period.parameters.items()]
    context = {
        "bar": scope_bar(request.GET, scope),
        "period": period,
        "presets": [
            (label, f"?{urlencode([*kept, ('show', kind), ('days', days)])}", days == period.days)
            for days, label in queries.PERIODS.items()
        ],
        "sentence": queries.sentence(found.totals, containers),
        "compared": queries.compared(found.members),
        "kept_since": queries.kept_since(period, now),
        "judging": queries.judging(period),
        "tabs": [
            (label, found.totals[name], f"?{urlencode([*whole, ('show', name)])}", name == kind)
            for name, label in net_changes.KINDS.items()
        ],
        "kind": kind,
        "meaning": MEANINGS[kind],
        "kind_label": net_changes.KINDS[kind],
        "any": any(found.totals.values()),
        "nothing": NOTHING[kind],
        "teams": _teams(queries.lines(shown, found.members), found.by_owner(kind)),
        "page": shown,
        "params": request.GET,
        "scope": scope.parameters.items(),
        "severities": _options(((name, name.capitalize()) for name in SEVERITIES), filters, 0),
        "rules": _options(((slug, slug) for slug in sorted(catalogue())), filters, 1),
        "causes": _options(queries.CAUSES.items(), filters, 2),
        "chips": _chips(scope, period, filters, kind),
        "clear_url": f"?{urlencode([*scope.parameters.items(), *period.parameters.items()])}",
        "csv_url": f"{reverse('change_list_csv')}?{urlencode(whole)}",
    }
    return page(request, "compliance/change_list", context)


@require_safe
def change_list_csv(request: HttpRequest) -> StreamingHttpResponse:
    """The changes of every kind."""
    period = queries.Period.of(request.GET, timezone.now())
    found = _found(Scope.of(request.GET), period, queries.Filters.of(request.GET))
    return csv_response("changes", COLUMNS, map(cells, queries.every_line(found)))


def _found(scope: Scope, period: queries.Period, filters: queries.Filters) -> queries.Found:
    members = queries.members(scope, period)
    return queries.changes(queries.window(scope, period, filters, members), members)


def cells(line: queries.Line) -> tuple[Any, ...]:
    """A change as a row under COLUMNS."""
    row = line.row
    facts = "; ".join(f"{fact.name}: {fact.before} -> {fact.after}" for fact in row.facts)
    return (
        *(net_changes.KINDS[row.kind], line.owner, line.host, row.rule, line.title),
        *(row.severity_name, row.subject, row.sub_object),
        *(display.STATES[row.before].word, display.STATES[row.after].word, facts),
        *(row.at.isoformat(timespec="seconds"), row.why, row.finding_id),
    )


def _teams(
    lines: Iterable[queries.Line], numbers: dict[str, int]
) -> list[tuple[str, int, list[queries.Line]]]:
    """Each owner with the number of all that is theirs, and what of it is on the page."""
    return [
        (owner, numbers[owner], list(its)) for owner, its in groupby(lines, lambda line: line.owner)
    ]


def _options(
    choices: Iterable[tuple[str, str]], filters: queries.Filters, place: int
) -> list[tuple[str, str, bool]]:
    name = ("severity", "rule", "cause")[place]
    chosen = {value for key, value in filters.parameters if key == name}
    return [(value, label, value in chosen) for value, label in choices]


def _chips(
    scope: Scope, period: queries.Period, filters: queries.Filters, kind: str
) -> list[dict[str, str]]:
    labels = {"severity": "Severity", "rule": "Rule", "cause": "Cause"}
    chips = []
    for name, label in labels.items():
        values = [value for key, value in filters.parameters if key == name]
        if not values:
            continue
        others = [(key, value) for key, value in filters.parameters if key != name]
        kept = [*scope.parameters.items(), *period.parameters.items(), *others, ("show", kind)]
        words = [queries.CAUSES.get(value, value) for value in values]
        chips.append({"label": label, "value": ", ".join(words), "url": f"?{urlencode(kept)}"})
    return chips
