import pytest

from scanner.model import Unread
from scanner.rule import NoParameters
from scanner.rules.network.host_network import change, check
from tests.recorded import container, context, without

NONE = NoParameters()
HOSTS = ("net_host", "net_joins_host", "net_pod_host_pause", "net_pod_pause", "net_service")
ALL = context(*map(container, HOSTS))


def found(name):
    return [[fact.found for fact in flaw.evidence] for flaw in check(container(name), ALL, NONE)]


def test_the_hosts_network_fails():
    assert found("net_host") == [["host"]]


@pytest.mark.parametrize("name", ["net_joins_host", "net_joins_joined", "net_pod_host_web"])
def test_joining_a_container_on_the_hosts_network_is_the_hosts_network(name):
    [[mode, owners]] = found(name)
    assert mode.startswith("container:")
    assert owners == "host"


@pytest.mark.parametrize(
    "name",
    ["net_plain", "net_bridge", "net_none", "net_own", "net_macvlan", "net_overlay"],
)
def test_every_other_network_passes(name):
    assert found(name) == []


@pytest.mark.parametrize("name", ["net_joins_service", "net_pod_web"])
def test_joining_a_service_or_a_pod_with_a_network_of_its_own_passes(name):
    assert found(name) == []


def test_a_container_that_is_gone_leaves_it_unknown():
    with pytest.raises(Unread, match="not found"):
        list(check(container("net_joins_host"), context(), NONE))


def test_a_mode_that_was_not_read_is_unknown():
    with pytest.raises(Unread, match="NetworkMode"):
        list(check(without(container("net_host"), "network_mode"), ALL, NONE))


@pytest.mark.parametrize(
    ("name", "network"), [("net_host", "net_host-net"), ("net_joins_service", "shop_default")]
)
def test_the_change_passes_on_a_network_of_its_own_or_of_its_project(name, network):
    changed = change(container(name))
    assert changed.network_mode == network
    assert not list(check(changed, ALL, NONE))
