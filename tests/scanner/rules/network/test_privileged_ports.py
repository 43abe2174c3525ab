import pytest
from msgspec import UNSET
from msgspec.structs import replace

from scanner.model import Port, Unread
from scanner.rule import Severity
from scanner.rules.network.privileged_ports import Parameters, change, check
from tests.recorded import container, context, networks, swarm, without

SERVICE_ID = "com.docker.swarm.service.id"
USUAL = Parameters()
ALL = context(container("net_service"), container("net_host"))


def found(subject, parameters=USUAL, on=ALL):
    return {flaw.sub_object: flaw.severity for flaw in check(subject, on, parameters)}


def publishing(*ports):
    return replace(container("ports_local"), ports=ports)


def test_ports_below_1024_fail_unless_allowed_and_1024_does_not():
    assert found(container("ports_created")) == {
        "0.0.0.0:22->22/tcp": Severity.CRITICAL,
        "0.0.0.0:53->53/udp": None,
        "127.0.0.1:1023->1023/tcp": None,
        "0.0.0.0:5900->5900/tcp": Severity.CRITICAL,
    }


def test_one_port_on_both_families_fails_once_with_what_the_engine_says():
    [flaw] = check(container("ports_running"), ALL, USUAL)
    assert flaw.sub_object == "0.0.0.0:22->22/tcp"
    [fact] = flaw.evidence
    assert fact.fact == "NetworkSettings.Ports"
    assert fact.found == {"host_ip": "0.0.0.0", "host_port": 22, "container_port": "22/tcp"}


@pytest.mark.parametrize("number", [21, 22, 23, 25, 110, 2375, 3389, 5900])
def test_remote_administration_is_critical_by_the_hosts_port(number):
    assert set(found(publishing(Port(8080, "tcp", "", number))).values()) == {Severity.CRITICAL}
    assert found(publishing(Port(number, "tcp", "", 8080))) == {}


def test_remote_administration_speaks_tcp():
    udp = publishing(Port(5900, "udp", "", 5900), Port(22, "udp", "", 22))
    assert found(udp) == {"0.0.0.0:22->22/udp": None}


def test_a_range_that_begins_below_1024_or_holds_an_administrative_port_fails():
    assert found(container("ports_range")) == {
        "0.0.0.0:1020-1030->80/tcp": None,
        "0.0.0.0:80-90->81/tcp": None,
        "0.0.0.0:2370-2380->82/tcp": Severity.CRITICAL,
    }


def test_the_port_that_was_picked_of_a_range_decides():
    assert found(publishing(Port(80, "tcp", "", 1024, "1020-1030"))) == {}
    assert found(publishing(Port(80, "tcp", "", 1020, "1020-1030"))) == {
        "0.0.0.0:1020-1030->80/tcp": None
    }


def test_the_policy_allows_ports_of_either_kind():
    allowed = Parameters(allowed=(22, 53, 1023, 5900))
    assert set(found(container("ports_created"), allowed)) == {
        "0.0.0.0:80->80/tcp",
        "0.0.0.0:443->443/udp",
    }
    [flaw] = check(publishing(Port(80, "tcp", "", 80)), ALL, Parameters(allowed=()))
    assert flaw.evidence[0].wanted.endswith("only: none")


def test_on_the_hosts_network_it_is_unknown():
    for name in ("net_host", "net_joins_host"):
        with pytest.raises(Unread, match="every port that a program opens"):
            found(container(name))


def test_without_a_network_nothing_is_published():
    assert found(container("net_none_publishing")) == {}


def test_a_joined_network_has_the_ports_of_its_owner():
    owner = replace(container("net_service"), ports=(Port(80, "tcp", "", 25),))
    [flaw] = check(container("net_joins_service"), context(owner), USUAL)
    assert flaw.evidence[0].fact == "NetworkSettings.Ports of net_service"


def test_a_task_in_the_routing_mesh_has_ports_that_only_a_manager_tells():
    labels = {"com.docker.swarm.service.name": "web"}
    meshed = context(networks=networks("_networks_network"))
    task = replace(container("ports_local"), labels=labels, networks=("ingress", "shop"), ports=())
    with pytest.raises(Unread, match="manager"):
        found(task, on=meshed)
    assert found(replace(task, networks=("shop",)), on=meshed) == {}


def test_a_manager_tells_what_the_mesh_publishes_of_its_tasks():
    task = container("_swarm_task")
    manager = context(task, networks=networks("_swarm_networks"), swarm=swarm())
    all_of_them = Parameters(remote_administration=(8080, 8081, 30000))
    assert found(task, all_of_them, manager) == {
        "0.0.0.0:8081->81/tcp": Severity.CRITICAL,
        "0.0.0.0:8080->80/tcp": Severity.CRITICAL,
        "0.0.0.0:any->82/tcp": Severity.CRITICAL,
    }
    facts = [flaw.evidence[0].fact for flaw in check(task, manager, all_of_them)]
    assert facts == ["NetworkSettings.Ports", *["service web: Endpoint.Ports"] * 2]
    assert found(task, USUAL, manager) == {}


def test_a_service_that_the_manager_does_not_tell_of_is_unknown():
    task = container("_swarm_task")
    for services in ((), (replace(swarm().services[-1], ports=UNSET),)):
        others = tuple(replace(one, id=task.labels[SERVICE_ID]) for one in services)
        manager = context(
            task,
            networks=networks("_swarm_networks"),
            swarm=replace(swarm(), services=others),
        )
        with pytest.raises(Unread, match="service"):
            found(task, on=manager)


@pytest.mark.parametrize("fact", ["ports", "network_mode", "status"])
def test_what_was_not_read_is_unknown(fact):
    with pytest.raises(Unread):
        found(without(container("ports_running"), fact))


@pytest.mark.parametrize("name", ["ports_created", "ports_range", "ports_running"])
def test_the_change_passes_and_leaves_the_other_ports(name):
    changed = change(container(name))
    assert found(changed) == {}
    assert any(port.host_port is None or port.host_port > 1023 for port in changed.ports)


def test_the_change_moves_a_port_up_and_takes_remote_administration_away():
    ports = (Port(53, "udp", "", 53), Port(22, "tcp", "", 22), Port(8080, "tcp", "", 8080))
    assert change(publishing(*ports)).ports == (Port(53, "udp", "", 8053), ports[2])
