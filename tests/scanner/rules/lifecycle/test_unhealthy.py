import pytest
from msgspec.structs import replace

from scanner.model import Health, Unread
from scanner.rule import NoParameters, NotApplicable
from scanner.rules.lifecycle.unhealthy import check
from tests.recorded import container, context, without

NONE = NoParameters()
FAILING = Health("unhealthy", 3, "connection refused")


def test_a_failing_probe_fails_with_what_it_said():
    sick = replace(container("healthcheck_starting"), health=FAILING)
    [flaw] = check(sick, context(), NONE)
    found = {evidence.fact: evidence.found for evidence in flaw.evidence}
    assert found["State.Health.Status"] == "unhealthy"
    assert found["State.Health.FailingStreak"] == 3
    assert found["State.Health.Log"] == "connection refused"


def test_a_probe_that_succeeds_passes():
    well = replace(container("healthcheck_starting"), health=Health("healthy", 0, ""))
    assert not list(check(well, context(), NONE))


def test_before_the_first_probe_nothing_is_known():
    for health in (Health("starting", 0, ""), None):
        starting = replace(container("healthcheck_starting"), health=health)
        with pytest.raises(Unread, match="decided"):
            list(check(starting, context(), NONE))


@pytest.mark.parametrize("status", ["created", "exited", "paused", "restarting"])
def test_the_engine_calls_what_does_not_run_unhealthy_and_we_do_not(status):
    resting = replace(container("healthcheck_starting"), status=status, health=FAILING)
    with pytest.raises(Unread, match=status):
        list(check(resting, context(), NONE))


@pytest.mark.parametrize("name", ["lifecycle_plain", "healthcheck_none"])
def test_without_a_health_check_it_has_no_meaning(name):
    with pytest.raises(NotApplicable):
        list(check(container(name), context(), NONE))


@pytest.mark.parametrize("fact", ["health", "healthcheck", "status"])
def test_a_fact_that_was_not_read_is_unknown(fact):
    with pytest.raises(Unread):
        list(check(without(container("healthcheck_starting"), fact), context(), NONE))
