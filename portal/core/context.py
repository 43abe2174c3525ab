"""What the frame of every page needs: navigation, theme, time zone and version."""

from typing import Any, NamedTuple

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from scanner.version import VERSION


class Destination(NamedTuple):
    """One line of the navigation. `pages` is what the names of its pages begin with."""

    label: str
    url_name: str
    icon: str
    pages: str | tuple[str, ...]
    key: str


NAVIGATION = (
    Destination("Overview", "home", "layout-dashboard", "home", "o"),
    Destination("Changes", "change_list", "git-compare", "change_", "c"),
    Destination("Findings", "finding_list", "list-search", "finding_", "f"),
    Destination("Rules", "rule_list", "clipboard-check", "rule_", "r"),
    Destination("Hosts", "host_list", "server-2", "host_", "h"),
    Destination("Scans", "scan_list", "radar-2", ("scan_", "schedule_"), "s"),
    Destination("Settings", "policy_list", "settings", ("policy_", "custom_rule_", "system_"), "p"),
)


def frame(request: HttpRequest) -> dict[str, Any]:
    """Whoever is not signed in gets no navigation."""
    user = getattr(request, "user", None)
    signed_in = user is not None and user.is_authenticated
    match = request.resolver_match
    here = (match.url_name or "") if match else ""
    navigation = [
        {
            "label": place.label,
            "url": reverse(place.url_name),
            "icon": place.icon,
            "key": place.key,
            "current": here.startswith(place.pages),
        }
        for place in NAVIGATION
        if signed_in
    ]
    return {
        "navigation": navigation,
        "theme": getattr(user, "theme", "system"),
        "time_zone": timezone.get_current_timezone_name(),
        "version": VERSION,
    }
