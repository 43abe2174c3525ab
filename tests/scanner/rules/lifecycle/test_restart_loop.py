import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rules.lifecycle.restart_loop import Parameters, check
from tests.recorded import container, context, without


def test_a_container_between_two_restarts_fails():
    looping = replace(container("restart_always"), status="restarting", restart_count=1)
    [flaw] = check(looping, context(), Parameters())
    assert flaw.evidence[0].fact == "State.Status"


@pytest.mark.parametrize("status", ["running", "exited"])
def test_more_restarts_than_allowed_fail_whatever_the_container_does_now(status):
    looped = replace(container("restart_always"), status=status, restart_count=6)
    [flaw] = check(looped, context(), Parameters())
    assert flaw.evidence[0].found == 6


def test_few_restarts_pass():
    assert not list(check(container("restart_always"), context(), Parameters()))
    some = replace(container("restart_always"), restart_count=5)
    assert not list(check(some, context(), Parameters()))


def test_the_policy_says_how_many_restarts_are_too_many():
    once = replace(container("restart_always"), restart_count=1)
    assert list(check(once, context(), Parameters(maximum_restarts=0)))


@pytest.mark.parametrize("fact", ["status", "restart_count"])
def test_a_count_or_a_state_that_was_not_read_is_unknown(fact):
    with pytest.raises(Unread):
        list(check(without(container("restart_always"), fact), context(), Parameters()))
