import pytest

from scanner.model import Unread
from scanner.rule import NoParameters
from scanner.rules.isolation.host_uts_namespace import change, check
from tests.recorded import container, context, without

NONE = NoParameters()


def test_the_hosts_namespace_fails():
    [flaw] = check(container("uts_host"), context(), NONE)
    assert flaw.evidence[0].fact == "HostConfig.UTSMode"


@pytest.mark.parametrize("name", ["isolation_plain", "privileged", "pid_host"])
def test_a_namespace_of_its_own_passes(name):
    assert not list(check(container(name), context(), NONE))


def test_what_was_not_read_is_unknown():
    with pytest.raises(Unread, match="UTSMode"):
        list(check(without(container("uts_host"), "uts_mode"), context(), NONE))


def test_the_change_passes():
    assert not list(check(change(container("uts_host")), context(), NONE))
