"""Keeps each day how large the tables are, so that the page of system health knows their growth."""

from datetime import datetime

from portal.compliance.models import TableSize
from portal.compliance.queries import days
from portal.compliance.queries.sizes import tables


def remember_sizes(*, now: datetime) -> bool:
    """Once a day; False where that was done already."""
    day = days.today(now)
    if TableSize.objects.filter(day=day).exists():
        return False
    TableSize.objects.bulk_create(
        [
            TableSize(table=table, day=day, rows=size.rows, bytes=size.bytes)
            for table, size in tables().items()
        ],
        ignore_conflicts=True,
    )
    return True
