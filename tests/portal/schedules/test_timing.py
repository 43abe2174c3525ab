"""When schedules run: rhythms, clocks that change, jitter, blackouts, and what cannot work."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.core.errors import DomainError
from portal.schedules import timing
from portal.schedules.timing import Blackout, Timetable

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MADRID, SANTIAGO = "Europe/Madrid", "America/Santiago"
EVERY_DAY, WORKDAYS = tuple(range(7)), (0, 1, 2, 3, 4)
HALF_PAST_TWO = Timetable(zone=MADRID, cron="30 2 * * *")


def moments(timetable: Timetable, after: datetime, count: int) -> list[str]:
    """In the schedule's zone, with how far that is from UTC."""
    return [f"{run.at:%d %b %H:%M %z}" for run in timing.runs(timetable, after, count)]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def blackout(begins: int, ends: int, days: tuple[int, ...] = EVERY_DAY) -> Blackout:
    return Blackout(days, time(begins), time(ends))


# Rhythms


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        (3600, ["25 Nov 13:00 +0000", "25 Nov 14:00 +0000", "25 Nov 15:00 +0000"]),
        (21_600, ["25 Nov 18:00 +0000", "26 Nov 00:00 +0000", "26 Nov 06:00 +0000"]),
        (86_400, ["26 Nov 00:00 +0000", "27 Nov 00:00 +0000", "28 Nov 00:00 +0000"]),
    ],
)
def test_an_interval_keeps_its_rhythm(interval: int, expected: list[str]):
    assert moments(Timetable(interval=interval), NOW, 3) == expected


def test_an_interval_keeps_its_rhythm_whenever_it_is_asked():
    timetable = Timetable(interval=420)
    due = timing.next_run(timetable, NOW)
    for late in (timedelta(), MINUTE, timedelta(seconds=419)):
        assert timing.next_run(timetable, due + late) == due + timedelta(seconds=420)
    assert (timing.next_run(timetable, due + 9 * DAY) - due) % timedelta(seconds=420) == HOUR * 0


def test_days_of_the_week_in_a_zone():
    timetable = Timetable(zone=MADRID, cron="0 2 * * 1,4")
    assert moments(timetable, NOW, 3) == [
        "26 Nov 02:00 +0100",
        "30 Nov 02:00 +0100",
        "03 Dec 02:00 +0100",
    ]


# Clocks that change


@pytest.mark.parametrize(
    ("zone", "after", "expected"),
    [
        # 02:30 is skipped: the run is when the clocks have gone forward, and once.
        (MADRID, "2026-03-28T12:00", ["29 Mar 03:00 +0200", "30 Mar 02:30 +0200"]),
        ("America/New_York", "2026-03-07T12:00", ["08 Mar 03:00 -0400", "09 Mar 02:30 -0400"]),
        ("Australia/Sydney", "2026-10-03T12:00", ["04 Oct 03:00 +1100", "05 Oct 02:30 +1100"]),
        # 02:30 comes twice: the run is at the first.
        (MADRID, "2026-10-24T12:00", ["25 Oct 02:30 +0200", "26 Oct 02:30 +0100"]),
        ("Australia/Sydney", "2026-04-04T12:00", ["05 Apr 02:30 +1100", "06 Apr 02:30 +1000"]),
    ],
)
def test_half_past_two_on_days_on_which_the_clocks_change(
    zone: str, after: str, expected: list[str]
):
    assert moments(Timetable(zone=zone, cron="30 2 * * *"), at(after), 2) == expected


def test_between_the_two_half_past_twos_nothing_runs_again():
    first = at("2026-10-25T00:30")
    assert timing.next_run(HALF_PAST_TWO, first - MINUTE) == first
    for later in (first, first + 10 * MINUTE, first + HOUR, first + HOUR + MINUTE):
        assert timing.next_run(HALF_PAST_TWO, later) == at("2026-10-26T01:30")


