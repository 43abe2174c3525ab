import msgspec
import pytest

from scanner.model import Unread
from scanner.rule import Flaw, Shown
from scanner.rules.resources.cpu_limit import Parameters, change, check
from tests.recorded import container, context, without

USUAL = Parameters()


def judged(subject, parameters=USUAL):
    [found] = check(subject, context(), parameters)
    return found


@pytest.mark.parametrize(
    "name", ["resources_plain", "cpu_shares_default", "cpu_quota_endless", "cpu_period_alone"]
)
def test_no_limit_of_any_kind_fails_and_all_facts_are_told(name):
    flaw = judged(container(name))
    assert isinstance(flaw, Flaw)
    assert len(flaw.evidence) == 4


@pytest.mark.parametrize(
    ("name", "fact", "found"),
    [
        ("cpu_shares", "HostConfig.CpuShares", 512),
        ("cpu_nano", "HostConfig.NanoCpus", 500_000_000),
        ("cpu_quota", "HostConfig.CpuQuota", 50_000),
        ("cpu_set", "HostConfig.CpusetCpus", "0"),
    ],
)
def test_each_kind_of_limit_passes_and_is_shown(name, fact, found):
    passed = judged(container(name))
    assert isinstance(passed, Shown)
    assert [(given.fact, given.found) for given in passed.evidence] == [(fact, found)]


@pytest.mark.parametrize(
    ("accepted", "passing"),
    [
        ("quota", {"cpu_nano", "cpu_quota"}),
        ("shares", {"cpu_shares"}),
        ("cpuset", {"cpu_set"}),
    ],
)
def test_the_policy_chooses_what_counts(accepted, passing):
    only = Parameters((accepted,))
    names = {"cpu_nano", "cpu_quota", "cpu_shares", "cpu_set"}
    assert {name for name in names if isinstance(judged(container(name), only), Shown)} == passing


def test_a_policy_that_accepts_nothing_or_nonsense_is_refused():
    for accepted in ([], ["luck"]):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"accepted": accepted}, Parameters)


@pytest.mark.parametrize("fact", ["nano_cpus", "cpu_quota", "cpu_shares", "cpuset_cpus"])
def test_what_was_not_read_is_unknown(fact):
    with pytest.raises(Unread):
        judged(without(container("resources_plain"), fact))


def test_what_the_policy_does_not_ask_for_need_not_be_read():
    subject = without(container("cpu_nano"), "cpu_shares", "cpuset_cpus")
    assert isinstance(judged(subject, Parameters(("quota",))), Shown)


@pytest.mark.parametrize("name", ["resources_plain", "cpu_quota_endless", "cpu_period_alone"])
def test_the_change_passes_and_is_one_that_the_engine_takes(name):
    changed = change(container(name))
    assert isinstance(judged(changed, Parameters(("quota",))), Shown)
    assert (changed.cpu_quota, changed.cpu_period) == (0, 0)


def test_the_change_keeps_a_quota():
    assert change(container("cpu_nano")) == container("cpu_nano")
    assert change(container("cpu_quota")) == container("cpu_quota")
