"""How numbers, times and states are written. Pure; the template tags only wrap it."""

import json
import math
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Any, NamedTuple

NO_DATA = "—"
NO_BREAK = "\N{NO-BREAK SPACE}"
THIN = "\N{NARROW NO-BREAK SPACE}"

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


class Sign(NamedTuple):
    """How a state is shown: always icon, word and colour together. `tone` names the colour."""

    word: str
    icon: str
    tone: str


VERDICTS = {
    "pass": Sign("Pass", "circle-check", "pass"),
    "fail": Sign("Fail", "circle-x", "fail"),
    "excepted": Sign("Excepted", "shield-pause", "excepted"),
    "unknown": Sign("Unknown", "help-circle", "unknown"),
    "not_applicable": Sign("N/A", "circle-minus", "na"),
}

GLYPHS = {
    "pass": "✓",
    "fail": "✕",
    "excepted": "E",
    "unknown": "?",
    "not_applicable": "\N{EN DASH}",
}
"""A verdict in one character, where there is room for no more. No data is a dot."""

SEVERITIES = {
    "critical": Sign("Critical", "alert-octagon-filled", "critical"),
    "high": Sign("High", "alert-triangle-filled", "high"),
    "medium": Sign("Medium", "square-rotated-filled", "medium"),
    "low": Sign("Low", "circle-arrow-down", "low"),
}

SEVERITY_RANKS = ("low", "medium", "high", "critical")

# Of findings, hosts and scans and of the changes of findings; one word means one thing everywhere.
STATES = {
    "open": Sign("Open", "circle-x", "fail"),
    "excepted": VERDICTS["excepted"],
    "unknown": VERDICTS["unknown"],
    "resolved": Sign("Fixed", "circle-check", "pass"),
    "vanished": Sign("Gone", "circle-minus", "na"),
    "unjudged": Sign("Not judged any more", "circle-minus", "na"),
    "opened": Sign("Opened", "circle-x", "fail"),
    "reopened": Sign("Came back", "refresh", "fail"),
    "unreadable": Sign("Could not be read", "help-circle", "unknown"),
    "readable": Sign("Read again", "eye", "na"),
    "absent": Sign("Was not there", "circle-minus", "na"),
    "not_failing": Sign("Did not fail", "circle-check", "na"),
    "new": Sign("Never scanned", "circle-dashed", "unknown"),
    "ok": Sign("Current", "circle-check", "pass"),
    "partial": Sign("Partly read", "circle-half-2", "warn"),
    "stale": Sign("Stale", "clock-pause", "warn"),
    "unreachable": Sign("Unreachable", "plug-connected-x", "fail"),
    "unauthorised": Sign("Not authorised", "lock", "fail"),
    "queued": Sign("Waiting", "clock", "unknown"),
    "running": Sign("Running", "loader-2", "busy"),
    "complete": Sign("Complete", "circle-check", "pass"),
    "works": Sign("Works", "circle-check", "pass"),
    "behind": Sign("Behind", "clock-pause", "warn"),
    "failed": Sign("Failed", "circle-x", "fail"),
    "cancelled": Sign("Cancelled", "circle-minus", "na"),
}


def percent(value: float | None) -> str:
    """Floors to one decimal, so that less than 100 is never shown as 100."""
    if value is None:
        return NO_DATA
    floored = tenths(value)
    text = "100" if floored == 100 else str(floored)
    return f"{text}{NO_BREAK}%"


def tenths(value: float) -> Decimal:
    """Floored, as all that is shown."""
    return Decimal(str(value)).quantize(Decimal("0.1"), rounding=ROUND_FLOOR)


def integer(value: int | None) -> str:
    """Groups of three from 10,000 on."""
    if value is None:
        return NO_DATA
    return str(value) if abs(value) < 10_000 else f"{value:,}".replace(",", THIN)


def counted(value: int, noun: str) -> str:
    """`noun` is "host", or "entry,entries" where an s does not do."""
    one, _, many = noun.partition(",")
    return f"{integer(value)}{NO_BREAK}{one if value == 1 else many or one + 's'}"


