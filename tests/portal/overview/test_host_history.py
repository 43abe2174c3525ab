"""The tabs History and Networks of a host, and the strip of its scans."""

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone
from msgspec.structs import replace

from portal.accounts.models import User
from portal.compliance.actions import request_scan
from portal.fleet import actions
from portal.fleet.models import ConfigVersion, Host, HostVersion
from scanner.model import Network
from tests.fleet import failed_scan, named, register, scan
from tests.portal.compliance.pages import BUDGET, queries, text_of
from tests.recorded import host as recorded_host

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def host(now: datetime) -> Host:
    return register("prod-web-1", now=now - 99 * HOUR)


def entries(client: Client, host: Host) -> list[tuple[str, str]]:
    answer = client.get(f"/hosts/{host.slug}/?tab=history&size=200")
    assert answer.status_code == 200
    return [(entry.text, entry.detail) for entry in answer.context["page"]]


def test_a_scan_that_sees_the_same_makes_no_version(host: Host, now: datetime):
    for hours in (9, 5, 1):
        scan(host, named("privileged", "reports", pid=hours), now=now - hours * HOUR)
    assert HostVersion.objects.filter(host=host).count() == 1


def test_how_full_the_storage_is_makes_no_version(host: Host, now: datetime):
    for hours in (5, 1):
        seen = replace(recorded_host(), storage_status={"Dirs": f"{hours}", "Native": "true"})
        scan(host, host=seen, now=now - hours * HOUR)
    assert HostVersion.objects.filter(host=host).count() == 1


def test_another_engine_and_other_networks_are_told(as_alice: Client, host: Host, now: datetime):
    before, after = (replace(recorded_host(), version=each) for each in ("26.1.0", "28.5.0"))
    one, other = (Network(each, each, "bridge") for each in ("front", HOSTILE))
    scan(host, host=before, networks=[one], now=now - 5 * HOUR)
    scan(host, host=after, networks=[other], now=now - HOUR)
    [(text, detail), *_] = entries(as_alice, host)
    assert text == "The engine or what surrounds its containers changed"
    assert "Engine: 26.1.0 → 28.5.0" in detail
    assert f"1\N{NO-BREAK SPACE}network new: {HOSTILE}" in detail
    assert "1\N{NO-BREAK SPACE}network gone: front" in detail
    content = as_alice.get(f"/hosts/{host.slug}/?tab=history").content.decode()
    assert HOSTILE not in content


def test_networks_that_cannot_be_read_are_not_gone(as_alice: Client, host: Host, now: datetime):
    one = Network("front", "front", "bridge")
    scan(host, networks=[one], now=now - 5 * HOUR)
    scan(host, networks=None, now=now - HOUR)
    [(_, detail), *_] = entries(as_alice, host)
    assert detail == "networks could not be read any more"
    assert "could not be read" in text_of(as_alice.get(f"/hosts/{host.slug}/?tab=networks"))


def test_what_people_change_about_it_is_told_with_their_names(
    as_alice: Client, alice: User, host: Host, now: datetime
):
    group = actions.add_group(name="Data", owner="Data", actor=alice, now=now)
    url = "unix:///run/other.sock"
    actions.edit_host(host.pk, name="db-1", url=url, group=group, actor=alice, now=now)
    answer = as_alice.get(f"/hosts/{host.slug}/?tab=history")
    newest = answer.context["page"][0]
    assert (newest.actor, newest.text) == (str(alice), "edited the host")
    assert "name: prod-web-1 → db-1" in newest.detail
    assert "group: Payments production → Data" in newest.detail
    assert answer.context["page"][-1].text == "registered the host"


def test_scans_are_left_to_their_own_tab(as_alice: Client, alice: User, host: Host, now: datetime):
    request_scan(host.pk, actor=alice, now=now)
    assert entries(as_alice, host) == [("registered the host", "")]


def test_what_cannot_be_understood_any_more_is_told(as_alice: Client, host: Host, now: datetime):
    for hours, version in ((5, "26.1.0"), (1, "28.5.0")):
        seen = replace(recorded_host(), version=version)
        scan(host, host=seen, now=now - hours * HOUR)
    ConfigVersion.objects.update(body=b"damaged")
    [(_, detail), *_] = entries(as_alice, host)
    assert "what is stored of it cannot be understood any more" in detail
    assert "not read" not in detail


def test_networks_stand_there_with_their_members(as_alice: Client, host: Host, now: datetime):
    nets = [
        Network("a", "front", "bridge", subnets=("172.20.0.0/16",)),
        Network("b", "mesh", "overlay", options={"encrypted": ""}),
        Network("c", HOSTILE, "overlay"),
    ]
    scan(host, named("privileged", "reports", networks=("front",)), networks=nets, now=now - HOUR)
    answer = as_alice.get(f"/hosts/{host.slug}/?tab=networks")
    members = {network.name: network.members for network in answer.context["page"]}
    assert members["front"] == ("reports",)
    assert HOSTILE not in answer.content.decode()
    assert "172.20.0.0/16" in text_of(answer)
    assert [network.encrypted for network in answer.context["page"]] == [False, True, False]


def test_the_strip_shows_the_scans_as_time_runs(as_alice: Client, host: Host, now: datetime):
    scan(host, now=now - 5 * HOUR)
    failed_scan(host, now=now - HOUR)
    strip = as_alice.get(f"/hosts/{host.slug}/?tab=scans").context["strip"]
    assert [past.scan.state for past in strip.past] == ["complete", "failed"]


@pytest.mark.parametrize("tab", ["networks", "history"])
def test_a_tab_of_a_host_that_was_never_read_says_so(as_alice: Client, host: Host, tab: str):
    answer = as_alice.get(f"/hosts/{host.slug}/?tab={tab}")
    assert answer.status_code == 200
    if tab == "networks":
        assert "this host has not been read yet" in text_of(answer)


@pytest.mark.parametrize("tab", ["networks", "history"])
def test_a_tab_asks_as_much_of_the_database_at_any_size(
    as_alice: Client, host: Host, now: datetime, tab: str
):
    def looks(number: int, hours: int) -> None:
        nets = [Network(str(each), f"net-{each}", "bridge") for each in range(number)]
        seen = [named("privileged", f"box-{each}") for each in range(number)]
        scan(host, *seen, networks=nets, now=now - hours * HOUR)

    looks(1, 90)
    looks(2, 80)
    few = queries(as_alice, f"/hosts/{host.slug}/?tab={tab}")
    for number in range(3, 20):
        looks(number, 80 - number)
    assert queries(as_alice, f"/hosts/{host.slug}/?tab={tab}") == few <= BUDGET
