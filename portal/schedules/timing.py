"""When a schedule runs. Pure: the time is an argument, and of the machine only the rules of its
time zones are read.

A schedule has a rhythm: an interval, or a cron expression in a time zone. Each host runs a little
later than the rhythm says, always by the same (`offset`), so that not all are scanned at once. A
run that would fall into a blackout window is held until the window ends.
"""

import calendar
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from cronsim import CronSim, CronSimError

from portal.core import display
from portal.core.errors import DomainError

SHORTEST, LONGEST = 10, 366 * 86_400
"""Seconds between two runs."""
MOST_JITTER = 86_400
MOST_BLACKOUTS = 10
HELD_JITTER = timedelta(hours=1)
"""What a blackout has held begins within this time after it, however long the jitter is."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAYS = tuple(calendar.day_name)
_TICK = timedelta(microseconds=1)
_DAY = timedelta(days=1)
_NEAR = 9
"""Days to either side in which a blackout is looked for: those of a week may touch each other."""
_MOST_LOOKED_AT = 1_000
_FORESEEN = timedelta(days=400)
_NEVER = "There is no such time. Choose times that come at least once a year."
_DAILY = re.compile(r"(\d{1,2}) (\d{1,2}) \* \* (\*|[0-7](?:,[0-7])*)")

Span = tuple[datetime, datetime]


class Blackout(msgspec.Struct, frozen=True):
    """Hours in which no scan begins by itself, on the days (0 is Monday) on which they begin. Where
    `ends` is not after `begins`, they end on the day after."""

    days: tuple[int, ...]
    begins: time
    ends: time


class Timetable(msgspec.Struct, frozen=True):
    """What a schedule is made of: `interval` or `cron`, and the other is 0 or "". Interval and
    jitter are seconds."""

    zone: str = "UTC"
    interval: int = 0
    cron: str = ""
    jitter: int = 0
    blackouts: tuple[Blackout, ...] = ()


class Run(NamedTuple):
    """A run in the schedule's zone. `held` says that a blackout moved it; `clocks` is "forward" or
    "back" on a day on which the clocks change."""

    at: datetime
    held: bool
    clocks: str


def check(timetable: Timetable, *, now: datetime) -> None:
    """Raises DomainError for what cannot work, in words for whoever wrote it."""
    if timetable.cron:
        _check_cron(timetable.cron)
    elif not SHORTEST <= timetable.interval <= LONGEST:
        raise DomainError("The time between two scans is from 10 seconds to 366 days.")
    if not 0 <= timetable.jitter <= MOST_JITTER:
        raise DomainError("Scans can be spread over at most 24 hours.")
    _check_blackouts(timetable.blackouts)
    _check_free(timetable, now)
    gap = largest_gap(timetable, now)
    if gap.total_seconds() > LONGEST:
        raise DomainError(
            f"Up to {display.duration(gap)} would pass between two scans. "
            "Choose times that come at least once a year."
        )


def offset(timetable: Timetable, host_id: int) -> timedelta:
    """How much later than the rhythm a host runs: always the same, shorter than the jitter, and
    spread evenly over hosts that were registered one after the other."""
    return timedelta(seconds=host_id * 2_654_435_761 % 2**32 * timetable.jitter // 2**32)


def next_run(timetable: Timetable, after: datetime, later: timedelta = timedelta()) -> datetime:
    """The first run after this moment, in UTC, of a host with this offset (`later`). Raises
    DomainError where there is none."""
    held = min(later, HELD_JITTER)
    # What a blackout holds at this moment, or has just let go, is still to come.
    blackout = stretch(timetable, after - held)
    at = _rhythm(timetable, (blackout[0] if blackout else after - held) - later)
    first: datetime | None = None
    while at is not None and (first is None or at + later < first):
        blackout = stretch(timetable, at + later)
        if blackout is None:
            if at + later > after:
                return at + later
            at = _rhythm(timetable, at + _TICK)
            continue
        released = _released(timetable, blackout[1], held)
        if released > after:
            first = min(first or released, released)
        at = _rhythm(timetable, blackout[1] - later)
    if first is None:
        raise DomainError(_NEVER)
    return first


def release(timetable: Timetable, at: datetime, later: timedelta = timedelta()) -> datetime | None:
    """When a run that is due now may begin; None where no blackout holds it."""
    blackout = stretch(timetable, at)
    return _released(timetable, blackout[1], min(later, HELD_JITTER)) if blackout else None


def runs(timetable: Timetable, after: datetime, count: int) -> list[Run]:
    """The next ones, without anybody's offset."""
    zone = ZoneInfo(timetable.zone)
    found = []
    for _ in range(count):
        after = next_run(timetable, after)
        here = after.astimezone(zone)
        found.append(Run(here, _rhythm(timetable, after) != after, _clocks(here.date(), zone)))
    return found