def test_a_midnight_that_does_not_exist_gives_one_run():
    timetable = Timetable(zone=SANTIAGO, cron="0 0 * * *")
    assert moments(timetable, at("2026-09-05T12:00"), 2) == [
        "06 Sep 01:00 -0300",
        "07 Sep 00:00 -0300",
    ]


def test_every_half_hour_passes_through_a_change_of_the_clocks_by_the_clock_on_the_wall():
    timetable = Timetable(zone=MADRID, cron="*/30 * * * *")
    assert moments(timetable, at("2026-10-25T00:29"), 4) == [
        "25 Oct 02:30 +0200",
        "25 Oct 02:00 +0100",
        "25 Oct 02:30 +0100",
        "25 Oct 03:00 +0100",
    ]


def test_an_interval_does_not_care_for_clocks():
    found = timing.runs(Timetable(zone=MADRID, interval=3600), at("2026-10-24T22:30"), 6)
    gaps = {
        second.at.astimezone(UTC) - first.at.astimezone(UTC) for first, second in pairwise(found)
    }
    assert gaps == {HOUR}


def test_days_on_which_the_clocks_change_are_marked():
    assert [run.clocks for run in timing.runs(HALF_PAST_TWO, at("2026-03-28T12:00"), 2)] == [
        "forward",
        "",
    ]
    assert [run.clocks for run in timing.runs(HALF_PAST_TWO, at("2026-10-24T12:00"), 2)] == [
        "back",
        "",
    ]


@pytest.mark.parametrize(
    ("timetable", "expected"),
    [
        (HALF_PAST_TWO, [("28 Mar 03:00", "forward"), ("31 Oct 02:30", "back")]),
        (Timetable(zone=SANTIAGO, cron="30 2 * * *"), [("03 Apr 02:30", ""), ("05 Sep 02:30", "")]),
        (Timetable(zone=MADRID, cron="30 2 * * 1"), []),
        (Timetable(zone="UTC", cron="30 2 * * *"), []),
    ],
)
def test_the_next_days_on_which_the_clocks_change(
    timetable: Timetable, expected: list[tuple[str, str]]
):
    found = timing.clock_changes(timetable, NOW)
    assert [f"{run.at:%d %b %H:%M}" for run in found] == [when for when, _ in expected]
    assert all(run.clocks for run in found)
    if expected and expected[0][1]:
        assert [run.clocks for run in found] == [clocks for _, clocks in expected]


# Jitter


def test_the_offset_of_a_host_is_stable_inside_the_jitter_and_spread():
    timetable = Timetable(cron="0 2 * * *", jitter=1800)
    found = [timing.offset(timetable, number) for number in range(1, 101)]
    assert found == [timing.offset(timetable, number) for number in range(1, 101)]
    assert timedelta() <= min(found) < 2 * MINUTE
    assert 28 * MINUTE < max(found) < 30 * MINUTE
    halves = sum(each < 15 * MINUTE for each in found)
    assert 45 <= halves <= 55
    assert timing.offset(Timetable(interval=60), 7) == timedelta()


def test_a_host_runs_later_by_its_offset_every_time():
    later = timedelta(seconds=1234)
    first = timing.next_run(HALF_PAST_TWO, NOW, later)
    assert first == at("2026-11-26T01:30") + later
    assert timing.next_run(HALF_PAST_TWO, first - later, later) == first
    assert timing.next_run(HALF_PAST_TWO, first, later) == first + DAY


# Blackouts


def test_a_run_in_a_blackout_is_held_to_its_end():
    timetable = Timetable(zone=MADRID, cron="30 2 * * *", blackouts=(blackout(1, 5, (3,)),))
    assert moments(timetable, NOW, 2) == ["26 Nov 05:00 +0100", "27 Nov 02:30 +0100"]
    assert [run.held for run in timing.runs(timetable, NOW, 2)] == [True, False]


def test_many_runs_in_a_blackout_become_one():
    timetable = Timetable(interval=3600, blackouts=(blackout(12, 16),))
    assert moments(timetable, NOW, 2) == ["25 Nov 16:00 +0000", "25 Nov 17:00 +0000"]


