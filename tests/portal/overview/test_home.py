"""The overview: every number is the length of the list behind it, in every state of a fleet."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.accounts.models import User
from portal.compliance import actions
from portal.compliance.models import Result, Standing
from portal.compliance.score import Score, fleet_score
from portal.core import charts
from portal.fleet.models import Group, Host
from portal.fleet.queries import Scope
from portal.overview.queries import home, past
from tests.fleet import failed_scan, named, register, scan
from tests.past import fleet_with_a_past
from tests.portal.plain import links, text

pytestmark = pytest.mark.django_db
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def now() -> Any:
    return timezone.now()


@pytest.fixture
def fleet(now: Any) -> list[Host]:
    """Production, staging, a host that could not be read again, and one never scanned."""
    web = register("prod-web-1", now=now)
    scan(web, named("privileged", "reports"), named("isolation_plain", "web"), now=now)
    shop = register("test-shop", environment="staging", owner="Shop", now=now)
    scan(shop, named("cap_add_all", "tool"), now=now)
    lost = register("prod-lost", now=now)
    scan(lost, named("isolation_plain", "web"), now=now - timedelta(hours=2))
    failed_scan(lost, now=now - timedelta(hours=1))
    fresh = register("prod-new", owner="Data", now=now)
    Host.objects.update(next_scan_at=now + timedelta(hours=3))
    return [web, shop, lost, fresh]


def get(client: Client, query: str = "", **headers: str) -> str:
    answer = client.get(f"/{query}", headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


# The states of a fleet


def test_without_hosts_an_operator_is_led_to_the_first_one(as_bob: Client):
    page = get(as_bob)
    assert links(page)["/hosts/new/"] == "Register host"
    assert "No hosts yet" in text(page)
    assert "every 2s" not in page
    assert "0 of 0" not in text(page)


def test_without_hosts_a_viewer_is_told_who_registers_them(as_charlie: Client):
    page = get(as_charlie)
    assert "/hosts/new/" not in links(page)
    assert "Once an operator has registered one" in text(page)


def test_a_scope_without_hosts_offers_to_clear_it(as_alice: Client, fleet: list[Host]):
    page = get(as_alice, "?owner=Nobody")
    assert "No hosts in this scope" in text(page)
    assert links(page)["?"] == "Clear scope"


def test_while_the_first_scan_waits_or_runs_its_progress_stands_for_the_score(
    as_alice: Client, now: Any
):
    host = register("prod-web-1", now=now)
    page = get(as_alice)
    assert "The first scan begins within seconds" in text(page)
    assert 'hx-trigger="every 2s"' in page

    waiting = actions.request_scan(host.pk, actor=None, now=now)
    page = get(as_alice)
    assert "Waiting for a worker" in text(page)
    assert links(page)[f"/scans/{waiting.pk}/"] == "See this scan"

    actions.begin(waiting.pk, now=now)
    type(waiting).objects.update(phase="reading", done=14, total=32)
    page = get(as_alice, **{"HX-Request-Type": "partial"})
    assert page.lstrip().startswith('<div id="overview"')
    assert '<progress max="32" value="14">' in page
    assert "14 of 32" in text(page)
    assert "never scanned" not in text(page)

    type(waiting).objects.all().delete()
    scan(host, named("privileged", "reports"), now=now)
    page = get(as_alice)
    assert "every 2s" not in page
    assert "Posture" in text(page)


def test_a_fleet_of_which_nothing_could_be_read_says_so(as_alice: Client, now: Any):
    host = register("prod-web-1", now=now)
    failed_scan(host, now=now)
    page = get(as_alice)
    assert "No host has been read yet" in text(page)
    assert "1 host unreachable" in text(page)
    assert "every 2s" not in page


def test_a_fleet_without_open_findings_is_told_with_its_coverage(as_alice: Client, now: Any):
    host = register("prod-web-1", now=now)
    scan(host, networks=(), now=now)
    Result.objects.filter(host=host).update(open=False, verdict="pass")
    Standing.objects.update(critical=0, high=0, medium=0, low=0, failed=0)
    words = text(get(as_alice))
    assert "No open findings. Last check" in words
    assert "1 of 1 host current" in words
    assert "Congratulations" not in words


# Numbers


def test_the_score_is_the_formula_with_its_coverage_and_its_criticals(
    as_alice: Client, fleet: list[Host]
):
    Group.objects.filter(name="Shop staging").update(criticality=3)
    page = get(as_alice)
    weights = dict(Host.objects.values_list("id", "group__criticality"))
    expected = fleet_score(
        (Score(s.posture, s.accepted, s.coverage), weights[s.pk]) for s in Standing.objects.all()
    )
    assert expected.posture is not None
    shown = int(expected.posture * 10) / 10
    words = text(page)
    assert f"Posture {shown} %" in words
    assert f"With exceptions {shown} %" in words
    assert re.search(r"Coverage [\d.]+ %", words)
    assert "Hosts with an open critical" in words
    assert "The score is the mean of 3 hosts" in words


@pytest.mark.parametrize(
    "scope", ["", "?environment=production", "?owner=Shop", "?group=Payments+production"]
)
def test_every_number_is_the_length_of_the_list_behind_it(
    as_alice: Client, fleet: list[Host], scope: str
):
    found = links(get(as_alice, scope))
    counted = {
        address: words
        for address, words in found.items()
        if address.startswith(("/findings/", "/hosts/?", "/hosts/"))
        and words.replace("\u202f", "").isdigit()
    }
    assert len(counted) > 8
    for address, words in counted.items():
        answer = as_alice.get(address)
        assert answer.status_code == 200
        rows = answer.context["page"].paginator.count
        assert rows == int(words.replace("\u202f", "")), address
        if scope:
            assert scope[1:].split("=")[0] in address


def test_what_needs_a_person_is_named_with_a_link(as_alice: Client, fleet: list[Host]):
    found = links(get(as_alice))
    assert found["/hosts/?state=unreachable"] in ("1 host unreachable", "Unreachable", "1")
    words = text(get(as_alice))
    assert "1 host unreachable not read since" in words
    critical = Result.objects.filter(open=True, severity=3).count()
    assert f"{critical} critical findings opened in the last 24 hours" in words
    assert "1 host never scanned" in words


def test_old_criticals_are_no_news(as_alice: Client, fleet: list[Host], now: Any):
    Result.objects.update(failed_since=now - timedelta(hours=25))
    assert "in the last 24 hours" not in text(get(as_alice))


def test_at_most_four_things_need_a_person(now: Any):
    for number, state in enumerate(("unreachable", "unauthorised", "partial", "new", "ok")):
        host = register(f"host-{number}", now=now)
        scan(host, named("privileged", "reports"), now=now)
        Host.objects.filter(id=host.pk).update(state=state)
    Host.objects.filter(state="ok").update(last_success_at=now - timedelta(days=9))
    hosts = home.members(Scope(), now)
    kinds = [alert.kind for alert in home.alerts(Scope(), hosts, now)]
    assert kinds == ["unreachable", "unauthorised", "critical", "stale"]


def test_the_worst_come_first(fleet: list[Host], now: Any):
    hosts = home.members(Scope(), now)
    worst = home.worst_hosts(hosts)
    counts = [(row.standing.critical, row.standing.high) for row in worst if row.standing]
    assert counts == sorted(counts, reverse=True)
    assert "prod-new" not in [row.host.name for row in worst]
    rules = home.checks(Scope()).worst
    assert [rule.severity for rule in rules] == sorted((r.severity for r in rules), reverse=True)
    assert len(rules) <= 7
    assert all(0 < rule.failing <= rule.units for rule in rules)


def test_the_latest_changes_are_told_in_words_with_their_owner(
    as_alice: Client, fleet: list[Host], now: Any
):
    scan(fleet[0], named("isolation_plain", "web"), now=now + timedelta(minutes=1))
    words = text(get(as_alice))
    assert re.search(r"Gone .{10,90} reports on prod-web-1", words)
    assert len(home.changes(Scope())) == 10
    assert {change.owner for change in home.changes(Scope(owner="Shop"))} == {"Shop"}


def test_environments_are_compared(as_alice: Client, fleet: list[Host]):
    page = get(as_alice)
    assert links(page)["?environment=production"] == "Production"
    assert links(page)["?environment=staging"] == "Staging"
    assert "?environment=development" not in links(page)


# Compared with an earlier day


def test_the_score_and_the_findings_are_compared_with_an_earlier_day(as_alice: Client, now: Any):
    fleet_with_a_past(now)
    day = past.today(now) - timedelta(days=30)
    figures = past.then(Scope(), day)[""]
    summary = home.summary(home.members(Scope(), now))
    page = get(as_alice, "?since=30")
    change = charts.difference(figures.score.posture, summary.score.posture)
    assert change is not None
    after = (day + timedelta(days=1)).isoformat()
    assert links(page)[f"/changes/?from={after}"] == charts.points(change).replace("\xa0", " ")
    words = text(page)
    assert f"Changes since {day.day} {day:%b %Y}" in words
    for name in ("critical", "high", "medium", "low"):
        said = charts.more(getattr(summary, name) - getattr(figures, name))
        assert f"{name.capitalize()} {getattr(summary, name)} {said}" in words


def test_environments_say_how_far_each_moved(as_alice: Client, now: Any):
    fleet_with_a_past(now)
    words = text(get(as_alice, "?since=30"))
    assert re.search(r"Production [\d.]+ % [\d.]+ points (up|down) [\d.]+ %", words)
    assert re.search(r"Staging [\d.]+ % [\d.]+ points down", words)


def test_each_of_the_worst_rules_has_its_last_thirty_days(as_alice: Client, now: Any):
    fleet_with_a_past(now)
    page = get(as_alice)
    assert len(re.findall(r'aria-label="Failing [^"]* in 30 days"', page)) == 7
    assert "no trend yet" not in page


def test_without_figures_of_that_day_nothing_is_compared(as_alice: Client, fleet: list[Host]):
    words = text(get(as_alice))
    assert re.search(r"No score of \d+ \w+ 2026 to compare with.", words)
    assert "Changes since" not in words
    assert "points up" not in words


def test_what_is_compared_with_is_chosen_and_kept(as_alice: Client, fleet: list[Host]):
    page = get(as_alice, "?since=7&environment=production&days=90")
    assert '<option value="7" selected>7 days ago</option>' in page
    assert '<input type="hidden" name="environment" value="production">' in page
    assert '<input type="hidden" name="days" value="90">' in page
    trend = "/trend/?environment=production&since=7&days=90"
    assert links(page)[trend] == "The trend, and why the score moved"


# Doors


def test_anonymous_is_sent_to_sign_in(client: Client, db: None):
    assert client.get("/").url.startswith("/login/")


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_it_is_only_read(as_alice: Client, method: str):
    assert getattr(as_alice, method)("/").status_code == 405


def test_a_viewer_sees_why_the_scan_button_is_off(as_charlie: Client, fleet: list[Host]):
    page = get(as_charlie)
    assert re.search(r"<button[^>]* disabled>Scan 4\xa0hosts</button>", page)
    assert "may start scans." in text(page)
    assert 'action="/scans/start/"' not in page


def test_an_engineer_scans_what_the_scope_shows(as_erin: Client, fleet: list[Host]):
    page = get(as_erin, "?environment=production")
    assert "Scan 3 hosts" in text(page)
    assert '<input type="hidden" name="environment" value="production">' in page


@pytest.mark.parametrize(
    "query",
    ["?environment=%00", "?group=" + "x" * 5000, "?owner=%FF%FE", "?environment=a&environment=b"],
)
def test_an_odd_query_gives_a_page(as_alice: Client, fleet: list[Host], query: str):
    get(as_alice, query)


def test_names_are_shown_as_they_are_and_never_run(as_alice: Client, now: Any):
    host = register("prod-web-1", owner=HOSTILE[:100], group="g", now=now)
    scan(host, named("privileged", HOSTILE), named("privileged", "\u202eevil" + "x" * 280), now=now)
    page = get(as_alice)
    assert HOSTILE not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_the_queries_do_not_grow_with_the_fleet(as_alice: Client, alice: User, now: Any):
    counts = []
    for number in (2, 12):
        for place in range(number):
            host = register(f"host-{number}-{place}", owner=f"Team {place}", now=now)
            containers = [named("privileged", f"reports-{each}") for each in range(place + 1)]
            scan(host, *containers, now=now)
        get(as_alice)
        with CaptureQueriesContext(connection) as queries:
            get(as_alice)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 12
