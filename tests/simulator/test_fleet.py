"""One seed is one world, the world moves on, and hosts fail as engines do."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.simulator import Simulator, World
from benchmarks.simulator.world import SimulatedContainer, SimulatedHost
from scanner import Engine, EngineError, Snapshot, collect


def read(url: str) -> Snapshot:
    with Engine(url) as engine:
        return collect(engine)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with Simulator(hosts=6, containers=5, directory=tmp_path_factory.mktemp("six")) as fleet:
        yield fleet


def plain(world: World) -> Any:
    return [(host.name, host.lacks, host.containers) for host in world.hosts]


def test_the_same_seed_goes_the_same_way_and_another_another():
    one, same, other = World(3, hosts=4), World(3, hosts=4), World(4, hosts=4)
    for world in (one, same, other):
        for _ in range(20):
            world.step()
    assert plain(one) == plain(same) != plain(other)


def test_a_step_changes_a_share_of_the_containers_and_no_more():
    world = World(5, hosts=20, containers=50, churn=0.01)
    before = {each for host in world.hosts for each in host.containers}
    changed = world.step()
    after = {each for host in world.hosts for each in host.containers}
    assert changed == round(len(before) * 0.01)
    assert 1 <= len(before - after) <= changed
    assert 1 <= len(after - before) <= changed


def test_a_mended_fault_is_gone_from_one_environment():
    world = World(5, hosts=20, containers=20)
    places = {host.environment for host in world.hosts for each in having(host, "root")}
    mended = sum(len(having(host, "root")) for host in world.hosts if host.environment == "prod")
    assert "prod" in places
    assert len(places) > 1
    assert world.mend("root", "prod") == mended
    left = {host.environment for host in world.hosts for each in having(host, "root")}
    assert left == places - {"prod"}


def having(host: SimulatedHost, fault: str) -> list[SimulatedContainer]:
    return [each for each in host.containers if fault in each.faults]


def test_a_host_is_read_over_tcp_too():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with Simulator(hosts=2, containers=3, port=port) as fleet:
        names = [read(url).host.name for url in fleet.urls]
        assert fleet.urls[0].startswith("tcp://127.")
        assert names == [host["name"] for host in fleet.hosts]
        assert fleet.requests > 0


def test_the_world_moves_on_in_a_running_fleet(fleet: Simulator):
    before = [read(url).containers for url in fleet.urls]
    assert fleet.step(20) == 20
    assert [read(url).containers for url in fleet.urls] != before


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        ("silent", "timeout"),
        ("refused", "refused"),
        ("garbage", "not_an_engine"),
        ("half", "cut_off"),
    ],
)
def test_a_host_that_fails_fails_as_an_engine_does(fleet: Simulator, behaviour: str, kind: str):
    fleet.behave([2], behaviour)
    with pytest.raises(EngineError) as raised, Engine(fleet.urls[2], timeout=1) as client:
        collect(client)
    assert raised.value.kind == kind
    read(fleet.urls[3])
    fleet.behave([2], "")
    read(fleet.urls[2])


def test_a_slow_host_answers(fleet: Simulator):
    fleet.behave([1], "slow")
    assert read(fleet.urls[1]).containers
    fleet.behave([1], "")


def test_what_is_asked_wrongly_is_refused(fleet: Simulator):
    with pytest.raises(RuntimeError, match="asleep is none of"):
        fleet.behave([1], "asleep")
    with pytest.raises(RuntimeError, match="rusty is none of"):
        fleet.mend("rusty")
