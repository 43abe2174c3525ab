"""Charts by day: what is drawn is what was measured, and what was not is a gap."""

import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core import charts

FIRST = date(2026, 8, 18)


def over(amount: int) -> list[date]:
    return charts.days(FIRST, FIRST + timedelta(days=amount - 1))


def ys(path: str) -> list[float]:
    return [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", path)]


def test_days_have_both_ends():
    assert charts.days(FIRST, FIRST) == [FIRST]
    assert len(charts.days(FIRST, FIRST + timedelta(days=99))) == 100


def test_a_better_score_is_higher_and_the_scale_begins_below_the_least():
    chart = charts.line(over(3), {"first": [63.2, 70.0, 100.0]})
    [series] = chart.lines
    heights = ys(series.path)
    assert heights == sorted(heights, reverse=True)
    assert heights[-1] == chart.top
    assert [level.text for level in chart.levels] == [
        "100\xa0%",
        "90\xa0%",
        "80\xa0%",
        "70\xa0%",
        "60\xa0%",
    ]
    assert chart.levels[-1].y == str(chart.bottom)
    assert heights[0] < chart.bottom


def test_a_score_of_a_hundred_still_has_a_scale():
    chart = charts.line(over(2), {"first": [100.0, 100.0]})
    assert [level.text for level in chart.levels] == ["100\xa0%", "95\xa0%", "90\xa0%"]


def test_a_day_without_a_value_is_a_gap_that_no_line_crosses():
    chart = charts.line(over(6), {"first": [50.0, 51.0, None, None, 60.0, None]})
    [series] = chart.lines
    assert series.path.count("M") == 2
    assert series.path.endswith("h.1"), "one value between two gaps is seen"
    assert [(gap.x, gap.width) for gap in chart.gaps] == [
        ("33.33%", "33.33%"),
        ("83.33%", "16.67%"),
    ]
    assert [end.x for end in chart.ends] == ["75%"]


def test_without_any_value_all_is_a_gap():
    chart = charts.line(over(4), {"first": [None] * 4})
    assert [(gap.x, gap.width) for gap in chart.gaps] == [("0%", "100%")]
    assert chart.ends == []
    assert chart.lines[0].path == ""


def test_columns_stand_on_each_other_and_none_is_no_nought():
    chart = charts.columns(over(3), {"critical": [2, 0, None], "high": [3, 4, None]})
    critical, high = chart.columns
    assert critical.path.count("M") == 1
    assert ys(high.path)[0] == pytest.approx(chart.bottom - chart.depth * 2 / 5)
    assert ys(high.path)[1] == chart.bottom
    assert [gap.x for gap in chart.gaps] == ["66.67%"]
    assert [level.text for level in chart.levels] == ["0", "5"]


@pytest.mark.parametrize(
    ("most", "top"), [(0, 1), (1, 1), (2, 2), (3, 4), (7, 8), (9, 10), (11, 20), (612, 800)]
)
def test_the_scale_of_counts_ends_at_a_round_number(most: int, top: int):
    chart = charts.columns(over(1), {"high": [most]})
    assert chart.levels[-1].text == str(top)


def test_what_is_on_top_never_leaves_the_chart():
    chart = charts.columns(over(2), {"critical": [4, 1], "low": [6, 2]})
    for _, path in chart.columns:
        for start, depth in re.findall(r"M\d+ ([\d.]+)h8v-([\d.]+)", path):
            assert chart.top <= float(start) - float(depth) <= chart.bottom


def test_dates_are_few_and_include_both_ends():
    chart = charts.line(over(90), {"first": [1.0] * 90})
    assert [d.text for d in chart.dates][::4] == ["18\xa0Aug", "15\xa0Nov"]
    assert [d.anchor for d in chart.dates] == ["start", "middle", "middle", "middle", "end"]
    assert [d.text for d in charts.line(over(1), {"first": [1.0]}).dates] == ["18\xa0Aug"]


def test_marks_are_numbered_by_day_and_those_outside_are_left_out():
    flags = [
        (FIRST + timedelta(days=5), "policy Edge, version 2"),
        (FIRST + timedelta(days=2), "rules 1.1.0"),
        (FIRST + timedelta(days=5), "no scan"),
        (FIRST + timedelta(days=5), "no scan"),
        (FIRST - timedelta(days=1), "before"),
    ]
    chart = charts.line(over(10), {"first": [1.0] * 10}, flags=flags)
    assert [(flag.number, flag.text) for flag in chart.flags] == [
        (1, "rules 1.1.0"),
        (2, "policy Edge, version 2; no scan"),
    ]
    assert chart.flags[0].x == "25%"


def test_each_day_leads_somewhere_and_each_week_of_a_long_chart():
    short = charts.columns(over(30), {"high": [1] * 30}, texts=["one"] * 30)
    assert [(t.first, t.last) for t in short.targets] == [(day, day) for day in over(30)]
    long = charts.columns(over(100), {"high": [1] * 100}, texts=[str(n) for n in range(100)])
    assert len(long.targets) == 15
    assert {t.last - t.first for t in long.targets[1:]} == {timedelta(days=6)}
    assert long.targets[-1].text == "99"


@given(st.lists(st.one_of(st.none(), st.floats(0, 100)), min_size=1, max_size=400))
def test_any_score_is_drawn_within_the_chart(values: list[float | None]):
    chart = charts.line(over(len(values)), {"first": values})
    assert all(chart.top <= y <= chart.bottom for y in ys(chart.lines[0].path))
    assert len(ys(chart.lines[0].path)) == sum(value is not None for value in values)
    assert 2 <= len(chart.levels) <= 5
    assert float(chart.levels[-1].y) == chart.bottom


def test_a_strip_has_a_cell_a_day_and_the_worst_day_of_each_week_of_a_long_time():
    daily = charts.strip(over(3), ["pass", "fail", ""])
    assert [cell.verdict for cell in daily] == ["pass", "fail", ""]
    verdicts = ["pass"] * 100
    verdicts[50], verdicts[97], verdicts[99] = "fail", "", "unknown"
    weekly = charts.strip(over(100), verdicts)
    assert len(weekly) == 15
    assert [cell.verdict for cell in weekly if cell.verdict != "pass"] == ["fail", "unknown"]
    assert weekly[-1].last == FIRST + timedelta(days=99)
    assert len(charts.strip(over(14), ["pass"] * 14, by_week=True)) == 2


def test_a_cell_says_when_it_was():
    day, week = charts.Cell(FIRST, FIRST, ""), charts.Cell(FIRST, FIRST + timedelta(days=6), "")
    assert day.when == "18\xa0Aug 2026"
    assert week.when == "18\xa0Aug to 24\xa0Aug 2026"


def test_cells_are_counted_the_worst_first():
    verdicts = ["pass", "fail", "pass", "", "unknown"]
    cells = charts.strip(over(5), verdicts)
    said = "Last 5\xa0days: 1 fail, 1 unknown, 1 no data, 2 pass"
    assert charts.counted_cells(cells, "day") == said


def test_a_waterfall_leads_from_the_one_score_to_the_other():
    steps = charts.waterfall(80.0, [("fixes", 5.0), ("added", -2.0), ("rules", 0.01)], 83.0)
    assert [(step.name, step.points, step.total, step.tone) for step in steps] == [
        ("", None, 80.0, "total"),
        ("fixes", 5.0, None, "up"),
        ("added", -2.0, None, "down"),
        ("", None, 83.0, "total"),
    ]
    assert [(step.x, step.width) for step in steps[1:3]] == [("0%", "50%"), ("30%", "20%")]


@given(st.floats(0, 100), st.lists(st.tuples(st.just("x"), st.floats(-60, 60)), max_size=10))
def test_no_bar_of_a_waterfall_leaves_its_row(before: float, parts: list[tuple[str, float]]):
    after = before + sum(points for _, points in parts)
    for step in charts.waterfall(before, parts, after):
        start, width = float(step.x[:-1]), float(step.width[:-1])
        assert 0 <= start <= 100
        assert 0 < width <= 100.02 - start + 0.5


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1.2, "1.2\xa0points up"),
        (-0.3, "0.3\xa0points down"),
        (1.0, "1.0\xa0point up"),
        (0.0, "no change"),
        (0.04, "no change"),
    ],
)
def test_points_are_said_in_words(value: float, words: str):
    assert charts.points(value) == words


def test_a_difference_is_that_of_what_is_shown():
    assert charts.difference(81.29, 82.41) == 1.2
    assert charts.difference(99.99, 100.0) == 0.1
    assert charts.difference(None, 82.0) is None
    assert charts.difference(82.0, None) is None


def test_counts_and_moves_in_words():
    assert [charts.more(value) for value in (3, -2, 0)] == ["3 more", "2 fewer", "no change"]
    assert charts.went("9", "4", -5) == "fell from 9 to 4"
    assert charts.went("4", "9", 5) == "rose from 4 to 9"
    assert charts.went("4", "4", 0) == "stayed at 4"