def test_a_blackout_over_midnight_belongs_to_the_day_on_which_it_begins():
    timetable = Timetable(cron="0 3 * * *", blackouts=(blackout(22, 6, (2,)),))  # Wednesday
    assert moments(timetable, NOW, 2) == ["26 Nov 06:00 +0000", "27 Nov 03:00 +0000"]
    assert timing.stretch(timetable, at("2026-11-25T21:59")) is None
    night = (at("2026-11-25T22:00"), at("2026-11-26T06:00"))
    assert timing.stretch(timetable, night[0]) == night
    assert timing.stretch(timetable, at("2026-11-26T05:59")) == night
    assert timing.stretch(timetable, night[1]) is None
    assert timing.stretch(timetable, at("2026-11-26T23:00")) is None


def test_a_window_that_ends_when_it_begins_is_a_whole_day():
    timetable = Timetable(interval=3600, blackouts=(blackout(0, 0, (3,)),))
    assert timing.stretch(timetable, at("2026-11-26T12:00")) == (
        at("2026-11-26T00:00"),
        at("2026-11-27T00:00"),
    )


def test_windows_that_touch_are_one():
    week_end = (blackout(20, 0, (4,)), blackout(0, 0, (5,)), blackout(0, 6, (6,)))
    assert timing.stretch(Timetable(interval=60, blackouts=week_end), at("2026-11-28T12:00")) == (
        at("2026-11-27T20:00"),
        at("2026-11-29T06:00"),
    )


def test_a_window_is_as_long_as_the_clocks_on_the_wall_say():
    timetable = Timetable(zone=MADRID, interval=60, blackouts=(blackout(1, 3),))
    hours = {}
    for day in (date(2026, 3, 29), date(2026, 6, 1), date(2026, 10, 25)):
        inside = datetime.combine(day, time(1, 30), tzinfo=ZoneInfo(MADRID))
        found = timing.stretch(timetable, inside.astimezone(UTC))
        assert found is not None
        hours[day.month] = (found[1] - found[0]) / HOUR
    assert hours == {3: 1, 6: 2, 10: 3}


def test_what_is_held_is_spread_again_but_not_for_long():
    timetable = Timetable(interval=86_400, jitter=86_400, blackouts=(blackout(0, 23),))
    assert timing.release(timetable, NOW) == at("2026-11-25T23:00")
    assert timing.release(timetable, NOW, 20 * MINUTE) == at("2026-11-25T23:20")
    # After an hour the next window has begun already: it does not wait for its turn.
    assert timing.release(timetable, NOW, 10 * HOUR) == at("2026-11-25T23:00")
    assert timing.release(timetable, at("2026-11-25T23:30")) is None


def test_a_held_run_is_still_to_come_while_the_blackout_lasts_and_until_its_offset():
    timetable = Timetable(cron="0 2 * * *", jitter=3600, blackouts=(blackout(1, 5, (3,)),))
    later = 30 * MINUTE
    held = at("2026-11-26T05:30")
    for asked in ("2026-11-26T02:15", "2026-11-26T04:59", "2026-11-26T05:29"):
        assert timing.next_run(timetable, at(asked), later) == held
    assert timing.next_run(timetable, held, later) == at("2026-11-27T02:30")


windows = st.lists(
    st.builds(
        lambda days, begins, ends: Blackout(tuple(sorted(days)), begins, ends),
        st.sets(st.integers(0, 6), min_size=1, max_size=3),
        st.times().map(lambda each: each.replace(second=0, microsecond=0)),
        st.times().map(lambda each: each.replace(second=0, microsecond=0)),
    ),
    max_size=2,
).map(tuple)
rhythms = st.one_of(
    st.integers(10, 7 * 86_400).map(lambda seconds: {"interval": seconds}),
    st.sampled_from(
        ["30 2 * * *", "*/20 * * * *", "0 */5 * * *", "0 0 * * 1", "15 2 1,15 * *", "0 1-3 * * *"]
    ).map(lambda cron: {"cron": cron}),
)
zones = st.sampled_from(["UTC", MADRID, SANTIAGO, "Australia/Lord_Howe", "Asia/Kathmandu"])
times = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(  # noqa: DTZ001 - gets one
    lambda each: each.replace(tzinfo=UTC)
)