def clock_changes(timetable: Timetable, after: datetime) -> list[Run]:
    """The first run on each of the next two days on which the clocks of the zone change, of those
    that have one."""
    zone = ZoneInfo(timetable.zone)
    here = after.astimezone(zone).date()
    days = (here + number * _DAY for number in range(1, 400))
    found = []
    for day in islice((day for day in days if _clocks(day, zone)), 2):
        begin = datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
        found += [run for run in runs(timetable, begin - _TICK, 1) if run.at.date() == day]
    return found


def largest_gap(timetable: Timetable, after: datetime) -> timedelta:
    """The longest time between two runs of a host, of those that can be foreseen: a year of them,
    or many. Where there are too many to look at, it is no less than the true one."""
    if timetable.interval and not timetable.blackouts:
        return timedelta(seconds=timetable.interval)
    at = next_run(timetable, after)
    end, gap = at + _FORESEEN, timedelta()
    for _ in range(_MOST_LOOKED_AT):
        following = next_run(timetable, at)
        gap, at = max(gap, following - at), following
        if at > end:
            return gap
    longest = max((end - begin for begin, end in _near(timetable, after)), default=timedelta())
    return gap + longest


def stretch(timetable: Timetable, at: datetime) -> Span | None:
    """The blackout that holds at this moment, from its begin to its end, where windows that touch
    each other are one."""
    if not timetable.blackouts:
        return None
    spans = _near(timetable, at)
    return next((span for span in spans if span[0] <= at < span[1]), None)


def words(timetable: Timetable) -> str:
    """As in "daily at 02:00, Europe/Madrid"."""
    if timetable.interval:
        return f"every {_interval(timetable.interval)}"
    if simple := simple_times(timetable.cron):
        at, days = simple
        when = "daily" if not days else _listed([DAYS[day] for day in days])
        return f"{when} at {at:%H:%M}, {timetable.zone}"
    said = CronSim(timetable.cron, EPOCH).explain()
    return f"{said[:1].lower()}{said[1:]}, {timetable.zone}"


def blackout_words(blackout: Blackout) -> str:
    """As in "Saturday and Sunday 22:00 to 06:00"."""
    if len(blackout.days) == 7:
        days = "every day"
    elif blackout.days == (0, 1, 2, 3, 4):
        days = "Monday to Friday"
    else:
        days = _listed([DAYS[day] for day in blackout.days])
    return f"{days} {blackout.begins:%H:%M} to {blackout.ends:%H:%M}"


def simple_times(cron: str) -> tuple[time, tuple[int, ...]] | None:
    """The time and the days (0 is Monday; none is every day) of an expression for a time of the day
    or of some days of the week; None for any other."""
    found = _DAILY.fullmatch(" ".join(cron.split()))
    if found is None:
        return None
    minute, hour, days = found.groups()
    if int(hour) > 23 or int(minute) > 59:
        return None
    numbers = () if days == "*" else sorted({(int(day) - 1) % 7 for day in days.split(",")})
    return time(int(hour), int(minute)), tuple(numbers)


def simple_cron(at: time, days: tuple[int, ...] = ()) -> str:
    """The expression that `simple_times` reads."""
    numbers = ",".join(str(number) for number in sorted((day + 1) % 7 for day in days))
    return f"{at.minute} {at.hour} * * {numbers or '*'}"


