"""Geometry and words of charts by day. Pure; the components in templates/components draw them.

A chart is as wide as its page lets it be: across, positions are shares of its width, written as
percentages or, in a path, on a scale of ten to a day. Down, they are pixels.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import NamedTuple

from portal.core import display

BY_WEEK = 100
"""From so many days on, what has a cell or a row for each day has one for each week."""

_TOP, _BOTTOM = 22, 20  # room for the numbers of the marks, and for the dates
_STEPS = (1, 2, 4, 5, 6, 8, 10)

Scale = Callable[[float], float]


class Level(NamedTuple):
    """A line across, and the value that it stands for."""

    y: str
    text: str


class Date(NamedTuple):
    """A date under the chart; `anchor` is an SVG text-anchor."""

    x: str
    text: str
    anchor: str


class Span(NamedTuple):
    x: str
    width: str


class Series(NamedTuple):
    """`tone` names a colour; `path` is on a scale of ten to a day."""

    tone: str
    path: str


class End(NamedTuple):
    """Where a line ends."""

    tone: str
    x: str
    y: str


class Flag(NamedTuple):
    """A numbered mark on a day, and what happened then."""

    number: int
    x: str
    day: date
    text: str


class Target(NamedTuple):
    """A part of the chart that leads somewhere: a day, or a week of a long chart."""

    x: str
    width: str
    first: date
    last: date
    text: str


class Chart(NamedTuple):
    """`width` is ten for each day; what is drawn lies between `top` and `bottom` of `height`."""

    width: int
    height: int
    top: int
    bottom: int
    dates: list[Date]
    gaps: list[Span]
    flags: list[Flag]
    targets: list[Target]
    levels: Sequence[Level] = ()
    lines: Sequence[Series] = ()
    columns: Sequence[Series] = ()
    ends: Sequence[End] = ()

    @property
    def depth(self) -> int:
        return self.bottom - self.top


def days(first: date, last: date) -> list[date]:
    """From the one to the other, both of them within."""
    return [first + timedelta(days=place) for place in range((last - first).days + 1)]


def weeks(amount: int) -> list[range]:
    """The places of so many days in groups of seven, of which the last is always whole."""
    ends = range(amount, 0, -7)
    return [range(max(end - 7, 0), end) for end in reversed(ends)]


def line(
    over: Sequence[date],
    series: Mapping[str, Sequence[float | None]],
    *,
    height: int = 190,
    flags: Iterable[tuple[date, str]] = (),
    texts: Sequence[str] = (),
) -> Chart:
    """Percentages by tone and day; None is a gap. The scale begins at the full ten below the least
    of them and ends at 100. `texts` say in words what each day holds."""
    known = [value for values in series.values() for value in values if value is not None]
    floor = min(math.floor(min(known, default=90) / 10) * 10, 90)
    chart = _chart(over, list(series.values()), height, flags, texts)

    def y(value: float) -> float:
        return chart.bottom - chart.depth * (value - floor) / (100 - floor)

    step = next(step for step in (5, 10, 20, 25) if (100 - floor) / step <= 4)
    ends = [_end(tone, values, y) for tone, values in series.items()]
    marked = [*range(100, floor, -step), floor]
    return chart._replace(
        levels=[Level(_number(y(value)), f"{value}{display.NO_BREAK}%") for value in marked],
        lines=[Series(tone, _path(values, y)) for tone, values in series.items()],
        ends=[end for end in ends if end],
    )


def _path(values: Sequence[float | None], y: Scale) -> str:
    path, pen = [], "M"
    for place, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        path.append(f"{pen}{10 * place + 5} {_number(y(value))}")
        alone = pen == "M" and (place + 1 == len(values) or values[place + 1] is None)
        path.append("h.1" * alone)  # a line of no length has no ends to be seen by
        pen = "L"
    return "".join(path)


def _end(tone: str, values: Sequence[float | None], y: Scale) -> End | None:
    known = [(place, value) for place, value in enumerate(values) if value is not None]
    if not known:
        return None
    place, value = known[-1]
    return End(tone, _share(place + 0.5, len(values)), _number(y(value)))


def columns(
    over: Sequence[date],
    parts: Mapping[str, Sequence[int | None]],
    *,
    height: int = 130,
    flags: Iterable[tuple[date, str]] = (),
    texts: Sequence[str] = (),
) -> Chart:
    """Counts by tone and day, the first tone at the bottom of each column. A day on which all are
    None is a gap."""
    rows = list(zip(*parts.values(), strict=True))
    top = _ceiling(max((sum(value or 0 for value in row) for row in rows), default=0))
    chart = _chart(over, list(parts.values()), height, flags, texts)

    def depth(value: float) -> float:
        return chart.depth * value / top

    paths: dict[str, list[str]] = {tone: [] for tone in parts}
    for place, row in enumerate(rows):
        floor = 0
        for tone, value in zip(parts, row, strict=True):
            if value:
                begin = f"M{10 * place + 1} {_number(chart.bottom - depth(floor))}"
                paths[tone].append(f"{begin}h8v-{_number(depth(value))}h-8z")
                floor += value
    marked = (0, top) if top % 2 else (0, top // 2, top)
    return chart._replace(
        levels=[Level(_number(chart.bottom - depth(at)), display.integer(at)) for at in marked],
        columns=[Series(tone, "".join(path)) for tone, path in paths.items() if path],
    )


def _ceiling(most: int) -> int:
    """The least number with one digit other than nought that is not below."""
    power = 10 ** int(math.log10(most)) if most else 1
    return next(step * power for step in _STEPS if step * power >= most)


def _chart(
    over: Sequence[date],
    values: Sequence[Sequence[float | None]],
    height: int,
    flags: Iterable[tuple[date, str]],
    texts: Sequence[str],
) -> Chart:
    known = [any(value is not None for value in row) for row in zip(*values, strict=True)]
    return Chart(
        width=10 * len(over),
        height=height,
        top=_TOP,
        bottom=height - _BOTTOM,
        dates=_dates(over),
        gaps=_gaps(known),
        flags=_flags(over, flags),
        targets=_targets(over, texts),
    )


def _dates(over: Sequence[date]) -> list[Date]:
    """The first, the last and what divides the time between them evenly: as many as have room."""
    last = len(over) - 1
    places = sorted({round(last * part / 4) for part in range(5)}) if last >= 8 else {0, last}
    return [
        Date(
            _share(place + 0.5, len(over)) if 0 < place < last else ("100%" if place else "0%"),
            short(over[place]),
            "middle" if 0 < place < last else ("end" if place else "start"),
        )
        for place in sorted(places)
    ]


def _gaps(known: Sequence[bool]) -> list[Span]:
    """The stretches of days without any value."""
    found, place = [], 0
    for has, run in groupby(known):
        length = len(list(run))
        if not has:
            found.append(Span(_share(place, len(known)), _share(length, len(known))))
        place += length
    return found


def _flags(over: Sequence[date], flags: Iterable[tuple[date, str]]) -> list[Flag]:
    """What happened on one day has one flag."""
    places = {day: place for place, day in enumerate(over)}
    said: dict[date, list[str]] = {}
    for day, text in sorted(flags, key=lambda flag: flag[0]):
        if day in places and text not in said.setdefault(day, []):
            said[day].append(text)
    return [
        Flag(number, _share(places[day] + 0.5, len(over)), day, "; ".join(texts))
        for number, (day, texts) in enumerate(said.items(), 1)
    ]


def _targets(over: Sequence[date], texts: Sequence[str]) -> list[Target]:
    if not texts:
        return []
    single = [range(place, place + 1) for place in range(len(over))]
    return [
        Target(
            _share(part.start, len(over)),
            _share(len(part), len(over)),
            over[part.start],
            over[part[-1]],
            texts[part[-1]],
        )
        for part in (weeks(len(over)) if len(over) >= BY_WEEK else single)
    ]


class Cell(NamedTuple):
    """A day of a verdict strip, or a week of a long one. `verdict` is "" where there is no data."""

    first: date
    last: date
    verdict: str

    @property
    def when(self) -> str:
        if self.first == self.last:
            return display.day(self.first)
        return f"{short(self.first)} to {display.day(self.last)}"


# Of the days of a week the worst is shown: what failed on one day did not hold in the week, and
# what was not seen on one is not known to have held.
_WORST = ("fail", "unknown", "", "excepted", "pass", "not_applicable")


def strip(over: Sequence[date], verdicts: Sequence[str], *, by_week: bool = False) -> list[Cell]:
    """One cell a day; one a week, and of that the worst day, from 100 days on or where asked."""
    if not by_week and len(over) < BY_WEEK:
        return [Cell(day, day, verdict) for day, verdict in zip(over, verdicts, strict=True)]
    return [
        Cell(
            over[part.start],
            over[part[-1]],
            min((verdicts[place] for place in part), key=_WORST.index),
        )
        for part in weeks(len(over))
    ]


def counted_cells(cells: Sequence[Cell], noun: str) -> str:
    """ "Last 13 weeks: 2 fail, 11 pass"; the worst first."""
    amounts = Counter(cell.verdict for cell in cells)
    parts = (
        f"{amounts[verdict]} {display.VERDICTS[verdict].word.lower() if verdict else 'no data'}"
        for verdict in _WORST
        if amounts[verdict]
    )
    return f"Last {display.counted(len(cells), noun)}: {', '.join(parts)}"


class Step(NamedTuple):
    """One line of a waterfall: points up or down, and the bar from `x`. A total has no points."""

    name: str
    points: float | None
    total: float | None
    x: str
    width: str
    tone: str


def waterfall(before: float, parts: Sequence[tuple[str, float]], after: float) -> list[Step]:
    """Percentages. Parts that are too small to be written are left out."""
    shown = [(name, points) for name, points in parts if abs(points) >= SMALLEST]
    at = [before]
    for _, points in shown:
        at.append(at[-1] + points)
    low = math.floor(min(*at, before, after) / 10) * 10
    room = max(math.ceil(max(*at, before, after) / 10) * 10 - low, 10)

    def bar(start: float, end: float) -> tuple[str, str]:
        left, right = sorted((start, end))
        return _share(left - low, room), _share(max(right - left, room / 200), room)

    return [
        Step("", None, before, *bar(low, before), "total"),
        *(
            Step(name, points, None, *bar(start, start + points), "up" if points > 0 else "down")
            for (name, points), start in zip(shown, at, strict=False)
        ),
        Step("", None, after, *bar(low, after), "total"),
    ]


SMALLEST = 0.05
"""Fewer points than these would be written as none."""


def points(value: float) -> str:
    """A difference of two percentages."""
    if abs(value) < SMALLEST:
        return "no change"
    written = f"{abs(value):.1f}"
    noun = "point" if written == "1.0" else "points"
    return f"{written}{display.NO_BREAK}{noun} {'up' if value > 0 else 'down'}"


def difference(before: float | None, after: float | None) -> float | None:
    """As a reader would work it out from what is shown: both are floored to a tenth first."""
    if before is None or after is None:
        return None
    return float(display.tenths(after) - display.tenths(before))


def more(value: int) -> str:
    """ "3 more", "2 fewer"."""
    if not value:
        return "no change"
    return f"{display.integer(abs(value))} {'more' if value > 0 else 'fewer'}"


def went(before: str, after: str, rise: float) -> str:
    """ "rose from 78.4 % to 82.4 %"."""
    if not rise:
        return f"stayed at {after}"
    return f"{'rose' if rise > 0 else 'fell'} from {before} to {after}"


def short(day: date) -> str:
    return f"{day.day}{display.NO_BREAK}{day:%b}"


def _share(part: float, whole: float) -> str:
    return f"{_number(100 * part / whole)}%"


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
