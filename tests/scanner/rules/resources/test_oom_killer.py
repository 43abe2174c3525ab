import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rules.resources.oom_killer import Parameters, change, check
from tests.recorded import container, context, without

USUAL = Parameters()


def failing(subject, parameters=USUAL):
    return [flaw.sub_object for flaw in check(subject, context(), parameters)]


def test_a_killer_that_is_switched_off_and_a_lowered_score_fail_each():
    assert failing(container("oom_kill_disabled")) == ["oom-kill-disable"]
    assert failing(container("oom_score_lowered")) == ["oom-score-adj"]
    both = replace(container("oom_kill_disabled"), oom_score_adj=-1)
    assert failing(both) == ["oom-kill-disable", "oom-score-adj"]


@pytest.mark.parametrize("name", ["resources_plain", "oom_score_raised"])
def test_the_default_and_a_raised_score_pass(name):
    assert failing(container(name)) == []


def test_the_policy_may_allow_a_lower_score():
    assert failing(container("oom_score_lowered"), Parameters(-500)) == []
    assert failing(container("oom_score_lowered"), Parameters(-499)) == ["oom-score-adj"]


@pytest.mark.parametrize("fact", ["oom_kill_disable", "oom_score_adj"])
def test_what_was_not_read_is_unknown(fact):
    with pytest.raises(Unread):
        failing(without(container("resources_plain"), fact))


@pytest.mark.parametrize("name", ["oom_kill_disabled", "oom_score_lowered"])
def test_the_change_passes(name):
    assert failing(change(container(name))) == []


def test_the_change_keeps_a_raised_score():
    assert change(container("oom_score_raised")) == container("oom_score_raised")
