"""What history takes on the disk, and how fast it grows."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection

from portal.compliance.models import TableSize
from portal.compliance.queries import days
from portal.compliance.queries.retention import KINDS

_OVER = timedelta(days=7)
TABLES = {
    "calls": ("fleet_ledger",),
    "scans": ("compliance_scan",),
    "transitions": ("compliance_transition",),
    "findings": ("compliance_result",),
    "versions": (
        *("fleet_container", "fleet_containerversion", "fleet_hostversion"),
        "fleet_configversion",
    ),
    "posture": ("compliance_posture",),
    "silences": ("compliance_silence",),
    "host_days": ("compliance_hostday",),
    "days": ("compliance_groupday", "compliance_ruleday"),
}
"""Where each kind of history is."""


class Size(NamedTuple):
    """`rows` are estimated; bytes are those on the disk, indexes included."""

    rows: int = 0
    bytes: int = 0

    def __add__(self, other: object) -> "Size":
        if not isinstance(other, Size):
            return NotImplemented
        return Size(self.rows + other.rows, self.bytes + other.bytes)


class Growth(NamedTuple):
    """By day, over the last week or as long as it is known; None where that is less than a day."""

    rows: int
    bytes: int


class Taken(NamedTuple):
    size: Size
    growth: Growth | None


def tables() -> dict[str, Size]:
    """Every table of the product, by its name. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, n_live_tup, pg_total_relation_size(relid) FROM pg_stat_user_tables"
        )
        return {name: Size(rows, taken) for name, rows, taken in cursor.fetchall()}


def sizes(now: datetime) -> dict[str, Taken]:
    """By kind of history, in the order of KINDS; "" is all else. Two queries."""
    found = tables()
    first = days.today(now) - _OVER
    past: dict[str, tuple[int, Size]] = {}
    for row in TableSize.objects.filter(day__gte=first).order_by("-day"):
        past[row.table] = ((days.today(now) - row.day).days, Size(row.rows, row.bytes))
    named = {table for tables in TABLES.values() for table in tables}
    groups = {**{kind: TABLES[kind] for kind in KINDS}, "": tuple(found.keys() - named)}
    return {kind: _taken(group, found, past) for kind, group in groups.items()}


def _taken(
    group: tuple[str, ...], found: Mapping[str, Size], past: Mapping[str, tuple[int, Size]]
) -> Taken:
    size = sum((found.get(table, Size()) for table in group), Size())
    known = [past[table] for table in group if table in past and past[table][0] > 0]
    if len(known) < len(group):
        return Taken(size, None)
    before = [(found[table], over, then) for table in group for over, then in [past[table]]]
    return Taken(
        size,
        Growth(
            round(sum((now.rows - then.rows) / over for now, over, then in before)),
            round(sum((now.bytes - then.bytes) / over for now, over, then in before)),
        ),
    )