@settings(max_examples=150, deadline=None)
@given(rhythms, zones, windows, times, st.integers(0, 7200))
def test_runs_come_in_order_outside_of_blackouts_and_never_depend_on_when_one_asks(
    rhythm: dict[str, object],
    zone: str,
    blackouts: tuple[Blackout, ...],
    after: datetime,
    seconds: int,
):
    timetable = Timetable(zone=zone, blackouts=blackouts, **rhythm)  # type: ignore[arg-type]
    later = timedelta(seconds=seconds)
    before = after
    for _ in range(4):
        found = timing.next_run(timetable, before, later)
        assert found > before
        assert timing.stretch(timetable, found) is None
        middle = before + (found - before) / 2
        assert timing.next_run(timetable, middle, later) == found
        before = found


@settings(max_examples=100, deadline=None)
@given(zones, windows, times, st.sampled_from([0, 0, 900, 5000]))
def test_the_runs_are_those_of_the_rhythm_each_held_where_a_blackout_is(
    zone: str, blackouts: tuple[Blackout, ...], after: datetime, seconds: int
):
    """Against the definition: move each time of the rhythm by itself, and sort."""
    plain = Timetable(zone=zone, cron="0 */3 * * *")
    timetable = Timetable(zone=zone, cron="0 */3 * * *", blackouts=blackouts)
    later, base, moved = timedelta(seconds=seconds), after - 12 * DAY, set()
    while base < after + 12 * DAY:
        base = timing.next_run(plain, base)
        at = base + later
        moved.add(timing.release(timetable, at, later) or at)
    expected = sorted(each for each in moved if each > after)[:5]
    found, before = [], after
    for _ in expected:
        before = timing.next_run(timetable, before, later)
        found.append(before)
    assert found == expected


# The largest gap


@pytest.mark.parametrize(
    ("timetable", "expected"),
    [
        (Timetable(interval=21_600), 6 * HOUR),
        (Timetable(cron="0 2 * * *"), DAY),
        (Timetable(zone=MADRID, cron="0 1 * * *"), 25 * HOUR),
        (Timetable(cron="0 2 * * 1,4"), 4 * DAY),
        (Timetable(cron="0 2 1 * *"), 31 * DAY),
        (Timetable(cron="0 2 29 2 *"), 1461 * DAY),
        (Timetable(interval=86_400, blackouts=(blackout(22, 6, (2,)),)), 30 * HOUR),
    ],
)
def test_the_largest_gap(timetable: Timetable, expected: timedelta):
    assert timing.largest_gap(timetable, NOW) == expected


def test_the_largest_gap_of_a_quick_rhythm_counts_a_blackout_that_is_far_off():
    timetable = Timetable(cron="* * * * *", blackouts=(blackout(0, 0, (1, 2)),))
    assert 2 * DAY <= timing.largest_gap(timetable, at("2026-11-26T12:00")) <= 2 * DAY + HOUR


# What cannot work


