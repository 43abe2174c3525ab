"""Template access to portal.core.display; nothing is decided here."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any

from django import template
from django.core.paginator import Page
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal.core import charts, display

register = template.Library()

register.filter("percent", display.percent)
register.filter("integer", display.integer)
register.filter("counted", display.counted)
register.filter("iec_bytes", display.iec_bytes)
register.filter("duration", display.duration)
register.filter("fact", display.fact)
register.filter("diff_lines", display.diff_lines)
register.filter("changed", display.changed)
register.filter("points", charts.points)
register.filter("more", charts.more)


def _plain(value: Any) -> str:
    return str(value.value if isinstance(value, Enum) else value)


def _time(value: datetime, text: str) -> SafeString:
    return format_html('<time datetime="{}">{}</time>', value.isoformat(timespec="seconds"), text)


def _here(value: datetime) -> datetime:
    return timezone.localtime(value)


@register.filter
def verdict_sign(value: Any) -> display.Sign:
    return display.VERDICTS[_plain(value)]


@register.filter
def verdict_glyph(value: str) -> str:
    return display.GLYPHS.get(value, "·")


@register.filter
def verdict_word(value: str) -> str:
    return display.VERDICTS[value].word if value else "No data"


@register.filter
def weeks_words(cells: Sequence[charts.Cell]) -> str:
    """ "Last 13 weeks: 2 fail, 11 pass"."""
    return charts.counted_cells(cells, "week")


@register.filter
def severity_sign(value: Any) -> display.Sign:
    """Of a name, or of the rank 0 to 3 that the database keeps."""
    name = display.SEVERITY_RANKS[value] if isinstance(value, int) else _plain(value)
    return display.SEVERITIES[name]


@register.filter
def state_sign(value: Any) -> display.Sign:
    return display.STATES[_plain(value)]


@register.filter
def moment(value: datetime | None) -> str:
    """ "23 Nov 2026, 14:05" in the reader's zone."""
    return _time(value, display.moment(_here(value))) if value else display.NO_DATA


@register.filter
def day(value: datetime | None) -> str:
    return _time(value, display.day(_here(value))) if value else display.NO_DATA


@register.filter
def date_day(value: date) -> str:
    """ "23 Nov 2026", of a day that has no time and no zone."""
    return format_html('<time datetime="{}">{}</time>', value.isoformat(), display.day(value))


@register.filter
def iso(value: date) -> str:
    return value.isoformat()


@register.filter
def clock(value: datetime | None) -> str:
    """ "14:05:09" in the reader's zone."""
    return _time(value, f"{_here(value):%H:%M:%S}") if value else display.NO_DATA


@register.filter
def ago(value: datetime | None) -> str:
    """ "2 h ago, 12:05"."""
    if value is None:
        return display.NO_DATA
    return _time(value, display.ago(_here(value), _here(timezone.now())))


@register.filter
def age(value: datetime | timedelta | None) -> str:
    """How long since, as in "4 days"."""
    if value is None:
        return display.NO_DATA
    if isinstance(value, timedelta):
        return display.age(value)
    return _time(value, display.age(timezone.now() - value))


@register.simple_tag
def stack(passed: int, failed: int, excepted: int, unknown: int) -> list[display.Segment]:
    """The segments of a stacked bar, in the order in which all pages show them."""
    return display.segments(
        [
            ("pass", passed or 0),
            ("excepted", excepted or 0),
            ("fail", failed or 0),
            ("unknown", unknown or 0),
        ]
    )


@register.simple_tag
def trace(values: Sequence[float | None]) -> display.Trace | None:
    return display.trace(values)


@register.simple_tag
def page_numbers(page: "Page[Any]") -> Iterator[int | str]:
    """The numbers of a pager, with gaps."""
    return page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1)


@register.filter
def svg_number(value: float) -> str:
    """A number as an SVG attribute wants it, whatever the language."""
    return f"{float(value):.2f}"
