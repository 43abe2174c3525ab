"""The list of hosts: its numbers are those of the lists behind them."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from portal.compliance import actions
from portal.fleet.models import Host
from scanner.model import Gap
from tests.fleet import failed_scan, named, register, scan
from tests.portal.compliance.pages import BUDGET, NASTY, links, number, queries, text_of, total

pytestmark = pytest.mark.django_db
ADDRESS = "/hosts/"
IMG = "<img src=x onerror=alert(1)>"


@pytest.fixture
def fleet() -> dict[str, Host]:
    """One host in each state."""
    now = timezone.now()
    found = {
        name: register(name, environment=environment, owner=owner, now=now)
        for name, environment, owner in (
            ("current", "production", "Payments"),
            ("partly", "production", "Data"),
            ("old", "staging", "Data"),
            ("gone", "staging", "Payments"),
            ("denied", "production", "Payments"),
            ("new", "production", ""),
        )
    }
    scan(found["current"], named("privileged", "reports"), named("read_only", "web"), now=now)
    scan(found["partly"], named("pid_host"), gaps=[Gap("host", "images", "no")], now=now)
    scan(found["old"], named("read_only", "web"), now=now - timedelta(days=3))
    scan(found["gone"], named("privileged", "reports"), now=now - timedelta(hours=1))
    failed_scan(found["gone"], now=now)
    failed_scan(found["denied"], kind="denied", message="The engine denied GET /info", now=now)
    Host.objects.filter(name="denied").update(url="tcp://docker-7:2375")
    return found


def names(answer) -> list[str]:
    page = answer.content.decode()
    return re.findall(r'<th scope="row"[^>]*><a href="/hosts/([^/"]+)/', page)


def test_each_host_with_its_state_and_why(as_charlie: Client, fleet: dict[str, Host]):
    answer = as_charlie.get(ADDRESS)
    said = text_of(answer)
    assert set(names(answer)) == {host.slug for host in fleet.values()}
    for state in (
        "Current 1",
        "Partly read 1",
        "Stale 1",
        "Unreachable 1",
        "Not authorised 1",
        "Never scanned 1",
    ):
        assert state in said
    assert "Unreachable: The socket was reached, but nothing listens there." in said
    assert "Not authorised: The engine denied GET /info" in said
    assert "TCP without TLS" in said
    assert "6 hosts" in said


def test_every_number_leads_to_a_list_of_that_length(as_charlie: Client, fleet: dict[str, Host]):
    for scope in ("", "?environment=production", "?owner=Data"):
        answer = as_charlie.get(ADDRESS + scope)
        found = links(answer, "/findings/?severity=")
        assert found
        for address, text in found:
            assert total(as_charlie.get(address)) == number(text)
        for address, text in links(answer, "tab=containers"):
            assert f"{number(text)} container" in text_of(as_charlie.get(address))


def test_the_count_of_a_state_is_what_its_filter_shows(as_charlie: Client, fleet: dict[str, Host]):
    page = as_charlie.get(f"{ADDRESS}?owner=Payments")
    found = links(page, "state=")
    assert {address.partition("state=")[2] for address, _ in found} == {
        "ok",
        "unreachable",
        "unauthorised",
    }
    for address, text in found:
        answer = as_charlie.get(ADDRESS + address)
        assert len(names(answer)) == number(text.split()[-1]) == 1
        assert "1 of 3 hosts" in text_of(answer)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=stale", {"old"}),
        ("state=stale&state=new", {"old", "host-new"}),
        ("severity=critical", {"current", "gone"}),
        ("transport=tcp", {"denied"}),
        ("q=CUR", {"current"}),
        ("q=docker-7", {"denied"}),
        ("q=current&transport=tcp", set()),
        ("severity=critical&environment=staging", {"gone"}),
        ("state=nothing&severity=x&transport=y", None),
    ],
)
def test_filters(as_charlie: Client, fleet: dict[str, Host], query: str, expected):
    answer = as_charlie.get(f"{ADDRESS}?{query}")
    everything = {host.slug for host in fleet.values()}
    assert set(names(answer)) == (everything if expected is None else expected)


def test_what_the_selects_offer_is_counted(as_charlie: Client, fleet: dict[str, Host]):
    said = text_of(as_charlie.get(ADDRESS))
    assert "Open critical (2)" in said
    assert "TCP without TLS (1)" in said
    assert "Unix socket (5)" in said


def test_a_filter_can_be_taken_away(as_charlie: Client, fleet: dict[str, Host]):
    query = f"{ADDRESS}?state=stale&q=old&transport=unix&severity=high&environment=staging"
    answer = as_charlie.get(query)
    for name in ("State", "Text", "Connection", "Open findings"):
        assert f'aria-label="Remove filter {name}"' in answer.content.decode()
    for address, text in links(answer, "?environment=staging"):
        if text == "Clear filters":
            assert set(names(as_charlie.get(ADDRESS + address))) == {"old", "gone"}
    # The state that is chosen takes itself away.
    (chosen,) = re.findall(r'<a href="([^"]*)" aria-current="true">', answer.content.decode())
    assert "state=" not in chosen


BY_NAME = ["current", "denied", "gone", "host-new", "old", "partly"]
WORST = ["current", "gone", "partly", "old", "denied", "host-new"]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("name", BY_NAME),
        ("-name", BY_NAME[::-1]),
        ("", WORST),
        ("-critical", WORST),
        ("nothing", WORST),
        ("--critical", WORST),
        ("scanned", ["old", "gone", "current", "partly", "denied", "host-new"]),
        ("containers", ["denied", "host-new", "gone", "old", "partly", "current"]),
        ("state", ["host-new", "current", "partly", "old", "denied", "gone"]),
    ],
)
def test_orders(as_charlie: Client, fleet: dict[str, Host], sort: str, expected: list[str]):
    assert names(as_charlie.get(f"{ADDRESS}?sort={sort}")) == expected


def test_hosts_without_a_score_come_last_in_either_order(as_charlie: Client, fleet):
    up = names(as_charlie.get(f"{ADDRESS}?sort=score"))
    down = names(as_charlie.get(f"{ADDRESS}?sort=-score"))
    assert set(up[4:]) == set(down[4:]) == {"denied", "host-new"}
    assert up[:4] == down[:4][::-1]


def test_pages_hold_fifty_and_lead_on(as_charlie: Client):
    for count in range(52):
        register(f"host-{count:02}")
    first = as_charlie.get(f"{ADDRESS}?sort=name")
    second = as_charlie.get(f"{ADDRESS}?sort=name&page=2")
    assert (len(names(first)), len(names(second))) == (50, 2)
    assert "1\N{EN DASH}50 of 52" in text_of(first)
    assert set(names(first)).isdisjoint(names(second))


def test_nothing_yet_says_what_to_do(as_bob: Client, as_charlie: Client):
    answer = as_bob.get(ADDRESS)
    assert "No hosts yet" in text_of(answer)
    assert len(links(answer, "/hosts/new/")) == 2
    answer = as_charlie.get(ADDRESS)
    assert "No hosts yet" in text_of(answer)
    assert links(answer, "/hosts/new/") == []


def test_filters_that_hide_everything_say_so(as_charlie: Client, fleet: dict[str, Host]):
    said = text_of(as_charlie.get(f"{ADDRESS}?q=nothing"))
    assert "No hosts match these filters" in said
    assert "Clear filters" in said
    said = text_of(as_charlie.get(f"{ADDRESS}?group=nothing"))
    assert "No hosts in this scope" in said
    assert "Clear scope" in said


def test_a_viewer_may_not_register_and_reads_why(as_charlie: Client, fleet: dict[str, Host]):
    answer = as_charlie.get(ADDRESS)
    assert "Only administrators and operators may" in text_of(answer)
    assert '<button class="btn btn-primary" disabled>Register host</button>' in (
        answer.content.decode()
    )


def test_it_asks_again_only_while_something_is_scanned(as_charlie: Client, bob, fleet):
    assert b"every 2s" not in as_charlie.get(ADDRESS).content
    actions.request_scan(fleet["new"].pk, actor=bob, now=timezone.now())
    answer = as_charlie.get(f"{ADDRESS}?owner=&state=new")
    assert 'hx-get="/hosts/?owner=&amp;state=new" hx-trigger="every 2s"' in answer.content.decode()
    assert "Being scanned" in text_of(answer)


def test_a_part_is_the_list_alone(as_charlie: Client, fleet: dict[str, Host]):
    answer = as_charlie.get(ADDRESS, headers={"HX-Request-Type": "partial"})
    assert answer.content.lstrip().startswith(b'<div id="hosts"')
    assert "HX-Request-Type" in answer.headers["Vary"]
    assert len(names(answer)) == 6


def test_hostile_text_is_only_text(as_charlie: Client):
    host = register("web-1", owner=IMG)
    failed_scan(host, message=IMG)
    Host.objects.update(name=f"{IMG}\u202e" + "x" * 60, engine={"version": IMG})
    page = as_charlie.get(f"{ADDRESS}?q=%3Cimg").content.decode()
    assert "<img src=x" not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") >= 4


@pytest.mark.parametrize("query", NASTY)
def test_hostile_queries_give_a_page(as_charlie: Client, fleet: dict[str, Host], query: str):
    assert as_charlie.get(f"{ADDRESS}?{query}&transport=%00&size=9").status_code == 200


def test_the_door(client: Client, as_charlie: Client):
    assert client.get(ADDRESS).headers["Location"] == f"/login/?next={ADDRESS}"
    assert as_charlie.post(ADDRESS).status_code == 405


def test_the_number_of_queries_does_not_grow(as_charlie: Client, fleet: dict[str, Host]):
    few = queries(as_charlie, ADDRESS)
    for count in range(30):
        scan(register(f"more-{count}", owner=f"Team {count}"), named("privileged", "reports"))
    assert queries(as_charlie, ADDRESS) == few <= BUDGET
