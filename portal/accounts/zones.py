"""The time zones that a person can choose, by their IANA names."""

import functools
import zoneinfo

UTC = "UTC"
ALIASES = ("Etc/", "US/", "Brazil/", "Canada/", "Chile/", "Mexico/")


@functools.cache
def names() -> tuple[str, ...]:
    """Regions with their places, and UTC first; without the aliases of old systems."""
    places = (name for name in zoneinfo.available_timezones() if "/" in name)
    return (UTC, *sorted(name for name in places if not name.startswith(ALIASES)))


def by_region() -> list[tuple[str, str | list[tuple[str, str]]]]:
    """As a form field wants its choices: one group for each region."""
    regions: dict[str, list[tuple[str, str]]] = {}
    for name in names()[1:]:
        region, _, place = name.partition("/")
        label = place.replace("_", " ").replace("/", ", ")
        regions.setdefault(region, []).append((name, label))
    return [(UTC, UTC), *regions.items()]


def zone(name: str) -> zoneinfo.ZoneInfo:
    """UTC for a name that this machine does not know."""
    return zoneinfo.ZoneInfo(name if name in names() else UTC)
