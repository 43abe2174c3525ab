import pytest
from msgspec.structs import replace

from scanner.model import Port, Unread
from scanner.remedy import docker_run, written
from scanner.rules.network.port_interface import Parameters, change, check
from tests.recorded import container, context, networks, without

USUAL = Parameters()
NETWORKS = networks("_networks_network")
ALL = context(container("net_service"), container("net_host"), networks=NETWORKS)


def found(subject, parameters=USUAL, on=ALL):
    return [flaw.sub_object for flaw in check(subject, on, parameters)]


def test_each_port_without_an_address_fails_and_both_families_are_one():
    assert found(container("ports_running")) == [
        "0.0.0.0:22->22/tcp",
        "0.0.0.0:8090-8095->90/tcp",
        "0.0.0.0:any->8080/tcp",
    ]


def test_what_the_engine_picked_is_evidence_and_no_part_of_the_name():
    flaws = {flaw.sub_object: flaw for flaw in check(container("ports_running"), ALL, USUAL)}
    assert flaws["0.0.0.0:any->8080/tcp"].evidence[0].found["host_port"] >= 32768


@pytest.mark.parametrize("address", ["", "0.0.0.0", "::", "[::]", "0:0:0:0:0:0:0:0"])
def test_every_way_to_say_every_interface_fails(address):
    port = Port(80, "tcp", address, 8080)
    assert len(found(replace(container("ports_local"), ports=(port,)))) == 1


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "192.0.2.7", "fe80::1"])
def test_one_address_passes(address):
    port = Port(80, "tcp", address, 8080)
    assert found(replace(container("ports_local"), ports=(port,))) == []


def test_a_stopped_container_is_judged_by_what_it_asks_for():
    assert found(container("ports_created")) == [
        "0.0.0.0:22->22/tcp",
        "0.0.0.0:53->53/udp",
        "0.0.0.0:80->80/tcp",
        "[::]:8082->82/tcp",
        "0.0.0.0:443->443/udp",
        "0.0.0.0:5900->5900/tcp",
        "0.0.0.0:any->8080/tcp",
    ]
    [flaw] = check(replace(container("net_service"), status="exited"), ALL, USUAL)
    assert flaw.evidence[0].fact == "HostConfig.PortBindings"


def test_the_same_port_has_the_same_name_before_and_after_a_start():
    before = Port(80, "tcp", "", 8080), Port(81, "tcp", "", None)
    after = Port(80, "tcp", "0.0.0.0", 8080), Port(81, "tcp", "0.0.0.0", 49153, "any")
    assert list(map(str, before)) == list(map(str, after))


def test_a_paused_container_is_judged_by_what_is_bound():
    [flaw] = check(replace(container("net_service"), status="paused"), ALL, USUAL)
    assert flaw.evidence[0].fact == "NetworkSettings.Ports"


def test_the_address_that_the_network_gives_to_ports_without_one_counts():
    assert found(container("ports_by_network")) == []
    assert found(container("ports_by_network"), on=context()) == ["0.0.0.0:8086->86/tcp"]


def test_the_address_of_the_default_bridge_counts_for_those_on_it():
    option = {"com.docker.network.bridge.host_binding_ipv4": "127.0.0.1"}
    here = tuple(replace(n, options={**n.options, **option}) for n in NETWORKS)
    assert found(container("ports_created"), on=context(networks=here)) == ["[::]:8082->82/tcp"]


def test_publish_all_opens_each_exposed_port_that_is_not_published_otherwise():
    expected = ["0.0.0.0:any->8080/tcp"]
    assert found(container("publish_all_running")) == expected
    assert found(container("publish_all_created")) == [*expected, "0.0.0.0:any->9000/tcp"]


def test_the_policy_may_allow_ports():
    allowed = Parameters(allowed=(22, *range(8090, 8096)))
    assert found(container("ports_running"), allowed) == ["0.0.0.0:any->8080/tcp"]


def test_a_joined_network_has_the_ports_of_its_owner():
    assert found(container("net_joins_service")) == ["0.0.0.0:8080->80/tcp"]


def test_on_the_hosts_network_it_is_unknown():
    with pytest.raises(Unread):
        found(container("net_host"))


@pytest.mark.parametrize("fact", ["ports", "network_mode"])
def test_what_was_not_read_is_unknown(fact):
    with pytest.raises(Unread):
        found(without(container("ports_running"), fact))


@pytest.mark.parametrize(
    "name", ["ports_created", "ports_running", "publish_all_created", "publish_all_running"]
)
def test_the_change_passes(name):
    assert found(change(container(name))) == []


def test_the_change_writes_a_port_of_both_families_once():
    command = "\n".join(docker_run(change(written(container("ports_running")))))
    assert command.count("127.0.0.1::8080") == 1
    assert "127.0.0.1:8090-8095:90" in command
