"""The trend of the fleet and why its score moved: what charts and words say is what was stored."""

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client

from portal.accounts.models import User
from portal.compliance.models import GroupDay, HostDay
from portal.compliance.queries import history
from portal.core import charts, display
from portal.fleet.models import Host
from portal.fleet.queries import EVERYTHING, Scope
from portal.overview.queries import past
from portal.policies import actions as policies
from tests.fleet import named, register, scan
from tests.past import fleet_with_a_past
from tests.portal.compliance.pages import BUDGET, NASTY, links, queries, text_of

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
TODAY = NOW.date()
PAGE = "/trend/"


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


@pytest.fixture
def fleet() -> list[Host]:
    return fleet_with_a_past(NOW)


def rows(client: Client, query: str = "") -> list[dict[str, str]]:
    response = client.get(f"{PAGE}trend.csv?{query}")
    assert response["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(response.getvalue().decode())))


@pytest.mark.parametrize(
    ("query", "choice", "day"),
    [
        ("", "monday", date(2026, 11, 23)),
        ("since=7", "7", date(2026, 11, 18)),
        ("since=30", "30", date(2026, 10, 26)),
        ("since=on&on=2026-11-16", "on", date(2026, 11, 16)),
        ("since=on&on=2026-11-25", "monday", date(2026, 11, 23)),
        ("since=on&on=0001-01-01", "monday", date(2026, 11, 23)),
        ("since=on&on=nonsense", "monday", date(2026, 11, 23)),
        ("since=on", "monday", date(2026, 11, 23)),
        ("since=%00&on=%ff", "monday", date(2026, 11, 23)),
    ],
)
def test_what_figures_are_compared_with(query: str, choice: str, day: date) -> None:
    since = past.Since.of(QueryDict(query), NOW)
    assert (since.choice, since.day) == (choice, day)
    assert past.Since.of(since.parameters, NOW) == since


def test_on_a_monday_it_is_the_one_before() -> None:
    monday = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    assert past.Since.of({}, monday).day == date(2026, 11, 16)


def test_changes_since_a_day_begin_after_it() -> None:
    assert past.Since.of({}, NOW).changes == {"from": "2026-11-24"}


def test_the_csv_holds_every_day_as_the_history_has_it(as_alice: Client, fleet: list[Host]) -> None:
    found = rows(as_alice, "days=90")
    assert len(found) == 90
    points = history.trend(EVERYTHING, TODAY - timedelta(days=89), TODAY, now=NOW)
    for row, point in zip(found, points, strict=True):
        assert point is not None
        assert row["day"] == point.day.isoformat()
        assert float(row["posture"]) == pytest.approx(point.score.posture)
        assert int(row["critical"]) == point.critical


def test_days_without_a_score_are_empty_and_hatched(as_alice: Client, fleet: list[Host]) -> None:
    found = rows(as_alice, "days=365")
    assert [row["posture"] for row in found].count("") == 365 - 101
    page = as_alice.get(f"{PAGE}?days=365").content.decode()
    assert 'class="chart-gap"' in page
    assert "Hatched: no data" in page


def test_the_caption_says_what_the_line_shows(as_alice: Client, fleet: list[Host]) -> None:
    shown = text_of(as_alice.get(f"{PAGE}?days=90"))
    found = rows(as_alice, "days=90")
    first, last = float(found[0]["posture"]), float(found[-1]["posture"])
    went = charts.went(display.percent(first), display.percent(last), last - first)
    plain = " ".join(went.split())
    assert f"Posture {plain} between 28 Aug 2026 and 25 Nov 2026." in shown
    assert re.search(r"Open critical findings (rose|fell|stayed)", shown)


def test_the_table_has_each_day_and_of_a_year_each_week(
    as_alice: Client, fleet: list[Host]
) -> None:
    page = as_alice.get(PAGE).content.decode()
    assert page.count('<th scope="row" class="name">') == 30
    year = as_alice.get(f"{PAGE}?days=365").content.decode()
    assert year.count('<th scope="row" class="name">') == 53
    assert "The last day of each week." in year


def test_a_day_of_the_chart_leads_to_its_changes_in_the_same_scope(
    as_alice: Client, fleet: list[Host]
) -> None:
    response = as_alice.get(f"{PAGE}?environment=production")
    found = [address for address, _ in links(response, "/changes/?from=2026-11-05&to=2026-11-05")]
    assert len(found) == 3  # of both charts, and of the table
    assert all("environment=production" in address for address in found)
    assert as_alice.get(found[0]).status_code == 200


def test_why_it_moved_adds_up(as_alice: Client, fleet: list[Host]) -> None:
    found = past.trend(EVERYTHING, 30, TODAY - timedelta(days=30), now=NOW)
    assert found.moved is not None
    assert found.moved.before.posture is not None
    assert found.moved.after.posture is not None
    parts = past.causes(found.moved)
    change = found.moved.after.posture - found.moved.before.posture
    assert sum(points for _, points in parts) == pytest.approx(change)
    assert dict(parts)["What could or could not be read"] < 0, "a host is not read any more"
    shown = text_of(as_alice.get(f"{PAGE}?since=30"))
    assert "Why it moved" in shown
    for words, points in parts:
        assert (words in shown) == (abs(points) >= charts.SMALLEST)


def test_a_policy_that_changed_and_hosts_that_were_not_read_are_marked(
    as_alice: Client, fleet: list[Host], alice: User
) -> None:
    draft = policies.Draft("Baseline", "", {"pids-limit": {"severity": "high"}}, ())
    day = NOW - timedelta(days=12)
    policies.save_policy("baseline", draft, based_on=1, comment="Fork bombs", actor=alice, now=day)
    shown = text_of(as_alice.get(PAGE))
    assert "13 Nov 2026 Baseline v2: Fork bombs" in shown
    assert "15 Nov 2026 1 of 3 hosts not read" in shown


def test_with_one_day_of_figures_there_is_no_trend_yet(as_alice: Client) -> None:
    host = register("prod-web-1", now=NOW)
    scan(host, named("privileged", "reports"), now=NOW - timedelta(minutes=5))
    Host.objects.update(next_scan_at=NOW + timedelta(hours=3))
    shown = text_of(as_alice.get(PAGE))
    assert "A trend needs two days with a scan. Next scan: in 3 h, 12:00." in shown
    assert "There is no score of 23 Nov 2026 to compare with." in shown


def test_without_a_host_there_is_none_either(as_alice: Client) -> None:
    shown = text_of(as_alice.get(PAGE))
    assert "A trend needs two days with a scan." in shown
    assert "Next scan" not in shown


def test_a_part_of_it_is_without_the_frame(as_alice: Client, fleet: list[Host]) -> None:
    part = as_alice.get(PAGE, headers={"HX-Request-Type": "partial"}).content.decode()
    assert part.lstrip().startswith('<div class="grid grid-top" id="trend">')
    assert "<h1>" not in part
    assert "Vary" in as_alice.get(PAGE).headers


@pytest.mark.parametrize(
    "query", [*NASTY, "days=7&since=x&on=x", "days=%00&since=on&on=9999-12-31"]
)
def test_a_hostile_address_gives_a_page(as_alice: Client, fleet: list[Host], query: str) -> None:
    assert as_alice.get(f"{PAGE}?{query}").status_code == 200
    assert as_alice.get(f"{PAGE}trend.csv?{query}").status_code == 200


def test_names_cannot_break_a_chart(as_alice: Client, fleet: list[Host], alice: User) -> None:
    comment = "<img src=x onerror=alert(1)>"
    draft = policies.Draft("Baseline", "", {"pids-limit": {"severity": "high"}}, ())
    policies.save_policy("baseline", draft, based_on=1, comment=comment, actor=alice, now=NOW)
    page = as_alice.get(PAGE).content.decode()
    assert comment not in page
    assert "&lt;img src=x" in page


def test_who_may_and_how(client: Client, as_charlie: Client) -> None:
    for address in (PAGE, f"{PAGE}trend.csv"):
        assert client.get(address)["Location"] == f"/login/?next={address}"
        assert as_charlie.get(address).status_code == 200
        assert as_charlie.post(address).status_code == 405


def test_the_queries_do_not_grow_with_the_fleet(as_alice: Client, fleet: list[Host]) -> None:
    few = queries(as_alice, f"{PAGE}?days=365&since=30")
    for place in range(8):
        host = register(f"more-{place}", owner=f"Team {place}", now=NOW)
        scan(host, *(named("privileged", f"shop-{n}") for n in range(place)), now=NOW)
    assert queries(as_alice, f"{PAGE}?days=365&since=30") == few <= BUDGET


def test_a_scope_has_a_trend_of_its_own(as_alice: Client, fleet: list[Host]) -> None:
    mine = past.trend(Scope(owner="Data"), 30, TODAY - timedelta(days=7), now=NOW)
    assert {point.hosts for point in mine.known} == {1}
    assert mine.after is not None
    assert mine.after.silent == 1


# What the overview compares with


def test_figures_of_a_day_are_those_of_the_history(fleet: list[Host]) -> None:
    day = TODAY - timedelta(days=10)
    [point] = history.trend(EVERYTHING, day, day, now=NOW)
    assert point is not None
    found = past.then(EVERYTHING, day)
    assert found[""].score == pytest.approx(point.score)
    assert found[""].critical == point.critical
    assert set(found) == {"", "production", "staging"}
    assert found["production"].high + found["staging"].high == point.high


def test_a_day_without_figures_gives_nothing(fleet: list[Host]) -> None:
    assert past.then(EVERYTHING, TODAY - timedelta(days=200)) == {}
    assert past.then(Scope(owner="Nobody"), TODAY - timedelta(days=10)) == {}
    assert HostDay.objects.exists()
    assert GroupDay.objects.exists()


def test_a_course_ends_with_the_count_of_now(fleet: list[Host]) -> None:
    week = TODAY - timedelta(days=7)
    found: dict[str, Any] = past.courses(EVERYTHING, {"privileged": 3, "no-such": 2}, week, now=NOW)
    assert len(found["privileged"].values) == past.SPARK
    assert found["privileged"].values[-1] == 3
    assert found["privileged"].change == 2
    assert found["privileged"].words == "Failing rose from 0 to 3 in 30 days"
    assert found["no-such"].change is None
    assert found["no-such"].words == "no trend yet"
