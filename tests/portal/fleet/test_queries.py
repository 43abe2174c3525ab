"""Scope, state and coverage of the fleet."""

from datetime import datetime, timedelta

import pytest
from django.http import QueryDict

from portal.core.errors import NotFound
from portal.fleet import queries
from portal.fleet.models import Host, HostState
from portal.fleet.queries import EVERYTHING, Extent, Scope
from scanner.model import Gap
from tests.fleet import NOW, failed_scan, named, register, scan

pytestmark = pytest.mark.django_db


@pytest.fixture
def fleet() -> dict[str, Host]:
    found = {
        "pay-1": register("pay-1"),
        "pay-2": register("pay-2", environment="staging"),
        "data-1": register("data-1", owner="Data"),
        "data-2": register("data-2", owner="Data"),
    }
    scan(found["pay-1"], named("privileged", "reports"), named("read_only", "web"))
    scan(found["pay-2"], named("privileged", "reports"))
    failed_scan(found["data-1"])
    return found


def names(scope: Scope) -> set[str]:
    return {host.name for host in queries.hosts(scope)}


def test_a_scope_is_the_part_that_its_words_name(fleet: dict[str, Host]):
    assert names(EVERYTHING) == set(fleet)
    assert names(Scope(environment="staging")) == {"pay-2"}
    assert names(Scope(owner="Data")) == {"data-1", "data-2"}
    assert names(Scope(group="Payments production")) == {"pay-1"}
    assert names(Scope(environment="staging", owner="Data")) == set()


@pytest.mark.parametrize("value", ["nothing", "\0", "x" * 5000, "'; --"])
def test_words_that_name_nothing_match_nothing(fleet: dict[str, Host], value: str):
    query = QueryDict(mutable=True)
    query["environment"] = value
    assert names(Scope.of(query)) == (set(fleet) if value == "\0" else set())


def test_a_scope_is_carried_by_what_is_not_all_of_it():
    assert EVERYTHING.parameters == {}
    assert Scope("staging", "", "Data").parameters == {"environment": "staging", "owner": "Data"}


def test_a_scope_holds_the_hosts_that_it_lists(fleet: dict[str, Host]):
    for scope in (EVERYTHING, Scope("staging"), Scope(owner="Data"), Scope(group="x")):
        held = {host.name for host in queries.hosts() if queries.holds(scope, host)}
        assert held == names(scope)


def test_the_extent_counts_hosts_and_containers(fleet: dict[str, Host]):
    assert queries.extent(EVERYTHING) == Extent(4, 3, 4)
    assert queries.extent(Scope(owner="Data")) == Extent(2, 0, 4)
    assert queries.extent(Scope(group="none")) == Extent(0, 0, 4)


def test_a_host_is_found_by_its_slug_or_not_at_all(fleet: dict[str, Host]):
    assert queries.host("pay-1") == fleet["pay-1"]
    with pytest.raises(NotFound):
        queries.host("nothing")


def moments(host: Host) -> list[datetime]:
    """Around the end of twice the interval."""
    end = NOW + timedelta(seconds=2 * host.scan_interval)
    return [NOW, end, end + timedelta(microseconds=1), end + timedelta(days=400)]


def test_a_host_is_stale_after_twice_its_interval(fleet: dict[str, Host]):
    host = queries.host("pay-1")
    assert [queries.state(host, now) for now in moments(host)] == ["ok", "ok", "stale", "stale"]


def test_only_what_was_read_goes_stale(fleet: dict[str, Host]):
    later = NOW + timedelta(days=400)
    assert queries.state(queries.host("data-1"), later) == HostState.UNREACHABLE
    assert queries.state(queries.host("data-2"), later) == HostState.NEW


def test_the_database_and_the_page_agree_about_every_state(fleet: dict[str, Host]):
    fast = register("fast")
    Host.objects.filter(pk=fast.pk).update(scan_interval=60)
    scan(fast, gaps=[Gap("host", "images", "denied")])
    for now in moments(queries.host("pay-1")) + moments(queries.host("fast")):
        shown = {host.name: host.shown for host in queries.with_state(queries.hosts(), now)}
        assert shown == {host.name: queries.state(host, now) for host in queries.hosts()}


def test_coverage_counts_every_state(fleet: dict[str, Host]):
    nothing = dict.fromkeys([*HostState.values, "stale"], 0)
    assert queries.coverage(EVERYTHING, NOW) == nothing | {"ok": 2, "unreachable": 1, "new": 1}
    later = NOW + timedelta(days=400)
    assert queries.coverage(EVERYTHING, later)["stale"] == 2
    assert queries.coverage(Scope(owner="Data"), NOW) == nothing | {"unreachable": 1, "new": 1}


def test_engines_that_look_the_same_are_a_hint(fleet: dict[str, Host]):
    engine_id = queries.host("pay-1").engine["id"]
    assert {host.name for host in queries.same_engine(engine_id)} == {"pay-1", "pay-2"}
    assert queries.same_engine("") == []
    assert queries.registered_as("unix:///run/pay-1.sock") == fleet["pay-1"]
    assert queries.registered_as("unix:///run/other.sock") is None
