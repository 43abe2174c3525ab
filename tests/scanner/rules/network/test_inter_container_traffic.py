import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rule import NoParameters, NotApplicable
from scanner.rules.network.inter_container_traffic import OPTION, check
from tests.recorded import context, host, networks

NONE = NoParameters()


def judged(value):
    """The recorded engine with another value of the option; None leaves it out."""
    changed = []
    for network in networks():
        options = {name: old for name, old in network.options.items() if name != OPTION}
        if network.default_bridge and value is not None:
            options[OPTION] = value
        changed.append(replace(network, options=options))
    return list(check(host(), context(networks=tuple(changed)), NONE))


def test_the_engine_as_it_comes_fails():
    [flaw] = check(host(), context(networks=networks()), NONE)
    assert flaw.evidence[0].found == "true"
    assert flaw.evidence[0].fact == f"network bridge: Options.{OPTION}"


def test_traffic_switched_off_passes():
    assert judged("false") == []


def test_an_engine_that_does_not_name_the_option_has_it_on():
    [flaw] = judged(None)
    assert flaw.evidence[0].found is None


def test_other_bridges_are_not_judged():
    others = tuple(n for n in networks("_networks_network") if not n.default_bridge)
    assert any(network.driver == "bridge" for network in others)
    with pytest.raises(NotApplicable, match="no default bridge"):
        list(check(host(), context(networks=others), NONE))


def test_networks_that_were_not_read_leave_it_unknown():
    with pytest.raises(Unread, match="networks"):
        list(check(host(), context(networks=None), NONE))
