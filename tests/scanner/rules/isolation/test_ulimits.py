import pytest

from scanner.model import Ulimit, Unread
from scanner.rules.isolation.ulimits import Parameters, change, check
from tests.recorded import container, context, without

USUAL = Parameters()


def failing(subject, parameters=USUAL):
    return [flaw.sub_object for flaw in check(subject, context(), parameters)]


def test_each_missing_limit_fails():
    assert failing(container("isolation_plain")) == ["nofile", "nproc"]
    assert failing(container("ulimits_one")) == ["nproc"]


def test_limits_that_are_set_pass():
    assert failing(container("ulimits_both")) == []


def test_a_limit_without_an_end_is_none():
    assert failing(container("ulimits_endless")) == ["nofile"]
    assert failing(change(container("ulimits_endless"))) == []


def test_the_policy_may_bound_the_hard_limit():
    bounded = Parameters(ceilings={"nofile": 4096, "core": 0})
    assert failing(container("ulimits_both"), bounded) == []
    assert failing(container("ulimits_one"), bounded) == ["nofile", "nproc"]
    [flaw] = check(container("ulimits_one"), context(), Parameters(("nofile",), {"nofile": 1024}))
    assert flaw.evidence[0].found == {"soft": 1024, "hard": 1048576}


def test_minus_one_is_no_limit_and_above_every_ceiling():
    assert failing(container("ulimits_endless"), Parameters(ceilings={"nofile": 4096})) == [
        "nofile"
    ]


def test_the_policy_names_the_limits_that_must_be_there():
    assert failing(container("isolation_plain"), Parameters(required=())) == []
    assert failing(container("ulimits_both"), Parameters(required=("core",))) == ["core"]


def test_what_was_not_read_is_unknown():
    with pytest.raises(Unread, match="Ulimits"):
        failing(without(container("ulimits_both"), "ulimits"))


def test_the_change_passes_and_keeps_what_is_set():
    assert failing(change(container("isolation_plain"))) == []
    assert Ulimit("nofile", 1024, 1048576) in change(container("ulimits_one")).ulimits
