"""What-if over a large stored fleet: edits of a policy, previewed without touching a host.

Twenty hosts are really scanned and stored, from recorded containers; the database then makes the
others of them, each with rows, configurations and findings of its own.
"""

import math
import statistics
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from django.db import connection
from django.utils import timezone
from msgspec.structs import replace

from portal.compliance import actions, whatif
from portal.compliance.models import Result, Scan, ScanKind, Standing
from portal.compliance.whatif import Edit
from portal.fleet import actions as fleet
from portal.fleet.models import Container, Environment, Group, Host
from portal.policies import queries
from scanner import Snapshot, policies
from scanner.model import Container as SeenContainer
from tests import recorded
from tests.fleet import named

HOSTS, STORED, CONTAINERS = 1000, 20, 50
RUNS = 3
SHARES = {"small": 62, "middle": 250, "large": HOSTS}
EDITS: dict[str, dict[str, Any]] = {
    "one_rule_off": {"privileged": "off"},
    "one_severity": {"privileged": {"severity": "medium"}},
    "one_parameter": {"memory-limit": {"parameters": {"maximum_mib": 64}}},
    "five_rules": {
        "memory-limit": {"parameters": {"maximum_mib": 64}},
        "pids-limit": {"parameters": {"maximum": 10}},
        "added-capabilities": {"parameters": {"allowed": []}},
        "privileged-ports": {"parameters": {"allowed": []}},
        "root-user": {"severity": "low"},
    },
}


@dataclass(frozen=True)
class Row:
    """Medians in seconds of one edit, previewed for so many hosts."""

    edit: str
    hosts: int
    containers: int
    seconds: float
    changes: int

    def plain(self) -> dict[str, Any]:
        return {**asdict(self), "seconds": round(self.seconds, 3)}


def measure() -> list[Row]:
    groups = build()
    rows = []
    for share, size in SHARES.items():
        chosen = frozenset(groups[name] for name in _up_to(share))
        for name, raw in EDITS.items():
            settings, problems = policies.read(raw, queries.catalogue())
            assert problems == []
            edit = Edit(None, settings, chosen)
            seconds, found = _preview(edit)
            assert found.hosts == size
            rows.append(Row(name, size, size * CONTAINERS, seconds, sum(found.amounts.values())))
    return rows


def exponent(rows: list[Row], edit: str) -> float:
    """How the time grows with the number of hosts: 1 is linear."""
    points = [(math.log(row.hosts), math.log(row.seconds)) for row in rows if row.edit == edit]
    return statistics.linear_regression(*zip(*points, strict=True)).slope


def _preview(edit: Edit) -> tuple[float, whatif.Preview]:
    found = whatif.preview(edit, now=timezone.now())
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        found = whatif.preview(edit, now=timezone.now())
        times.append(time.perf_counter() - began)
    return statistics.median(times), found


def _up_to(share: str) -> list[str]:
    names = list(SHARES)
    return names[: names.index(share) + 1]


def build() -> dict[str, int]:
    """A thousand hosts in three groups, by whose names their ids come back."""
    now = timezone.now()
    groups = {
        name: fleet.add_group(
            name=name, environment=Environment.PRODUCTION, owner=name.title(), actor=None, now=now
        )
        for name in SHARES
    }
    stored = []
    for number in range(STORED):
        host = fleet.add_host(
            name=f"what-if-{number}",
            url=f"unix:///run/what-if-{number}.sock",
            group=groups["small"],
            scan_now=False,
            actor=None,
            now=now,
        )
        _store(host, list(_containers(number)))
        stored.append(host)
    _multiply(stored, groups)
    return {name: group.pk for name, group in groups.items()}


def _containers(number: int) -> Iterator[SeenContainer]:
    cases = sorted(
        file.stem
        for file in (recorded.HERE / recorded.ENGINE).glob("*.json")
        if not file.stem.startswith("_")
    )
    for place in range(CONTAINERS):
        case = cases[(number * CONTAINERS + place) % len(cases)]
        yield named(case, f"app-{number}-{place}")


def _store(host: Host, containers: list[SeenContainer]) -> None:
    now = timezone.now()
    scan = Scan.objects.create(host=host, kind=ScanKind.SCHEDULE, queued_at=now)
    begun = actions.begin(scan.pk, now=now)
    assert begun is not None
    snapshot = Snapshot(
        host=replace(recorded.host(), name=host.name),
        containers=tuple(containers),
        images=(),
        networks=recorded.networks(),
        volumes=(),
        taken_at=now.isoformat(timespec="seconds"),
        reached="unix",
    )
    actions.assess(begun, snapshot, now=now)


def _multiply(stored: list[Host], groups: dict[str, Group]) -> None:
    """Copies of the stored hosts up to HOSTS, a row for each row; no content is shared."""
    sizes = list(SHARES.values())
    limits = dict(zip(SHARES, sizes, strict=True))
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE made (old bigint, new bigint, number int)")
        for number in range(STORED, HOSTS):
            old = stored[number % STORED]
            group = next(name for name, limit in limits.items() if number < limit)
            copy = Host.objects.get(id=old.pk)
            copy.pk, copy.name, copy.slug = None, f"what-if-{number}", f"what-if-{number}"
            copy.url, copy.group = f"unix:///run/what-if-{number}.sock", groups[group]
            copy.save()
            cursor.execute("INSERT INTO made VALUES (%s, %s, %s)", [old.pk, copy.pk, number])
        for command in (_CONFIGS, _CONTAINERS, _RESULTS, _STANDINGS):
            cursor.execute(command)
        cursor.execute("ANALYZE")
    assert Host.objects.count() == HOSTS
    assert Container.objects.count() == HOSTS * CONTAINERS
    assert Result.objects.filter(open=True).count() > HOSTS


def _columns(model: Any, **changed: str) -> tuple[str, str]:
    """The table's columns, and for each what it is made of."""
    names = [field.column for field in model._meta.concrete_fields if field.column != "id"]
    return ", ".join(f'"{name}"' for name in names), ", ".join(
        changed.get(name, f'row."{name}"') for name in names
    )


def _copying(model: Any, joined: str = "", **changed: str) -> str:
    names, values = _columns(model, **changed)
    table = model._meta.db_table
    return (
        f"INSERT INTO {table} ({names}) SELECT {values}"  # noqa: S608 - names of our own tables
        f" FROM {table} row JOIN made ON made.old = row.host_id {joined}"
    )


_DIGEST = "sha256(config.digest || int4send(made.number))"
_CONFIGS = (
    "INSERT INTO fleet_configversion (digest, body)"  # noqa: S608 - nothing but constants
    f" SELECT DISTINCT ON (1) {_DIGEST}, config.body FROM fleet_container row"
    " JOIN made ON made.old = row.host_id"
    " JOIN fleet_configversion config ON config.digest = row.config_id"
)
_CONTAINERS = _copying(
    Container,
    "JOIN fleet_configversion config ON config.digest = row.config_id",
    host_id="made.new",
    config_id=_DIGEST,
)
_RESULTS = _copying(
    Result,
    host_id="made.new",
    container_id="NULL",
    identity=(
        "sha256(convert_to('[' || made.new || ',' || to_json(row.rule) || ','"
        " || to_json(row.subject_kind) || ',' || to_json(row.workload) || ','"
        " || to_json(row.sub_object) || ']', 'UTF8'))"
    ),
)
_STANDINGS = _copying(Standing, host_id="made.new")
