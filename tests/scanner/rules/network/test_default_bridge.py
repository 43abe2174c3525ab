import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rule import NoParameters
from scanner.rules.network.default_bridge import change, check
from tests.recorded import container, context, networks, without

NONE = NoParameters()
NETWORKS = networks("_networks_network")
OWNERS = tuple(map(container, ("net_service", "net_host", "net_pod_pause")))
ALL = context(*OWNERS, networks=NETWORKS)


def found(subject, on=ALL):
    return [[fact.found for fact in flaw.evidence] for flaw in check(subject, on, NONE)]


def test_the_network_that_nobody_names_fails():
    assert found(container("net_plain")) == [["default"]]
    assert found(container("net_running")) == [["default"]]
    assert found(container("net_bridge")) == [["bridge"]]
    assert found(replace(container("net_plain"), network_mode="")) == [[""]]


def test_being_connected_to_it_besides_another_network_fails():
    assert found(container("net_both")) == [[["bridge"]]]


def test_its_id_is_the_same_as_its_name():
    [bridge] = [network.id for network in NETWORKS if network.default_bridge]
    assert found(replace(container("net_plain"), network_mode=bridge)) == [[bridge]]


@pytest.mark.parametrize("name", ["net_own", "net_macvlan", "net_overlay", "net_none", "net_host"])
def test_every_other_network_passes(name):
    assert found(container(name)) == []


def test_joining_a_container_on_it_is_being_on_it():
    [[mode, owners]] = found(container("net_joins_service"))
    assert mode.startswith("container:")
    assert owners == "default"


def test_joining_one_without_a_network_passes():
    assert found(container("net_pod_web")) == []


def test_an_engine_without_a_default_bridge_has_nothing_to_be_on():
    without_bridge = tuple(network for network in NETWORKS if not network.default_bridge)
    assert found(container("net_plain"), context(networks=without_bridge)) == []


def test_without_the_engines_networks_the_name_decides():
    blind = context(networks=None)
    assert found(container("net_plain"), blind) == [["default"]]
    assert found(container("net_own"), blind) == []


@pytest.mark.parametrize("fact", ["network_mode", "networks"])
def test_what_was_not_read_is_unknown(fact):
    with pytest.raises(Unread):
        found(without(container("net_own"), fact))


@pytest.mark.parametrize(
    ("name", "mode", "attached"),
    [
        ("net_plain", "net_plain-net", ("net_plain-net",)),
        ("net_service", "shop_default", ("shop_default",)),
        ("net_both", "shop", ("shop",)),
    ],
)
def test_the_change_passes(name, mode, attached):
    changed = change(container(name))
    assert (changed.network_mode, changed.networks) == (mode, attached)
    assert found(changed) == []


def test_the_change_keeps_the_other_networks_of_one_that_began_on_the_bridge():
    began = replace(container("net_both"), network_mode="default")
    assert change(began).network_mode == "shop"


def test_one_that_joins_another_is_mended_there():
    joined = container("net_joins_service")
    assert change(joined) is joined
