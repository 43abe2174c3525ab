"""The scope bar of every page about the fleet, as components/scope_bar.html wants it."""

from typing import Any

from django.http import QueryDict

from portal.core import display
from portal.fleet import queries
from portal.fleet.queries import Scope


def scope_bar(query: QueryDict, scope: Scope) -> dict[str, Any]:
    """Three queries. The rest of the query string is kept, but not the page number."""
    choices = queries.scope_choices()
    others = query.copy()
    for name in (*Scope._fields, "page"):
        others.pop(name, None)
    fields = [
        _field("Environment", "environment", "All", choices.environments, scope.environment),
        _field("Group", "group", "All groups", choices.groups, scope.group),
        _field("Owner", "owner", "All owners", choices.owners, scope.owner),
    ]
    extent = queries.extent(scope)
    hosts = display.counted(extent.hosts, "host")
    if scope.parameters:
        hosts = f"{display.integer(extent.hosts)} of {display.counted(extent.all_hosts, 'host')}"
    return {
        "fields": fields,
        "keep": [(name, value) for name in others for value in others.getlist(name)],
        "clear_url": f"?{others.urlencode()}" if scope.parameters else "",
        "summary": f"{hosts}, {display.counted(extent.containers, 'container')}",
    }


def _field(
    label: str, name: str, everything: str, choices: list[tuple[str, str]], chosen: str
) -> dict[str, Any]:
    options = [{"value": "", "label": everything, "selected": not chosen}]
    options += [
        {"value": value, "label": text, "selected": value == chosen} for value, text in choices
    ]
    if chosen and chosen not in dict(choices):
        options.append({"value": chosen, "label": chosen, "selected": True})
    return {"label": label, "name": name, "options": options}
