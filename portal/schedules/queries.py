"""Which schedule is for which host, and when it runs."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import BigIntegerField, Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Lower

from portal.core import display
from portal.core.errors import NotFound
from portal.fleet import queries as fleet
from portal.fleet.models import Group, Host, HostState
from portal.schedules import timing
from portal.schedules.models import GroupBinding, HostBinding, Schedule
from portal.schedules.timing import Run, Timetable

LATE = timedelta(minutes=10)
"""After so long a host that is due waits for something that does not come by itself."""
SHOWN = 3
_ORDER = (HostState.OK, HostState.PARTIAL, "stale", HostState.UNREACHABLE, HostState.UNAUTHORISED)


def schedules() -> QuerySet[Schedule]:
    """The default first."""
    return Schedule.objects.all()


def schedule(slug: str) -> Schedule:
    """Raises NotFound."""
    found = schedules().filter(slug=slug).first()
    if found is None:
        raise NotFound("There is no schedule of this name. It may have been removed.")
    return found


def with_schedule(hosts: QuerySet[Host]) -> "QuerySet[Any]":
    """Each with `schedule_id`: its own, else its group's, else the default."""
    own = HostBinding.objects.filter(host=OuterRef("pk")).values("schedule")
    of_group = GroupBinding.objects.filter(group=OuterRef("group")).values("schedule")
    default = Schedule.objects.filter(default=True).values("pk")
    which = Coalesce(
        Subquery(own), Subquery(of_group), Subquery(default), output_field=BigIntegerField()
    )
    return hosts.annotate(schedule_id=which)


def hosts_of(schedule: Schedule) -> "QuerySet[Any]":
    """Those that it is for, as `with_schedule` tells them."""
    return with_schedule(Host.objects.all()).filter(schedule_id=schedule.pk)


class Chosen(NamedTuple):
    """The schedule of a host; `own` and `of_group` say where it has it from, neither that it is the
    default."""

    schedule: Schedule
    own: bool
    of_group: bool

    @property
    def words(self) -> str:
        return timing.words(self.schedule.timetable)

    @property
    def why(self) -> str:
        return "its own" if self.own else "its group's" if self.of_group else "the default"


def of_host(host: Host) -> Chosen:
    """One query."""
    rows = _with_ties(host).filter(Q(own=True) | Q(of_group=True) | Q(default=True))
    found = rows.order_by("-own", "-of_group")[0]
    return Chosen(found, found.own, found.of_group)


def without_own(host: Host) -> Schedule:
    """What the host would have without one of its own. One query."""
    rows = _with_ties(host).filter(Q(of_group=True) | Q(default=True))
    found: Schedule = rows.order_by("-of_group")[0]
    return found


def _with_ties(host: Host) -> "QuerySet[Any]":
    mine = HostBinding.objects.filter(host=host, schedule=OuterRef("pk"))
    ours = GroupBinding.objects.filter(group=host.group_id, schedule=OuterRef("pk"))
    return Schedule.objects.annotate(own=Exists(mine), of_group=Exists(ours))


class Coming(NamedTuple):
    """A run as pages show it: when, the same as the clocks of the schedule's zone have it, and what
    is to be known of it."""

    at: datetime
    there: str
    note: str


def coming(timetable: Timetable, now: datetime, count: int) -> list[Coming]:
    """The next ones, without anybody's offset."""
    return [_shown(run) for run in timing.runs(timetable, now, count)]


def clock_changes(timetable: Timetable, now: datetime) -> list[Coming]:
    """Those on the next days on which the clocks of the schedule's zone change."""
    return [_shown(run) for run in timing.clock_changes(timetable, now)]


def _shown(run: Run) -> Coming:
    clocks = f"The clocks go {run.clocks} on this day." if run.clocks else ""
    held = "A blackout window holds it until then." if run.held else ""
    return Coming(
        run.at, f"{run.at:%a} {display.moment(run.at)}", " ".join(filter(None, (clocks, held)))
    )


class Row(NamedTuple):
    """A schedule in the list. `groups` are names, `own` the number of single hosts; `states` are
    how the last attempts ended: (state, number of hosts)."""

    schedule: Schedule
    words: str
    more: list[str]
    groups: list[str]
    own: int
    hosts: int
    runs: list[Coming]
    states: list[tuple[str, int]]


