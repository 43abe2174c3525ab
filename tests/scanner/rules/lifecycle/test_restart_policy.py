import pytest

from scanner.model import RestartPolicy, Unread
from scanner.rules.lifecycle.restart_policy import Parameters, change, check
from tests.recorded import container, context, without


@pytest.mark.parametrize(
    ("name", "policy"),
    [
        ("restart_always", "always"),
        ("restart_unless_stopped", "unless-stopped"),
        ("restart_on_failure", "on-failure"),
        ("restart_on_failure_6", "on-failure"),
    ],
)
def test_restarts_without_an_end_or_above_five_fail(name, policy):
    [flaw] = check(container(name), context(), Parameters())
    assert flaw.evidence[0].found["name"] == policy


@pytest.mark.parametrize("name", ["lifecycle_plain", "restart_on_failure_5"])
def test_no_restarts_and_a_bounded_number_pass(name):
    assert not list(check(container(name), context(), Parameters()))


def test_the_policy_may_allow_more_retries_or_fewer():
    assert not list(check(container("restart_on_failure_6"), context(), Parameters(6)))
    assert list(check(container("restart_on_failure_5"), context(), Parameters(4)))


def test_the_service_decides_over_a_swarm_task():
    with pytest.raises(Unread, match="service"):
        list(check(container("restart_by_swarm"), context(), Parameters()))


def test_a_policy_that_was_not_read_is_unknown():
    with pytest.raises(Unread):
        list(check(without(container("restart_always"), "restart_policy"), context(), Parameters()))


def test_the_change_bounds_the_restarts():
    assert change(container("restart_always")).restart_policy == RestartPolicy("on-failure", 5)
