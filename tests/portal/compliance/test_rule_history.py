"""A rule's past: by day, by host, and what is not known of it."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from portal.accounts.models import User
from portal.compliance.queries import history, rule_history
from portal.fleet.models import Host
from portal.fleet.queries import EVERYTHING, Scope
from portal.policies import actions as policies
from tests.fleet import named, register, scan
from tests.past import fleet_with_a_past
from tests.portal.compliance.pages import BUDGET, NASTY, links, queries, text_of

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
TODAY = NOW.date()
RULE = "privileged"
PAGE = f"/rules/{RULE}/history/"


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


@pytest.fixture
def fleet() -> list[Host]:
    return fleet_with_a_past(NOW)


def table(client: Client, name: str, query: str = "") -> list[dict[str, str]]:
    response = client.get(f"{PAGE}{name}.csv?{query}")
    assert response["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(response.getvalue().decode())))


def past(length: int, scope: Scope = EVERYTHING) -> rule_history.Past:
    return rule_history.past(RULE, scope, length, "", now=NOW)


def test_each_day_is_that_of_the_history(as_alice: Client, fleet: list[Host]) -> None:
    found = table(as_alice, "days", "days=90")
    first = TODAY - timedelta(days=89)
    points = history.rule_trend(RULE, EVERYTHING, first, TODAY, now=NOW)
    assert [int(row["failed"]) for row in found] == [point.failed for point in points if point]
    assert len(found) == len(points) == 90
    page = text_of(as_alice.get(f"{PAGE}?days=90"))
    assert "between 28 Aug 2026 and 25 Nov 2026." in page


def test_each_host_has_a_verdict_for_each_day(as_alice: Client, fleet: list[Host]) -> None:
    rows = {row["host"]: row for row in table(as_alice, "hosts")}
    assert set(rows) == {host.name for host in fleet}
    assert rows["prod-web-1"][TODAY.isoformat()] == "fail"
    assert rows["prod-web-1"]["2026-11-01"] == "pass", "it was mended then"
    assert rows["prod-web-2"]["2026-11-10"] == "unknown", "the fact was missing"
    assert rows["stage-1"]["2026-11-10"] == "pass"
    assert rows["stage-1"][TODAY.isoformat()] == "unknown", "the host cannot be read any more"


def test_a_day_on_which_a_host_was_not_read_did_not_hold(fleet: list[Host]) -> None:
    found = past(30, Scope(owner="Data"))
    assert [cell.verdict for cell in found.strip][-10:] == ["unknown"] * 10
    kept = rule_history.Kept.of(found.points)
    assert kept == (19, 0, 11)
    assert sum(kept) == 30


def test_what_held_did_not_and_cannot_be_told_is_said(as_alice: Client, fleet: list[Host]) -> None:
    kept = rule_history.Kept.of(past(90).points)
    shown = text_of(as_alice.get(f"{PAGE}?days=90"))
    said = f"Held on {kept.held} of 90 days, did not hold on {kept.failed}, "
    assert f"{said}cannot say for {kept.unseen}." in shown


def test_hosts_that_fail_come_first_and_pages_hold_twenty(as_alice: Client) -> None:
    for place in range(23):
        host = register(f"host-{place:02}", now=NOW)
        case = "privileged" if place == 22 else "isolation_plain"
        scan(host, named(case, "shop"), now=NOW - timedelta(minutes=5))
    response = as_alice.get(PAGE)
    names = [text for _, text in links(response, "/hosts/host-")]
    assert names[:2] == ["host-22", "host-00"]
    assert len(names) == 20
    assert "1\N{EN DASH}20 of 23 hosts" in text_of(response)
    rest = as_alice.get(f"{PAGE}?hosts=2")
    assert len(links(rest, "/hosts/host-")) == 3
    assert as_alice.get(f"{PAGE}?hosts=99").status_code == 200


def test_a_long_time_has_a_column_a_week_and_never_more_than_sixty(
    as_alice: Client, fleet: list[Host]
) -> None:
    assert len(past(30).heads) == 30
    assert len(past(90).heads) == 13
    year = past(365)
    assert len(year.heads) == 15, "the weeks before any host was read are left out"
    assert len(year.strip) == 53
    assert "The worst day of each week" in text_of(as_alice.get(f"{PAGE}?days=365"))


def test_words_stand_for_the_glyphs(as_alice: Client, fleet: list[Host]) -> None:
    page = as_alice.get(PAGE).content.decode()
    assert '<span aria-hidden="true">✕</span><span class="visually-hidden">Fail</span>' in page
    assert 'role="img" aria-label="Held on' in page


def test_a_day_leads_to_what_changed_by_this_rule(as_alice: Client, fleet: list[Host]) -> None:
    response = as_alice.get(f"{PAGE}?environment=production")
    found = [address for address, _ in links(response, "/changes/?from=2026-11-05&to=2026-11-05")]
    assert len(found) == 2  # of the chart, and of the table
    assert "rule=privileged" in found[0]
    assert "environment=production" in found[0]
    assert "reports" in text_of(as_alice.get(found[0]))


def test_a_policy_that_changed_is_marked(as_alice: Client, fleet: list[Host], alice: User) -> None:
    draft = policies.Draft("Baseline", "", {RULE: {"severity": "high"}}, ())
    day = NOW - timedelta(days=12)
    policies.save_policy("baseline", draft, based_on=1, comment="why", actor=alice, now=day)
    assert "13 Nov 2026 Baseline v2: why" in text_of(as_alice.get(PAGE))


def test_one_that_was_never_judged_says_so(as_alice: Client) -> None:
    assert "The rule was not judged in this time." in text_of(as_alice.get(PAGE))


def test_a_part_of_it_is_without_the_frame(as_alice: Client, fleet: list[Host]) -> None:
    part = as_alice.get(PAGE, headers={"HX-Request-Type": "partial"}).content.decode()
    assert part.lstrip().startswith('<section class="card" id="history"')
    assert "<h1>" not in part


def test_weeks_show_the_worst_and_what_was_not_judged(fleet: list[Host]) -> None:
    now = {"failed": 1, "unknown": 0, "excepted": 0, "passed": 3, "not_applicable": 0}
    nothing = dict.fromkeys(now, 0)
    current = [(RULE, now), ("no-such-rule", nothing)]
    found = rule_history.weeks(EVERYTHING, current, now=NOW)
    cells = found[RULE]
    assert len(cells) == rule_history.WEEKS
    assert cells[-1].last == TODAY
    assert cells[-1].verdict == "fail"
    assert {cell.verdict for cell in found["no-such-rule"]} == {""}
    first = TODAY - timedelta(days=7 * rule_history.WEEKS - 1)
    points = history.rule_trend(RULE, EVERYTHING, first, TODAY, now=NOW)
    for place, cell in enumerate(cells[:-1]):
        days = points[7 * place : 7 * place + 7]
        failed = any(point and point.failed for point in days)
        assert (cell.verdict == "fail") == failed


def test_a_week_with_a_day_that_was_not_judged_is_no_pass() -> None:
    host = register("web-1", now=NOW)
    scan(host, named("isolation_plain", "web"), now=NOW - timedelta(hours=1))
    passed = {"failed": 0, "unknown": 0, "excepted": 0, "passed": 1, "not_applicable": 0}
    [cells] = rule_history.weeks(EVERYTHING, [(RULE, passed)], now=NOW).values()
    assert cells[-1].verdict == ""


@pytest.mark.parametrize("query", [*NASTY, "days=31&hosts=-1", "hosts=%00&days=%00"])
def test_a_hostile_address_gives_a_page(as_alice: Client, fleet: list[Host], query: str) -> None:
    for address in (PAGE, f"{PAGE}days.csv", f"{PAGE}hosts.csv"):
        assert as_alice.get(f"{address}?{query}").status_code == 200


def test_who_may_and_how(client: Client, as_charlie: Client) -> None:
    for address in (PAGE, f"{PAGE}days.csv", f"{PAGE}hosts.csv"):
        assert client.get(address)["Location"] == f"/login/?next={address}"
        assert as_charlie.get(address).status_code == 200
        assert as_charlie.post(address).status_code == 405
        assert as_charlie.get(address.replace(RULE, "no-such-rule")).status_code == 404


def test_the_queries_do_not_grow_with_the_fleet(as_alice: Client, fleet: list[Host]) -> None:
    few = queries(as_alice, f"{PAGE}?days=365")
    for place in range(8):
        host = register(f"more-{place}", owner=f"Team {place}", now=NOW)
        scan(host, *(named("privileged", f"shop-{n}") for n in range(place)), now=NOW)
    assert queries(as_alice, f"{PAGE}?days=365") == few <= BUDGET
