"""How numbers, times and states are written."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from portal.compliance.models import Change, ScanState, Severity, Verdict
from portal.core import display
from portal.core.context import NAVIGATION
from portal.core.templatetags import display as tags
from portal.fleet.models import HostState
from scanner.rule import Severity as RuleSeverity

NOW = datetime(2026, 11, 23, 14, 5, 9, tzinfo=UTC)


def plain(text: str) -> str:
    """The text with ordinary spaces."""
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (100.0, "100 %"),
        (99.96, "99.9 %"),
        (99.9999, "99.9 %"),
        (82.46, "82.4 %"),
        (82.4, "82.4 %"),
        (0, "0.0 %"),
        (None, "—"),
    ],
)
def test_a_percentage_is_floored_and_less_than_all_is_never_shown_as_all(
    value: float | None, text: str
) -> None:
    assert plain(display.percent(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (9_999, "9999"), (10_000, "10 000"), (1_234_567, "1 234 567"), (None, "—")],
)
def test_an_integer_is_grouped_from_ten_thousand_on(value: int | None, text: str) -> None:
    assert plain(display.integer(value)) == text


def test_a_number_and_its_noun_agree() -> None:
    assert plain(display.counted(1, "host")) == "1 host"
    assert plain(display.counted(0, "host")) == "0 hosts"
    assert plain(display.counted(2, "entry,entries")) == "2 entries"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "—"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (512 * 1024**2, "512 MiB"),
        (2**50, "1 PiB"),
        (2**63, "8192 PiB"),
    ],
)
def test_bytes_are_written_in_powers_of_1024(value: int | None, text: str) -> None:
    assert plain(display.iec_bytes(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "—"),
        (0.42, "420 ms"),
        (38, "38 s"),
        (192, "3 min 12 s"),
        (3600, "1 h"),
        (timedelta(hours=2, minutes=5, seconds=9), "2 h 5 min"),
        (timedelta(days=3, hours=4), "3 d 4 h"),
    ],
)
def test_a_duration_names_its_two_largest_units(value: Any, text: str) -> None:
    assert plain(display.duration(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (timedelta(seconds=-3), "0 s"),
        (timedelta(seconds=12), "12 s"),
        (timedelta(minutes=34, seconds=59), "34 min"),
        (timedelta(hours=47), "47 h"),
        (timedelta(days=2), "2 days"),
        (timedelta(days=200), "200 days"),
    ],
)
def test_an_age_is_in_days_from_two_days_on(value: timedelta, text: str) -> None:
    assert plain(display.age(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (NOW - timedelta(hours=2), "2 h ago, 12:05"),
        (NOW - timedelta(hours=20), "20 h ago, 22 Nov 2026, 18:05"),
        (NOW - timedelta(days=4), "4 days ago, 19 Nov 2026"),
        (NOW + timedelta(minutes=3), "in 3 min, 14:08"),
        (NOW + timedelta(hours=12), "in 12 h, 24 Nov 2026, 02:05"),
    ],
)
def test_a_relative_time_always_stands_beside_the_absolute_one(value: datetime, text: str) -> None:
    assert plain(display.ago(value, NOW)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (None, "null"),
        ("", '""'),
        ("host", "host"),
        (["NET_ADMIN"], '["NET_ADMIN"]'),
        ({"b": 1, "a": "ü"}, '{"a": "ü", "b": 1}'),
    ],
)
def test_a_fact_is_spelled_as_the_engine_would(value: Any, text: str) -> None:
    assert display.fact(value) == text


def test_the_segments_of_a_bar_fill_it_and_leave_empty_verdicts_out() -> None:
    parts = display.segments([("pass", 98), ("excepted", 0), ("fail", 1), ("unknown", 1)])
    assert [(part.word, part.amount) for part in parts] == [
        ("Pass", 98),
        ("Fail", 1),
        ("Unknown", 1),
    ]
    assert sum(float(part.width.rstrip("%")) for part in parts) == pytest.approx(100, abs=0.05)
    assert parts[0].start == "0.00%"
    assert parts[1].start == parts[0].width


def test_one_failure_among_ten_thousand_stays_visible_in_a_bar() -> None:
    failed = display.segments([("pass", 9_999), ("fail", 1)])[1]
    assert float(failed.width.rstrip("%")) > 0.9


def test_a_bar_without_units_has_no_segments() -> None:
    assert display.segments([("pass", 0), ("fail", 0)]) == []


def test_a_trend_leaves_its_gaps_open() -> None:
    line = display.trace([2, 4, None, 1, 3])
    assert line is not None
    assert line.path == "M3.0 12.3L21.5 3.0M58.5 17.0L77.0 7.7"
    assert (line.end_x, line.end_y) == ("77.0", "7.7")


def test_a_level_trend_runs_through_the_middle() -> None:
    line = display.trace([5, 5])
    assert line is not None
    assert line.path == "M3.0 10.0L77.0 10.0"


def test_one_value_is_no_trend() -> None:
    assert display.trace([None, 3]) is None


def test_a_diff_is_read_line_by_line_without_its_headers() -> None:
    lines = display.diff_lines("--- a\n+++ b\n@@ -1 +1 @@\n same\n-old\n+new\n\n+--flag\n--- rm\n")
    assert lines == [
        ("same", " ", "same"),
        ("removed", "-", "old"),
        ("added", "+", "new"),
        ("same", " ", ""),
        ("added", "+", "--flag"),
        ("removed", "-", "-- rm"),
    ]


def test_what_is_copied_from_a_diff_is_the_text_after_the_change() -> None:
    assert display.changed(" services:\n-  privileged: true\n+  cap_drop: [ALL]\n") == (
        "services:\n  cap_drop: [ALL]"
    )


@pytest.mark.parametrize("kind", [HostState, ScanState, Change])
def test_every_state_that_is_stored_has_a_sign_with_the_same_word(kind: Any) -> None:
    for state in kind:
        assert tags.state_sign(state.value).word == state.label


def test_every_verdict_and_severity_has_a_sign_with_the_same_word() -> None:
    for verdict in Verdict:
        assert tags.verdict_sign(verdict.value).word == verdict.label
    for severity in Severity:
        assert tags.severity_sign(severity.value).word == severity.label
    for level in RuleSeverity:
        assert tags.severity_sign(level) == tags.severity_sign(level.rank)


def test_every_icon_that_the_code_names_is_in_the_sprite() -> None:
    sprite = Path(__file__).resolve().parents[3] / "static" / "icons.txt"
    tables = (display.VERDICTS, display.SEVERITIES, display.STATES)
    named = {sign.icon for table in tables for sign in table.values()}
    named |= {place.icon for place in NAVIGATION}
    assert named <= set(sprite.read_text().split())
