import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rule import NotApplicable
from scanner.rules.isolation.host_cgroup_namespace import Parameters, change, check
from tests.recorded import container, context, host, without
from tests.scanner.rules.isolation.hosts import on_engine

STRICT = Parameters()
OLD = on_engine(api_version="1.40")


def test_the_hosts_namespace_fails():
    [flaw] = check(container("cgroupns_host"), context(), STRICT)
    assert (flaw.evidence[0].fact, flaw.sub_object) == ("HostConfig.CgroupnsMode", "")


def test_it_fails_on_cgroup_v1_too_where_the_engine_knows_private():
    assert context().host.cgroup_version == "1"
    assert container("isolation_plain").cgroupns_mode == "host"
    assert len(list(check(container("isolation_plain"), context(), STRICT))) == 1


def test_a_private_namespace_passes():
    assert not list(check(container("cgroupns_private"), context(), STRICT))


def test_a_podman_that_does_not_tell_is_unknown():
    podman = context(host=host("podman-4.3"))
    with pytest.raises(Unread, match="does not tell"):
        list(check(container("net_running", "podman-4.3"), podman, STRICT))


def test_an_engine_that_knows_no_other_is_not_judged():
    unnamed = without(container("isolation_plain"), "cgroupns_mode")
    with pytest.raises(NotApplicable):
        list(check(unnamed, OLD, STRICT))


def test_a_container_from_before_the_choice_is_not_judged():
    with pytest.raises(NotApplicable):
        list(check(replace(container("isolation_plain"), cgroupns_mode=""), context(), STRICT))


@pytest.mark.parametrize("seen", [context(), OLD], ids=["1.41", "1.40"])
def test_a_parent_outside_the_policy_fails_on_any_engine(seen):
    [flaw] = check(container("cgroup_parent"), seen, STRICT)
    assert (flaw.evidence[0].fact, flaw.sub_object) == (
        "HostConfig.CgroupParent",
        "/reports/daily",
    )


def test_both_can_be_wrong_at_once():
    both = replace(container("cgroup_parent"), cgroupns_mode="host")
    found = check(both, context(), STRICT)
    assert [flaw.sub_object for flaw in found] == ["", "/reports/daily"]


@pytest.mark.parametrize("pattern", ["/reports/daily", "/reports/*"])
def test_the_policy_may_allow_parents(pattern):
    allowing = Parameters(allowed_parents=("/kubepods/*", pattern))
    assert not list(check(container("cgroup_parent"), context(), allowing))


@pytest.mark.parametrize("fact", ["cgroupns_mode", "cgroup_parent"])
def test_what_was_not_read_is_unknown(fact):
    with pytest.raises(Unread):
        list(check(without(container("cgroupns_private"), fact), context(), STRICT))


@pytest.mark.parametrize("name", ["cgroupns_host", "cgroup_parent"])
def test_the_change_passes(name):
    assert not list(check(change(container(name)), context(), STRICT))
