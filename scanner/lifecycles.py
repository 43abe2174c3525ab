"""Until when releases of the engines are maintained: a table with a source for every date. Pure.

The project that makes Docker's engine names its branches and their ends in one document, whose
earlier versions keep what has left it. Podman's project names no dates: a release is maintained
until the next one, whose date is the end.
"""

import re
from datetime import date

import msgspec

CHECKED = date(2026, 8, 23)
"""The state of the sources that was read, the oldest of them."""

_MOBY = "https://github.com/moby/moby/blob/{}/project/BRANCHES-AND-TAGS.md"
_DOCKER = "https://endoflife.date/docker-engine"
_PODMAN = "https://endoflife.date/podman"
_LATEST = _MOBY.format("b985e2313a8676e18072b442911fc8f64f17d440")
_OLDEST_NAMED = (23, 0)  # the document calls all before it unmaintained


class Lifecycle(msgspec.Struct, frozen=True):
    """`ended` is the last day of maintenance; None where the source names none, because the
    release is maintained until a later one comes."""

    engine: str
    release: str
    ended: date | None
    source: str


def _docker(release: str, ended: date | None, source: str) -> Lifecycle:
    return Lifecycle("docker", release, ended, source)


def _podman(release: str, ended: date | None) -> Lifecycle:
    return Lifecycle("podman", release, ended, _PODMAN)


LIFECYCLES = (
    _docker("18.09", date(2019, 8, 22), _DOCKER),
    _docker("19.03", date(2021, 1, 8), _DOCKER),
    # The document says "December 2023".
    _docker("20.10", date(2023, 12, 31), _MOBY.format("f502f49e49")),
    _docker("23.0", date(2025, 5, 19), _LATEST),
    _docker("24.0", date(2024, 6, 8), _DOCKER),
    _docker("25.0", date(2026, 12, 4), _LATEST),
    _docker("26.0", date(2024, 6, 8), _DOCKER),
    _docker("26.1", date(2025, 2, 17), _MOBY.format("2fc90096bf")),
    _docker("27", date(2025, 5, 3), _MOBY.format("9eec936eb0")),
    _docker("28", date(2026, 5, 13), _MOBY.format("9418053039")),
    _docker("29", None, _LATEST),
    _podman("3.4", date(2022, 4, 20)),
    _podman("4.0", date(2022, 4, 1)),
    _podman("4.1", date(2022, 6, 14)),
    _podman("4.2", date(2022, 9, 6)),
    _podman("4.3", date(2022, 11, 10)),
    _podman("4.4", date(2023, 3, 27)),
    _podman("4.5", date(2023, 5, 26)),
    _podman("4.6", date(2023, 8, 28)),
    _podman("4.7", date(2023, 10, 31)),
    _podman("4.8", date(2024, 1, 3)),
    _podman("4.9", date(2024, 5, 30)),
    _podman("5.0", date(2024, 5, 29)),
    _podman("5.1", date(2024, 8, 1)),
    _podman("5.2", date(2024, 11, 12)),
    _podman("5.3", date(2025, 2, 11)),
    _podman("5.4", date(2025, 5, 13)),
    _podman("5.5", date(2025, 8, 15)),
    _podman("5.6", date(2025, 11, 11)),
    _podman("5.7", date(2026, 2, 12)),
    _podman("5.8", date(2026, 9, 26)),
    _podman("6.0", date(2026, 8, 12)),
    _podman("6.1", None),
)
_BY_RELEASE = {(row.engine, row.release): row for row in LIFECYCLES}
_TOO_OLD = Lifecycle("docker", "before 23.0", date(2025, 2, 17), _LATEST)


def release(version: str) -> tuple[int, int] | None:
    """(20, 10) of "20.10.24+dfsg1"; None of what is no released version."""
    found = re.match(r"(\d{1,4})\.(\d{1,4})(?:\D|$)", version)
    return (int(found[1]), int(found[2])) if found else None


def lifecycle(engine: str, version: str) -> Lifecycle | None:
    """None where the table does not know the release."""
    if (found := release(version)) is None:
        return None
    major, minor = found
    for name in (f"{major}.{minor}", f"{major}.{minor:02}", str(major)):
        if row := _BY_RELEASE.get((engine, name)):
            return row
    return _TOO_OLD if engine == "docker" and found < _OLDEST_NAMED else None