def rows(now: datetime) -> list[Row]:
    """The default first. Four queries."""
    groups: dict[int, list[str]] = {}
    for schedule, name in GroupBinding.objects.order_by("group__name").values_list(
        "schedule", "group__name"
    ):
        groups.setdefault(schedule, []).append(name)
    own = dict(HostBinding.objects.values_list("schedule").annotate(Count("pk")).order_by())
    states: dict[int, dict[str, int]] = {}
    counted = fleet.with_state(with_schedule(Host.objects.order_by()), now)
    for schedule, state, hosts in counted.values_list("schedule_id", "shown").annotate(Count("id")):
        states.setdefault(schedule, {})[state] = hosts
    return [
        Row(
            schedule=found,
            words=words(found.timetable),
            more=details(found.timetable),
            groups=groups.get(found.pk, []),
            own=own.get(found.pk, 0),
            hosts=sum(states.get(found.pk, {}).values()),
            runs=coming(found.timetable, now, SHOWN),
            states=_in_order(states.get(found.pk, {})),
        )
        for found in schedules()
    ]


def _in_order(states: dict[str, int]) -> list[tuple[str, int]]:
    order = (*_ORDER, HostState.NEW)
    return [(str(state), states[state]) for state in order if state in states]


def words(timetable: Timetable) -> str:
    """With a capital letter."""
    said = timing.words(timetable)
    return f"{said[:1].upper()}{said[1:]}"


def choices() -> list[tuple[Schedule, str]]:
    """Every schedule with its words, the default first."""
    return [(found, words(found.timetable)) for found in schedules()]


def details(timetable: Timetable) -> list[str]:
    """Beside its rhythm: how far it is spread, and when nothing begins."""
    spread = f"spread over {display.duration(timetable.jitter)}" if timetable.jitter else ""
    blackouts = [f"not {timing.blackout_words(each)}" for each in timetable.blackouts]
    return [text for text in (spread, *blackouts) if text]


def late(now: datetime) -> int:
    """Hosts that are due and are not taken, or are never due. One query."""
    return Host.objects.filter(Q(next_scan_at__lt=now - LATE) | Q(next_scan_at=None)).count()


class GroupChoice(NamedTuple):
    """A group to tick. `other` is the schedule that it has now, where that is another one."""

    group: Group
    hosts: int
    chosen: bool
    other: str


def group_choices(schedule: Schedule | None, chosen: Collection[int] | None) -> list[GroupChoice]:
    """`chosen` None are those that the schedule is for now. Three queries."""
    bound = {
        binding.group_id: binding.schedule
        for binding in GroupBinding.objects.select_related("schedule")
    }
    sizes = dict(Host.objects.values_list("group").annotate(Count("id")).order_by())
    found = []
    for group in fleet.groups():
        its = bound.get(group.pk)
        ticked = its == schedule is not None if chosen is None else group.pk in chosen
        other = its.name if its is not None and its != schedule else ""
        found.append(GroupChoice(group, sizes.get(group.pk, 0), ticked, other))
    return found


def own_hosts(schedule: Schedule) -> list[str]:
    """The names of single hosts that it is for."""
    names = HostBinding.objects.filter(schedule=schedule).order_by("host__name")
    return list(names.values_list("host__name", flat=True))


class Named(NamedTuple):
    """Hosts by their names, whatever the case: the ids of those that exist, and the names that none
    has."""

    ids: frozenset[int]
    unknown: list[str]


def named(names: Collection[str]) -> Named:
    wanted = {name.lower(): name for name in names}
    rows = Host.objects.annotate(lower=Lower("name")).filter(lower__in=list(wanted))
    found = dict(rows.values_list("lower", "id"))
    unknown = [name for lower, name in wanted.items() if lower not in found]
    return Named(frozenset(found.values()), unknown)


def next_of(schedule: Schedule, limit: int = 5) -> "list[Any]":
    """The hosts that it takes next, with their times."""
    return list(hosts_of(schedule).exclude(next_scan_at=None).order_by("next_scan_at")[:limit])
