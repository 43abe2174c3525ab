import pytest
from msgspec.structs import replace

from scanner.capabilities import DEFAULT_CAPABILITIES
from scanner.model import Unread
from scanner.rule import Flaw, Shown
from scanner.rules.isolation.dropped_capabilities import Parameters, change, check
from tests.recorded import container, context, host, without

STRICT = Parameters()


def judged(name, parameters=STRICT):
    [found] = check(container(name), context(), parameters)
    return found


def test_a_container_that_drops_nothing_fails_and_names_what_remains():
    flaw = judged("isolation_plain")
    assert isinstance(flaw, Flaw)
    assert flaw.evidence[1].found == sorted(DEFAULT_CAPABILITIES)


def test_to_drop_some_is_not_enough():
    flaw = judged("cap_drop_some")
    assert isinstance(flaw, Flaw)
    assert "NET_RAW" not in flaw.evidence[1].found


def test_dropping_all_passes_in_any_case_and_names_what_was_added():
    assert isinstance(judged("cap_drop_all"), Shown)
    fact = judged("cap_drop_all_add_one")
    assert isinstance(fact, Shown)
    assert fact.evidence[1].found == ["NET_BIND_SERVICE"]


def test_dropping_each_by_its_name_is_dropping_all_as_podman_tells_it():
    each = replace(container("cap_drop_all"), cap_drop=tuple(sorted(DEFAULT_CAPABILITIES)))
    [fact] = check(each, context(), STRICT)
    assert isinstance(fact, Shown)
    assert fact.evidence[1].found == []
    [flaw] = check(replace(each, cap_drop=each.cap_drop[1:]), context(), STRICT)
    assert isinstance(flaw, Flaw)


def test_podman_does_not_tell_whether_all_was_dropped_and_some_added_again():
    podman = context(host=host("podman-4.3"))
    [fact] = check(container("cap_drop_all", "podman-4.3"), podman, STRICT)
    assert isinstance(fact, Shown)
    one_back = container("cap_drop_all_add_one", "podman-4.3")
    with pytest.raises(Unread, match="cannot be told"):
        list(check(one_back, podman, STRICT))
    [fact] = check(one_back, podman, Parameters(accepted=("NET_BIND_SERVICE",)))
    assert isinstance(fact, Shown)
    [flaw] = check(container("net_running", "podman-4.3"), podman, STRICT)
    assert isinstance(flaw, Flaw)


def test_privileged_keeps_everything_whatever_it_drops():
    flaw = judged("privileged_dropping_all")
    assert isinstance(flaw, Flaw)
    assert flaw.evidence[0].fact == "HostConfig.Privileged"
    assert "SYS_ADMIN" in flaw.evidence[1].found


def test_adding_all_undoes_dropping_all():
    flaw = judged("cap_drop_all_add_all")
    assert isinstance(flaw, Flaw)
    assert flaw.evidence[0].fact == "HostConfig.CapAdd"
    assert "SYS_ADMIN" in flaw.evidence[1].found


def test_the_policy_may_accept_a_small_effective_set():
    rest = tuple(f"cap_{name.lower()}" for name in judged("cap_drop_some").evidence[1].found)
    assert isinstance(judged("cap_drop_some", Parameters(accepted=rest)), Shown)
    assert isinstance(judged("isolation_plain", Parameters(accepted=rest)), Flaw)


@pytest.mark.parametrize("fact", ["cap_drop", "cap_add", "privileged"])
def test_what_was_not_read_is_unknown(fact):
    with pytest.raises(Unread):
        list(check(without(container("cap_drop_all"), fact), context(), STRICT))


@pytest.mark.parametrize("name", ["isolation_plain", "privileged", "cap_drop_all_add_all"])
def test_the_change_passes(name):
    [fact] = check(change(container(name)), context(), STRICT)
    assert isinstance(fact, Shown)
