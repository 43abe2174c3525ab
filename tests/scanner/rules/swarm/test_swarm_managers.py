import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rule import NotApplicable
from scanner.rules.swarm.swarm_managers import Parameters, check
from tests.recorded import host
from tests.scanner.rules.engine.hosts import PODMAN, fails, lacking, passes, seen
from tests.scanner.rules.swarm.hosts import MANAGER, WORKER, in_state

USUAL = Parameters()


def judged(managers, nodes, parameters=USUAL):
    known = replace(MANAGER, swarm_managers=managers, swarm_nodes=nodes)
    return seen(check, known, parameters)


@pytest.mark.parametrize(("managers", "nodes"), [(1, 1), (1, 2), (3, 3), (3, 40), (5, 9), (7, 7)])
def test_an_odd_number_that_fits_the_swarm_passes(managers, nodes):
    assert passes(judged(managers, nodes))


@pytest.mark.parametrize(("managers", "nodes"), [(1, 3), (2, 2), (4, 9), (6, 6), (9, 12)])
def test_one_for_many_and_even_numbers_and_too_many_fail(managers, nodes):
    assert fails(judged(managers, nodes))


def test_the_policy_sets_the_bounds():
    assert fails(judged(3, 9, Parameters(minimum=5)))
    assert passes(judged(1, 9, Parameters(minimum=1)))
    assert fails(judged(5, 9, Parameters(maximum=3)))


def test_numbers_that_cannot_be_are_unknown():
    with pytest.raises(Unread, match="0 managers"):
        judged(0, 0)
    with pytest.raises(Unread, match="3 managers"):
        judged(3, 1)


def test_it_has_no_meaning_without_a_swarm_and_is_not_a_workers_business():
    for known in (host(), WORKER, PODMAN):
        with pytest.raises(NotApplicable):
            seen(check, known, USUAL)


def test_what_was_not_read_is_unknown():
    with pytest.raises(Unread, match="locked"):
        seen(check, in_state("locked"), USUAL)
    for fact in ("swarm_state",):
        with pytest.raises(Unread):
            seen(check, lacking(fact), USUAL)
