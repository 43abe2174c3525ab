import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rule import Flaw, Shown
from scanner.rules.resources.pids_limit import Parameters, change, check
from tests.recorded import container, context, without

USUAL = Parameters()


def judged(subject, parameters=USUAL):
    [found] = check(subject, context(), parameters)
    return found


@pytest.mark.parametrize("name", ["resources_plain", "pids_zero", "pids_endless"])
def test_no_limit_fails_however_it_is_written(name):
    assert isinstance(judged(container(name)), Flaw)


@pytest.mark.parametrize("limit", [None, 0, -1])
def test_every_way_in_which_an_engine_may_say_none_fails(limit):
    flaw = judged(replace(container("pids_limit"), pids_limit=limit))
    assert isinstance(flaw, Flaw)
    assert flaw.evidence[0].found == limit


def test_a_limit_passes_and_is_shown():
    fact = judged(container("pids_limit"))
    assert isinstance(fact, Shown)
    assert fact.evidence[0].found == 100


def test_the_policy_has_a_ceiling_or_none():
    assert isinstance(judged(container("pids_limit"), Parameters(maximum=100)), Shown)
    assert isinstance(judged(container("pids_limit"), Parameters(maximum=99)), Flaw)
    huge = replace(container("pids_limit"), pids_limit=4194304)
    assert isinstance(judged(huge), Flaw)
    assert isinstance(judged(huge, Parameters(maximum=0)), Shown)


def test_what_was_not_read_is_unknown():
    with pytest.raises(Unread, match="PidsLimit"):
        judged(without(container("pids_limit"), "pids_limit"))


def test_the_change_passes_and_keeps_a_limit():
    assert isinstance(judged(change(container("pids_endless"))), Shown)
    assert isinstance(judged(change(replace(container("pids_limit"), pids_limit=9999))), Shown)
    assert change(container("pids_limit")) == container("pids_limit")
