import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rule import Flaw, NoParameters, NotApplicable, Shown
from scanner.rules.resources.memory_swap_limit import change, check
from tests.recorded import container, context, without

NONE = NoParameters()
MIB = 1024**2


def judged(subject):
    [found] = check(subject, context(), NONE)
    return found


def test_minus_one_is_without_bound():
    flaw = judged(container("memory_endless_swap"))
    assert isinstance(flaw, Flaw)
    assert [fact.found for fact in flaw.evidence] == [-1, 64 * MIB]


@pytest.mark.parametrize(
    ("name", "together"),
    [("memory_bounded", 96), ("memory_default_swap", 128), ("memory_no_swap", 64)],
)
def test_a_bound_passes_be_it_the_engines_own_or_no_swap_at_all(name, together):
    fact = judged(container(name))
    assert isinstance(fact, Shown)
    assert fact.evidence[0].found == together * MIB


def test_zero_is_as_much_swap_as_memory():
    fact = judged(replace(container("memory_default_swap"), memory_swap=0))
    assert isinstance(fact, Shown)
    assert fact.evidence[0].found == 128 * MIB


@pytest.mark.parametrize("name", ["resources_plain", "memory_zero"])
def test_without_a_memory_limit_it_has_no_meaning(name):
    with pytest.raises(NotApplicable, match="memory limit"):
        judged(container(name))


@pytest.mark.parametrize("fact", ["memory", "memory_swap"])
def test_what_was_not_read_is_unknown(fact):
    with pytest.raises(Unread):
        judged(without(container("memory_bounded"), fact))


def test_the_change_bounds_what_has_no_bound_and_nothing_else():
    assert isinstance(judged(change(container("memory_endless_swap"))), Shown)
    assert change(container("memory_bounded")) == container("memory_bounded")
    assert change(container("memory_zero")) == container("memory_zero")