def iec_bytes(value: int | None) -> str:
    if value is None:
        return NO_DATA
    power = min(int(math.log2(abs(value)) // 10), 5) if value else 0
    if power == 0:
        return f"{value}{NO_BREAK}B"
    text = f"{value / 1024**power:.1f}".removesuffix(".0")
    return f"{text}{NO_BREAK}{('KiB', 'MiB', 'GiB', 'TiB', 'PiB')[power - 1]}"


def duration(value: timedelta | float | None) -> str:
    """The two largest units, as in "3 min 12 s"."""
    if value is None:
        return NO_DATA
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if seconds < 1:
        return f"{int(seconds * 1000)}{NO_BREAK}ms"
    whole = int(seconds)
    parts = (
        (whole // _DAY, "d"),
        (whole % _DAY // _HOUR, "h"),
        (whole % _HOUR // _MINUTE, "min"),
        (whole % _MINUTE, "s"),
    )
    first = next(place for place, (amount, _) in enumerate(parts) if amount)
    shown = [f"{amount}{NO_BREAK}{unit}" for amount, unit in parts[first : first + 2] if amount]
    return " ".join(shown)


def age(value: timedelta) -> str:
    """One unit, floored; in days from two days on."""
    seconds = max(int(value.total_seconds()), 0)
    if seconds < _MINUTE:
        return f"{seconds}{NO_BREAK}s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE}{NO_BREAK}min"
    if seconds < 2 * _DAY:
        return f"{seconds // _HOUR}{NO_BREAK}h"
    return counted(seconds // _DAY, "day")


def day(value: date) -> str:
    return f"{value.day}{NO_BREAK}{value:%b %Y}"


def moment(value: datetime) -> str:
    return f"{day(value)}, {value:%H:%M}"


def ago(value: datetime, now: datetime) -> str:
    """Relative and absolute together; both times are in the reader's zone."""
    distance = abs(now - value)
    if value.date() == now.date():
        when = f"{value:%H:%M}"
    else:
        when = moment(value) if distance < timedelta(days=2) else day(value)
    return f"in {age(distance)}, {when}" if value > now else f"{age(distance)} ago, {when}"


def fact(value: Any) -> str:
    """A fact as the engine would spell it."""
    if isinstance(value, str):
        return value or '""'
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


class Segment(NamedTuple):
    """One part of a stacked bar; `start` and `width` are percentages of the bar."""

    tone: str
    word: str
    icon: str
    amount: int
    start: str
    width: str


def segments(counts: Sequence[tuple[str, int]]) -> list[Segment]:
    """Empty verdicts are left out; a tiny one keeps one percent, so that it can be seen."""
    present = [(verdict, count) for verdict, count in counts if count]
    total = sum(count for _, count in present)
    raw = [max(100 * count / total, 1.0) for _, count in present]
    scale = 100 / sum(raw) if raw else 0
    shown, start = [], 0.0
    for (verdict, count), width in zip(present, raw, strict=True):
        sign = VERDICTS[verdict]
        part = (f"{start:.2f}%", f"{width * scale:.2f}%")
        shown.append(Segment(sign.tone, sign.word, sign.icon, count, *part))
        start += width * scale
    return shown


class Trace(NamedTuple):
    """A sparkline: its path, with gaps left open, and where its last point lies."""

    path: str
    end_x: str
    end_y: str


def trace(values: Sequence[float | None], width: int = 80, height: int = 20) -> Trace | None:
    """None where there are not two values to draw a line between."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return None
    low, high = min(known), max(known)
    spread = (high - low) or 1.0
    step = (width - 6) / (len(values) - 1)
    path, pen, x, y = [], "M", 0.0, 0.0
    for place, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        x = 3 + place * step
        y = height - 3 - (height - 6) * ((value - low) / spread if high > low else 0.5)
        path.append(f"{pen}{x:.1f} {y:.1f}")
        pen = "L"
    return Trace("".join(path), f"{x:.1f}", f"{y:.1f}")


class Line(NamedTuple):
    """One line of a code view; `mark` is "+", "-" or " "."""

    kind: str
    mark: str
    text: str


def diff_lines(text: str) -> list[Line]:
    """The lines of a unified diff, without its headers."""
    kinds = {"+": "added", "-": "removed"}
    body = text.rstrip("\n").split("\n")
    if body[0].startswith("--- "):
        body = body[2:]
    body = [line for line in body if not line.startswith("@@ ")]
    return [Line(kinds.get(line[:1], "same"), line[:1] or " ", line[1:]) for line in body]


def changed(text: str) -> str:
    """The text as it is after a diff has been applied."""
    return "\n".join(line.text for line in diff_lines(text) if line.kind != "removed")