@pytest.mark.parametrize(
    ("timetable", "words"),
    [
        (Timetable(interval=9), "from 10 seconds to 366 days"),
        (Timetable(interval=367 * 86_400), "from 10 seconds to 366 days"),
        (Timetable(), "from 10 seconds to 366 days"),
        (Timetable(interval=60, jitter=86_401), "at most 24 hours"),
        (Timetable(cron="61 * * * *"), "The minute of this cron expression is not valid."),
        (Timetable(cron="* * * * 8"), "The day-of-week of this cron expression is not valid."),
        (Timetable(cron="0 0 31 2 *"), "The day-of-month of this cron expression is not valid."),
        (Timetable(cron="@daily"), "This one has 1."),
        (Timetable(cron="0 0 2 * * *"), "This one has 6."),
        (Timetable(cron="0 2 29 2 *"), "would pass between two scans. Choose times"),
        (Timetable(interval=60, blackouts=(blackout(1, 2),) * 11), "at most 10 blackout windows"),
        (Timetable(interval=60, blackouts=(blackout(1, 2, ()),)), "at least one day"),
        (Timetable(interval=60, blackouts=(blackout(1, 2, (7,)),)), "are those of the week"),
    ],
)
def test_what_cannot_work_is_refused_in_words(timetable: Timetable, words: str):
    with pytest.raises(DomainError) as refused:
        timing.check(timetable, now=NOW)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    "timetable",
    [
        Timetable(zone=MADRID, cron="0 2 * * *", blackouts=(blackout(1, 3),)),
        Timetable(cron="0 2 * * 1", blackouts=(blackout(1, 3, (0,)),)),
        Timetable(interval=60, blackouts=(blackout(0, 0),)),
        Timetable(cron="*/5 * * * *", blackouts=(blackout(0, 12), blackout(12, 0))),
    ],
)
def test_blackouts_that_swallow_every_run_are_refused(timetable: Timetable):
    with pytest.raises(DomainError, match="The blackout windows leave no run"):
        timing.check(timetable, now=NOW)


@pytest.mark.parametrize(
    "timetable",
    [
        Timetable(zone=MADRID, cron="0 2 * * *", blackouts=(blackout(1, 3, WORKDAYS),)),
        Timetable(cron="* * * * *", blackouts=(blackout(8, 7),)),
        Timetable(cron="0 0 L * *", jitter=86_400),
        Timetable(interval=366 * 86_400),
    ],
)
def test_what_works_is_let_through(timetable: Timetable):
    timing.check(timetable, now=NOW)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="0123456789*/,-#L MONSUWk²@\n", max_size=30))
def test_no_text_is_more_than_refused(text: str):
    timetable = Timetable(zone=MADRID, cron=text or "x")
    try:
        timing.check(timetable, now=NOW)
    except DomainError:
        return
    assert timing.next_run(timetable, NOW) > NOW
    assert timing.words(timetable)


# Words


@pytest.mark.parametrize(
    ("timetable", "expected"),
    [
        (Timetable(interval=86_400), "every day"),
        (Timetable(interval=2 * 86_400), "every 2 days"),
        (Timetable(interval=21_600), "every 6 hours"),
        (Timetable(interval=3600), "every hour"),
        (Timetable(interval=5400), "every 90 minutes"),
        (Timetable(interval=10), "every 10 seconds"),
        (HALF_PAST_TWO, "daily at 02:30, Europe/Madrid"),
        (Timetable(cron="0 2 * * 1,0"), "Monday and Sunday at 02:00, UTC"),
        (Timetable(cron="0 2 * * 7"), "Sunday at 02:00, UTC"),
        (Timetable(cron="0 25 * * *", zone="UTC"), ""),
        (Timetable(cron="15 4 1 * *"), "at 04:15 on the first day of every month, UTC"),
    ],
)
def test_when_in_words(timetable: Timetable, expected: str):
    if not expected:
        assert timing.simple_times(timetable.cron) is None
        return
    assert timing.words(timetable).replace("\N{NO-BREAK SPACE}", " ") == expected


def test_blackouts_in_words():
    found = [
        timing.blackout_words(blackout(22, 6, days)) for days in (EVERY_DAY, WORKDAYS, (5, 6), (2,))
    ]
    assert found == [
        "every day 22:00 to 06:00",
        "Monday to Friday 22:00 to 06:00",
        "Saturday and Sunday 22:00 to 06:00",
        "Wednesday 22:00 to 06:00",
    ]


@given(
    st.times().map(lambda each: each.replace(second=0, microsecond=0)),
    st.sets(st.integers(0, 6)),
)
def test_a_simple_expression_says_what_it_was_made_of(at: time, days: set[int]):
    assert timing.simple_times(timing.simple_cron(at, tuple(days))) == (at, tuple(sorted(days)))