def _check_cron(cron: str) -> None:
    fields = len(cron.split())
    if fields != 5:
        raise DomainError(
            "A cron expression has five fields: minute, hour, day of the month, month, day of the "
            f"week. This one has {fields}."
        )
    try:
        CronSim(cron, EPOCH)
    except CronSimError as error:
        wrong = str(error).removeprefix("Bad ")
        raise DomainError(f"The {wrong} of this cron expression is not valid.") from error


def _check_blackouts(blackouts: tuple[Blackout, ...]) -> None:
    if len(blackouts) > MOST_BLACKOUTS:
        raise DomainError(f"There can be at most {MOST_BLACKOUTS} blackout windows.")
    for blackout in blackouts:
        if not blackout.days:
            raise DomainError("A blackout window needs at least one day of the week.")
        if not set(blackout.days) <= set(range(7)):
            raise DomainError("The days of a blackout window are those of the week.")


def _check_free(timetable: Timetable, now: datetime) -> None:
    """Some run must fall outside of the blackouts: else the rhythm would mean nothing. A day on
    which the clocks change tells nothing: its runs may be at other times than on all others."""
    zone = ZoneInfo(timetable.zone)
    at = _rhythm(timetable, now)
    if at is None:
        raise DomainError(_NEVER)
    for _ in range(_MOST_LOOKED_AT):
        blackout = stretch(timetable, at)
        if blackout is None and not _clocks(at.astimezone(zone).date(), zone):
            return
        following = _rhythm(timetable, blackout[1] if blackout else at + _TICK)
        if following is None or following - now > _FORESEEN:
            break
        at = following
    if timetable.blackouts:
        raise DomainError(
            "The blackout windows leave no run: every one falls into them. "
            "Choose another time, or shorter windows."
        )


def _rhythm(timetable: Timetable, at: datetime) -> datetime | None:
    """The first time of the rhythm that is not before this moment, in UTC."""
    if timetable.interval:
        step = timedelta(seconds=timetable.interval)
        return EPOCH + -((EPOCH - at) // step) * step
    for found in _times(timetable.cron, timetable.zone, at - _TICK):
        if found >= at:  # of a time that comes twice the first is meant, which may be over
            return found
    return None


def _times(cron: str, zone: str, after: datetime) -> Iterator[datetime]:
    for found in CronSim(cron, after.astimezone(ZoneInfo(zone))):
        yield found.astimezone(UTC)


def _released(timetable: Timetable, end: datetime, held: timedelta) -> datetime:
    """At once when the blackout ends where another one begins before the host's turn."""
    return end if stretch(timetable, end + held) else end + held


def _near(timetable: Timetable, at: datetime) -> tuple[Span, ...]:
    day = at.astimezone(ZoneInfo(timetable.zone)).date()
    return _spans(timetable.zone, timetable.blackouts, day)


@lru_cache(maxsize=1024)
def _spans(zone: str, blackouts: tuple[Blackout, ...], day: date) -> tuple[Span, ...]:
    """The blackouts of the days round this one, in order and joined where they touch."""
    place = ZoneInfo(zone)
    found: list[Span] = []
    for number in range(-_NEAR, _NEAR + 1):
        begun = day + number * _DAY
        for blackout in blackouts:
            if begun.weekday() in blackout.days:
                until = begun if blackout.ends > blackout.begins else begun + _DAY
                begin = min(_moments(begun, blackout.begins, place))
                found.append((begin, max(_moments(until, blackout.ends, place))))
    joined: list[Span] = []
    for begin, end in sorted(found):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((begin, end))
    return tuple(joined)


def _moments(day: date, at: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Two where the clocks show this time twice, or not at all: a blackout is then rather longer
    than shorter."""
    here = datetime.combine(day, at, tzinfo=zone)
    return here.astimezone(UTC), here.replace(fold=1).astimezone(UTC)


def _clocks(day: date, zone: ZoneInfo) -> str:
    begin, end = (
        datetime.combine(each, time(), tzinfo=zone).utcoffset() for each in (day, day + _DAY)
    )
    if begin is None or end is None or begin == end:
        return ""
    return "forward" if end > begin else "back"


def _interval(seconds: int) -> str:
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds % size == 0:
            return unit if seconds == size else display.counted(seconds // size, unit)
    return display.counted(seconds, "second")


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if names[1:] else names[0]
