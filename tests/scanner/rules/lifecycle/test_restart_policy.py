import json

import pytest
from msgspec.structs import replace

from scanner import parse
from scanner.model import RestartPolicy, Unread
from scanner.rules.lifecycle.restart_policy import Parameters, change, check
from tests.recorded import answer, container, context, swarm, without


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


def test_the_service_decides_over_a_swarm_task_and_only_a_manager_tells():
    with pytest.raises(Unread, match="manager"):
        list(check(container("restart_by_swarm"), context(), Parameters()))


@pytest.mark.parametrize(
    ("condition", "attempts", "fails"),
    [
        ("any", 0, True),
        ("any", 6, True),
        ("any", 5, False),
        ("on-failure", 0, True),
        ("on-failure", 3, False),
        ("none", 0, False),
        ("acme", 0, True),
    ],
)
def test_the_services_policy_is_that_of_its_tasks(condition, attempts, fails):
    policy = RestartPolicy(condition, attempts)
    services = tuple(replace(service, restart_policy=policy) for service in swarm().services)
    manager = context(swarm=replace(swarm(), services=services))
    found = list(check(container("_swarm_task"), manager, Parameters()))
    assert bool(found) == fails
    for flaw in found:
        assert flaw.evidence[0].fact == "service web: Spec.TaskTemplate.RestartPolicy"


def test_a_service_without_a_policy_restarts_for_ever_and_without_a_template_is_unknown():
    services = answer("_swarm_services")
    del services[0]["Spec"]["TaskTemplate"]["RestartPolicy"]
    assert list(check(container("_swarm_task"), told(services), Parameters()))
    del services[0]["Spec"]["TaskTemplate"]
    with pytest.raises(Unread, match="RestartPolicy"):
        list(check(container("_swarm_task"), told(services), Parameters()))


def told(services):
    """The recorded manager, with this answer of its services."""
    names = ("_swarm", "_swarm_nodes", services, "_swarm_secrets")
    bodies = (answer(name) if isinstance(name, str) else name for name in names)
    return context(swarm=parse.swarm(*(json.dumps(body).encode() for body in bodies)))


def test_a_policy_that_was_not_read_is_unknown():
    with pytest.raises(Unread):
        list(check(without(container("restart_always"), "restart_policy"), context(), Parameters()))


def test_the_change_bounds_the_restarts():
    assert change(container("restart_always")).restart_policy == RestartPolicy("on-failure", 5)
