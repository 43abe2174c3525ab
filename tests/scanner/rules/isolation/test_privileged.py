import pytest

from scanner.model import Unread
from scanner.rule import NoParameters
from scanner.rules.isolation.privileged import RULE, change, check
from tests.recorded import container, context, without

NONE = NoParameters()


def test_a_privileged_container_fails():
    [flaw] = check(container("privileged"), context(), NONE)
    assert flaw.evidence[0].fact == "HostConfig.Privileged"
    assert RULE.severity.value == "critical"


def test_another_container_passes():
    assert not list(check(container("isolation_plain"), context(), NONE))


def test_every_capability_is_not_yet_privileged():
    assert not list(check(container("cap_add_all"), context(), NONE))


def test_a_container_that_was_not_read_is_unknown():
    with pytest.raises(Unread, match="Privileged"):
        list(check(without(container("privileged"), "privileged"), context(), NONE))


def test_the_change_passes():
    assert not list(check(change(container("privileged")), context(), NONE))
