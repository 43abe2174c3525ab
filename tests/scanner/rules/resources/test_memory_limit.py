import pytest

from scanner.model import Unread
from scanner.rule import Flaw, Shown
from scanner.rules.resources.memory_limit import Parameters, change, check
from tests.recorded import container, context, without

USUAL = Parameters()


def judged(subject, parameters=USUAL):
    [found] = check(subject, context(), parameters)
    return found


@pytest.mark.parametrize("name", ["resources_plain", "memory_zero"])
def test_no_limit_fails(name):
    flaw = judged(container(name))
    assert isinstance(flaw, Flaw)
    assert flaw.evidence[0].found == 0


@pytest.mark.parametrize("name", ["memory_bounded", "memory_endless_swap"])
def test_a_limit_passes_and_is_shown(name):
    fact = judged(container(name))
    assert isinstance(fact, Shown)
    assert fact.evidence[0].found == 64 * 1024**2


def test_the_policy_may_have_a_ceiling():
    assert isinstance(judged(container("memory_bounded"), Parameters(maximum_mib=64)), Shown)
    flaw = judged(container("memory_bounded"), Parameters(maximum_mib=63))
    assert isinstance(flaw, Flaw)
    assert flaw.evidence[0].wanted == "at most 66060288 bytes"


def test_the_policy_may_ask_for_a_bound_for_swap():
    strict = Parameters(bounded_swap=True)
    for name in ("memory_bounded", "memory_default_swap", "memory_no_swap"):
        assert isinstance(judged(container(name), strict), Shown)
    flaw = judged(container("memory_endless_swap"), strict)
    assert isinstance(flaw, Flaw)
    assert (flaw.evidence[0].fact, flaw.evidence[0].found) == ("HostConfig.MemorySwap", -1)


def test_what_was_not_read_is_unknown():
    with pytest.raises(Unread, match="Memory"):
        judged(without(container("memory_bounded"), "memory"))
    with pytest.raises(Unread, match="MemorySwap"):
        judged(without(container("memory_bounded"), "memory_swap"), Parameters(bounded_swap=True))


@pytest.mark.parametrize("name", ["resources_plain", "memory_zero", "memory_endless_swap"])
def test_the_change_passes_even_where_swap_must_be_bounded(name):
    assert isinstance(judged(change(container(name)), Parameters(bounded_swap=True)), Shown)


def test_the_change_keeps_a_limit_and_is_never_below_what_is_reserved():
    assert change(container("memory_bounded")) == container("memory_bounded")
    assert change(container("memory_reserved")).memory == 1024**3
