import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rule import NoParameters, NotApplicable
from scanner.rules.engine.userland_proxy import check
from tests.recorded import host
from tests.scanner.rules.engine.hosts import FILE, PODMAN, fails, lacking, machine, passes, seen

NONE = NoParameters()
TELLING = replace(host(), version="29.5.0", firewall={"Driver": "iptables"})


def test_an_engine_that_hides_it_is_unknown_without_the_machine():
    with pytest.raises(Unread, match="SSH"):
        seen(check, host(), NONE)
    with pytest.raises(Unread, match="SSH"):
        seen(check, replace(TELLING, version="29.4.3"), NONE)


def test_the_machine_tells_of_an_engine_that_hides_it():
    assert fails(seen(check, host(), NONE, machine=machine()))
    [shown] = seen(check, host(), NONE, machine=machine(b'{"userland-proxy": false}'))
    assert shown.evidence[0].fact == f"{FILE}: userland-proxy"
    [flaw] = seen(check, host(), NONE, machine=machine(**{"userland-proxy": True}))
    assert flaw.evidence[0].fact == "dockerd --userland-proxy"


def test_a_file_that_is_newer_than_the_daemon_proves_nothing():
    with pytest.raises(Unread, match="after the daemon"):
        seen(check, host(), NONE, machine=machine(b'{"userland-proxy": false}', stale=True))


def test_from_29_5_on_the_engine_tells_it_where_it_is_on():
    on = replace(TELLING, firewall={"Driver": "iptables", "EnableUserlandProxy": "true"})
    assert fails(seen(check, on, NONE))
    assert passes(seen(check, TELLING, NONE))
    assert passes(seen(check, replace(TELLING, version="30.0.0"), NONE))


def test_the_answer_of_a_newer_engine_without_its_firewall_is_unknown():
    with pytest.raises(Unread, match="Firewall"):
        seen(check, replace(lacking("firewall"), version="29.5.0"), NONE)


def test_a_version_that_is_none_is_not_taken_for_a_new_one():
    with pytest.raises(Unread, match="SSH"):
        seen(check, replace(TELLING, version="dev"), NONE)


def test_podman_has_none():
    with pytest.raises(NotApplicable):
        seen(check, PODMAN, NONE, machine=machine())
