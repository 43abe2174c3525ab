import pytest
from msgspec.structs import replace

from scanner.model import Healthcheck, Unread
from scanner.rule import NoParameters
from scanner.rules.lifecycle.healthcheck import change, check
from tests.recorded import container, context, without

NONE = NoParameters()


def test_no_health_check_fails():
    [flaw] = check(container("lifecycle_plain"), context(), NONE)
    assert flaw.evidence[0].found is None


def test_a_health_check_that_was_switched_off_fails():
    [flaw] = check(container("healthcheck_none"), context(), NONE)
    assert flaw.evidence[0].found == ["NONE"]


@pytest.mark.parametrize("test", [("ls", "/"), ("none",), ("",), ("cmd", "ls")])
def test_what_the_engine_does_not_run_is_no_health_check(test):
    odd = replace(container("healthcheck_given"), healthcheck=Healthcheck(test))
    [flaw] = check(odd, context(), NONE)
    assert flaw.evidence[0].found == list(test)


@pytest.mark.parametrize("name", ["healthcheck_given", "healthcheck_starting"])
def test_a_health_check_passes_running_or_not(name):
    assert not list(check(container(name), context(), NONE))


def test_a_health_check_that_was_not_read_is_unknown():
    with pytest.raises(Unread):
        list(check(without(container("healthcheck_given"), "healthcheck"), context(), NONE))


def test_the_change_passes():
    assert not list(check(change(container("healthcheck_none")), context(), NONE))
