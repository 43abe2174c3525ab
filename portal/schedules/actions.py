"""A schedule's life: made, saved, chosen for groups and hosts, removed. And what it is for: the
hosts that are due.

Whatever changes the schedule of a host says anew when its next scan is, and how far its scans can
be apart (`Host.scan_interval`).
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import IntegrityError, transaction

from portal.accounts.models import User
from portal.accounts.rights import Right, require
from portal.core import audit, naming
from portal.core.errors import Conflict, DomainError, NotFound
from portal.fleet.models import Group, Host
from portal.schedules import queries, timing
from portal.schedules.models import GroupBinding, HostBinding, Schedule
from portal.schedules.timing import Timetable

DEFAULT = "Default"
DEFAULT_JITTER = 3600
_RESERVED = {"new"}  # the address of a page
_AT_ONCE = 500


class Draft(NamedTuple):
    """What a person wants a schedule to be; `groups` and `hosts` are the ids of those that it is
    for. The default is for every other host as well."""

    name: str
    timetable: Timetable
    groups: frozenset[int] = frozenset()
    hosts: frozenset[int] = frozenset()


@transaction.atomic
def ensure_default(*, now: datetime) -> None:
    """The tables are never without a default schedule. Until a person saves it, its interval is
    that of the settings."""
    interval = settings.SCAN_INTERVAL_SECONDS
    timetable = Timetable(interval=interval, jitter=min(interval, DEFAULT_JITTER))
    found = Schedule.objects.select_for_update().filter(default=True).first()
    if found is None:
        slug = naming.free_slug(Schedule, DEFAULT, "schedule", reserved=_RESERVED)
        found = Schedule(name=DEFAULT, slug=slug, default=True, created_at=now)
    elif found.changed_at is not None or found.timetable == timetable:
        return
    _set(found, timetable, now)
    found.save()
    _reckon(_ids(found), now)


@transaction.atomic
def create_schedule(draft: Draft, *, actor: User | None, now: datetime) -> Schedule:
    require(actor, Right.MANAGE_SCHEDULES)
    name = naming.name(draft.name, "schedule")
    _refuse_taken(name, besides=None)
    slug = naming.free_slug(Schedule, name, "schedule", reserved=_RESERVED)
    found = Schedule(name=name, slug=slug, created_at=now, changed_at=now)
    _set(found, draft.timetable, now)
    _save(found)
    _bind(found, draft)
    _reckon(_ids(found), now)
    audit.record(actor, "schedules.create_schedule", found, now=now, **_facts(found))
    return found


@transaction.atomic
def save_schedule(slug: str, draft: Draft, *, actor: User | None, now: datetime) -> Schedule:
    """In force at once: also the next scans of its hosts are moved."""
    require(actor, Right.MANAGE_SCHEDULES)
    found = _locked(slug)
    name = naming.name(draft.name, "schedule")
    _refuse_taken(name, besides=found)
    before, hosts = _facts(found), _ids(found)
    found.name, found.changed_at = name, now
    _set(found, draft.timetable, now)
    _save(found)
    _bind(found, draft)
    _reckon(hosts | _ids(found), now)
    after = _facts(found)
    audit.record(actor, "schedules.save_schedule", found, now=now, before=before, after=after)
    return found


@transaction.atomic
def remove_schedule(slug: str, *, actor: User | None, now: datetime) -> None:
    """Its hosts have the schedule of their group then, or the default."""
    require(actor, Right.MANAGE_SCHEDULES)
    found = _locked(slug)
    if found.default:
        raise DomainError(f"{found.name} is for every host without another schedule. It stays.")
    hosts = _ids(found)
    audit.record(actor, "schedules.remove_schedule", found, now=now, **_facts(found))
    found.delete()
    _reckon(hosts, now)


@transaction.atomic
def choose(host_id: int, slug: str, *, actor: User | None, now: datetime) -> None:
    """Gives a host a schedule of its own; with "" it has that of its group again."""
    require(actor, Right.MANAGE_SCHEDULES)
    wanted = _locked(slug) if slug else None
    host = Host.objects.select_for_update().filter(id=host_id).first()
    if host is None:
        raise NotFound("There is no such host. It may have been removed.")
    before = HostBinding.objects.select_related("schedule").filter(host=host).first()
    if wanted is None:
        HostBinding.objects.filter(host=host).delete()
    else:
        HostBinding.objects.update_or_create(host=host, defaults={"schedule": wanted})
    _reckon({host.pk}, now)
    was, becomes = before.schedule.name if before else "", wanted.name if wanted else ""
    audit.record(actor, "schedules.choose", host, now=now, before=was, after=becomes)


def take_due(now: datetime, limit: int) -> list[Host]:
    """Takes up to so many hosts that are due, those that wait longest first, and says when each is
    next: after downtime once and not many times. One that a blackout holds is not taken, but moved
    to when that ends; a host that a person has just registered is not held. The hosts stay locked
    to the end of the caller's transaction, so that several callers at once never take the same.
    Three queries."""
    due = list(
        queries.with_schedule(Host.objects.all())
        .select_for_update(skip_locked=True, of=("self",))
        .filter(next_scan_at__lte=now)
        .order_by("next_scan_at")[:limit]
    )
    if not due:
        return []
    known = Schedule.objects.in_bulk([host.schedule_id for host in due])
    taken = []
    for host in due:
        found = known[host.schedule_id]
        later = timing.offset(found.timetable, host.pk)
        asked = host.next_scan_at == host.created_at
        released = None if asked else timing.release(found.timetable, now, later)
        host.next_scan_at = released or timing.next_run(found.timetable, now, later)
        host.scan_interval = found.largest_gap
        if released is None:
            taken.append(host)
    Host.objects.bulk_update(due, ["next_scan_at", "scan_interval"])
    return taken


def begin(host: Host, *, now: datetime) -> None:
    """A new host keeps to a schedule. A first scan that is due at once stays so."""
    found = queries.of_host(host).schedule
    host.scan_interval = found.largest_gap
    if host.next_scan_at is None or host.next_scan_at > now:
        later = timing.offset(found.timetable, host.pk)
        host.next_scan_at = timing.next_run(found.timetable, now, later)
    _write([host])


def follow_group(host: Host, *, now: datetime) -> None:
    """The host is in another group, which may have another schedule."""
    with transaction.atomic():
        _reckon({host.pk}, now)
    host.refresh_from_db(fields=["next_scan_at", "scan_interval"])


def _reckon(hosts: Collection[int], now: datetime) -> None:
    """Says of these hosts when they are next. Who is due already, or is tried again after a
    failure, is no later for it. Queries: two, and one more for each 500 hosts."""
    rows = queries.with_schedule(Host.objects.filter(id__in=hosts))
    found = list(rows.select_for_update(of=("self",)).order_by("id"))
    known = Schedule.objects.in_bulk()
    for host in found:
        schedule = known[host.schedule_id]
        timetable = schedule.timetable
        host.scan_interval = schedule.largest_gap
        due = timing.next_run(timetable, now, timing.offset(timetable, host.pk))
        waits = host.next_scan_at is not None and (host.next_scan_at <= now or host.failed_attempts)
        host.next_scan_at = min(host.next_scan_at, due) if waits else due
    _write(found)


def _write(hosts: Iterable[Host]) -> None:
    Host.objects.bulk_update(hosts, ["next_scan_at", "scan_interval"], batch_size=_AT_ONCE)


def _ids(schedule: Schedule) -> set[int]:
    return set(queries.hosts_of(schedule).values_list("id", flat=True))


def _set(schedule: Schedule, timetable: Timetable, now: datetime) -> None:
    timing.check(timetable, now=now)
    schedule.timetable = timetable
    gap = timing.largest_gap(timetable, now)
    schedule.largest_gap = round(gap / timedelta(seconds=1))


def _save(schedule: Schedule) -> None:
    try:
        with transaction.atomic():
            schedule.save()
    except IntegrityError as error:  # somebody made the same between the look and here
        raise Conflict(f"A schedule named {schedule.name} has just been made.") from error


def _bind(schedule: Schedule, draft: Draft) -> None:
    """Also takes groups and hosts from other schedules."""
    groups = frozenset() if schedule.default else draft.groups
    if Group.objects.filter(id__in=groups).count() < len(groups):
        raise DomainError("One of the groups is not there any more. Choose again.")
    if Host.objects.filter(id__in=draft.hosts).count() < len(draft.hosts):
        raise DomainError("One of the hosts is not there any more. Choose again.")
    GroupBinding.objects.filter(schedule=schedule).exclude(group__in=groups).delete()
    HostBinding.objects.filter(schedule=schedule).exclude(host__in=draft.hosts).delete()
    GroupBinding.objects.bulk_create(
        [GroupBinding(group_id=group, schedule=schedule) for group in sorted(groups)],
        update_conflicts=True,
        unique_fields=["group"],
        update_fields=["schedule"],
    )
    HostBinding.objects.bulk_create(
        [HostBinding(host_id=host, schedule=schedule) for host in sorted(draft.hosts)],
        update_conflicts=True,
        unique_fields=["host"],
        update_fields=["schedule"],
    )


def _facts(schedule: Schedule) -> dict[str, Any]:
    """For the audit log."""
    groups = GroupBinding.objects.filter(schedule=schedule).order_by("group__name")
    return {
        "name": schedule.name,
        "when": timing.words(schedule.timetable),
        "details": queries.details(schedule.timetable),
        "groups": list(groups.values_list("group__name", flat=True)),
        "hosts": queries.own_hosts(schedule),
    }


def _locked(slug: str) -> Schedule:
    found = Schedule.objects.select_for_update().filter(slug=slug).first()
    if found is None:
        raise NotFound("There is no schedule of this name. It may have been removed.")
    return found


def _refuse_taken(name: str, *, besides: Schedule | None) -> None:
    others = Schedule.objects.exclude(id=besides.pk) if besides else Schedule.objects.all()
    if others.filter(name__iexact=name).exists():
        raise Conflict(f"There is already a schedule {name}.")
