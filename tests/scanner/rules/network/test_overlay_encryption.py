import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rule import Flaw, NoParameters, NotApplicable, Shown
from scanner.rules.network.overlay_encryption import check
from tests.recorded import context, networks

BY_NAME = {network.name: network for network in networks("_networks_network")}


def judged(network):
    [found] = check(network, context(), NoParameters())
    return found


def test_an_overlay_without_the_option_fails():
    assert isinstance(judged(BY_NAME["fabric"]), Flaw)


def test_the_option_encrypts_by_being_there():
    assert BY_NAME["fabric_secret"].options["encrypted"] == ""
    assert isinstance(judged(BY_NAME["fabric_secret"]), Shown)


@pytest.mark.parametrize("value", ["false", "False", "0"])
def test_an_option_that_says_no_does_not(value):
    assert isinstance(judged(replace(BY_NAME["fabric"], options={"encrypted": value})), Flaw)


def test_the_ingress_network_is_left_out_by_what_it_is_and_not_by_its_name():
    with pytest.raises(NotApplicable, match="by design"):
        judged(BY_NAME["ingress"])
    with pytest.raises(NotApplicable, match="by design"):
        judged(replace(BY_NAME["ingress"], name="front"))
    assert isinstance(judged(replace(BY_NAME["ingress"], ingress=False)), Flaw)


@pytest.mark.parametrize("name", ["bridge", "shop", "lan", "host", "none"])
def test_other_drivers_are_not_applicable(name):
    with pytest.raises(NotApplicable, match="not overlay"):
        judged(BY_NAME[name])


def test_a_driver_that_was_not_named_may_be_overlay():
    with pytest.raises(Unread, match="does not name"):
        judged(replace(BY_NAME["fabric"], driver=""))
