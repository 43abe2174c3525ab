"""The images of a host: what they are called, how old and how large they are, and who uses them."""

from collections import Counter
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlencode

from django.db.models import Count, Q

from portal.compliance.models import Result, Severity
from portal.fleet import queries as fleet
from portal.fleet.models import Host
from scanner.model import Image, Unread


class Row(NamedTuple):
    """`created` is None where nobody wrote a date that means something. `named` False is what a
    later build or pull took the name from. `counts` are results by verdict."""

    name: str
    tags: list[str]
    """The others that it has."""
    short_id: str
    named: bool
    created: datetime | None
    size: int
    users: int
    """Containers that were made from it."""
    counts: dict[str, int]
    critical: int
    high: int

    @property
    def query(self) -> str:
        """For the list of findings: those about this image."""
        return urlencode({"family": "images", "q": f'image:"{self.name}"'})


class Shelf(NamedTuple):
    """`rows` is None where the images could not be listed. `unused` have a name and no container,
    `dangling` neither; sizes in bytes, and images may share some of theirs."""

    rows: list[Row] | None
    unused: int = 0
    dangling: int = 0
    size: int = 0


def images(host: Host) -> Shelf:
    """What is used first, then by name. Three queries."""
    seen = fleet.stored_snapshot(host)
    if seen is None or seen.images is None:
        return Shelf(None)
    users = Counter(container.known_image_id for container in seen.containers)
    judged = _judged(host)
    rows = [_row(image, users[image.id], judged.get(image.name, {})) for image in seen.images]
    rows.sort(key=lambda row: (not row.users, not row.named, row.name))
    return Shelf(
        rows,
        sum(row.named and not row.users for row in rows),
        sum(not row.named and not row.users for row in rows),
        sum(row.size for row in rows),
    )


def _judged(host: Host) -> dict[str, dict[str, int]]:
    """By the image's name: results by verdict, and the open ones that are "critical" or "high"."""
    results = (
        Result.objects.filter(host=host, subject_kind="image", gone_at=None)
        .values_list("subject", "verdict")
        .annotate(
            units=Count("id"),
            critical=Count("id", filter=Q(open=True, severity=Severity.CRITICAL)),
            high=Count("id", filter=Q(open=True, severity=Severity.HIGH)),
        )
    )
    found: dict[str, dict[str, int]] = {}
    for subject, verdict, units, critical, high in results:
        counts = found.setdefault(subject, {"critical": 0, "high": 0})
        counts[verdict] = units
        counts["critical"] += critical
        counts["high"] += high
    return found


def _row(image: Image, users: int, counts: dict[str, int]) -> Row:
    return Row(
        name=image.name,
        tags=sorted(set(image.tags) - {image.name}),
        short_id=image.id.removeprefix("sha256:")[:12],
        named=image.named,
        created=_created(image),
        size=image.size,
        users=users,
        counts=counts,
        critical=counts.get("critical", 0),
        high=counts.get("high", 0),
    )


def _created(image: Image) -> datetime | None:
    try:
        created = image.created_at
    except Unread:
        return None
    return created if created.year >= 2013 else None
