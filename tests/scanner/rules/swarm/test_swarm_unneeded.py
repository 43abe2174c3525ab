import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rule import NotApplicable
from scanner.rules.swarm.swarm_unneeded import Parameters, check
from tests.recorded import container, host, without
from tests.scanner.rules.engine.hosts import PODMAN, fails, lacking, passes, seen
from tests.scanner.rules.swarm.hosts import MANAGER, WORKER, in_state, told

USUAL = Parameters()
TASK = container("_swarm_task")


def test_no_swarm_passes():
    assert seen(check, host(), USUAL) == []


def test_a_swarm_without_services_fails_and_one_with_some_passes():
    assert fails(seen(check, MANAGER, USUAL, swarm=told(services=())))
    assert passes(seen(check, MANAGER, USUAL, swarm=told()))


def test_a_task_shows_that_the_swarm_is_used_on_any_node():
    [shown] = seen(check, WORKER, USUAL, TASK)
    assert shown.evidence[0].found == 1


def test_a_worker_without_tasks_does_not_know():
    with pytest.raises(Unread, match="manager"):
        seen(check, WORKER, USUAL, container("isolation_plain"))


@pytest.mark.parametrize("state", ["pending", "error", "locked"])
def test_a_node_that_is_not_in_its_swarm_does_not_know(state):
    with pytest.raises(Unread, match=state):
        seen(check, in_state(state), USUAL)


def test_the_policy_may_say_that_it_is_meant():
    assert seen(check, MANAGER, Parameters(True), swarm=told(services=())) == []


def test_what_was_not_read_is_unknown():
    with pytest.raises(Unread):
        seen(check, lacking("swarm_state"), USUAL)
    with pytest.raises(Unread, match="services"):
        seen(check, MANAGER, USUAL, swarm=told("services"))
    with pytest.raises(Unread, match="swarm"):
        seen(check, MANAGER, USUAL)
    with pytest.raises(Unread, match="Labels"):
        seen(check, MANAGER, USUAL, without(TASK, "labels"), swarm=told(services=()))


def test_podman_has_no_swarm():
    with pytest.raises(NotApplicable):
        seen(check, replace(PODMAN, swarm_state="inactive"), USUAL)
