import pytest
from msgspec.structs import replace

from scanner.model import Process, Unread
from scanner.rule import Flaw, NoParameters, Shown
from scanner.rules.lifecycle.root_user import change, check
from tests.recorded import container, context, host, without

NONE = NoParameters()


def on_engine(*options):
    return context(host=replace(host(), security_options=options))


@pytest.mark.parametrize(
    "name", ["lifecycle_plain", "user_0_1000", "user_plus_0", "user_root_root"]
)
def test_every_way_to_say_root_fails(name):
    [flaw] = check(container(name), context(), NONE)
    assert flaw.evidence[0].fact == "Config.User"


def test_another_user_passes():
    assert not list(check(container("user_1000"), context(), NONE))


def test_a_name_that_could_not_be_looked_up_is_unknown():
    with pytest.raises(Unread, match="somebody"):
        list(check(container("user_name"), context(), NONE))


def test_a_process_of_root_fails_whatever_user_was_configured():
    running = replace(
        container("user_1000"), processes=(Process(1000, "app"), Process(0, "helper"))
    )
    [flaw] = check(running, context(), NONE)
    assert flaw.evidence[0].found == {"uid": 0, "programs": ["helper"]}


def test_a_container_that_starts_as_root_and_gives_it_up_passes():
    running = replace(container("user_root_running"), processes=(Process(999, "redis-server"),))
    assert not list(check(running, context(), NONE))


def test_a_running_container_without_a_process_list_is_judged_by_its_user():
    assert list(check(container("user_root_running"), context(), NONE))


def test_root_behind_remapped_users_passes_and_says_so():
    for options in (("name=userns",), ("name=seccomp,profile=default", "name=rootless")):
        [fact] = check(container("lifecycle_plain"), on_engine(*options), NONE)
        assert isinstance(fact, Shown)


def test_a_user_namespace_of_its_own_which_podman_gives_passes_and_is_named():
    own = replace(container("net_running", "podman-4.3"), userns_mode="private")
    [fact] = check(own, context(host=host("podman-4.3")), NONE)
    assert isinstance(fact, Shown)
    assert list(check(own, context(), NONE)) == list(
        check(container("net_running"), context(), NONE)
    )


def test_processes_of_remapped_and_rootless_engines_are_not_roots():
    for kind in ("20.10-remapped", "20.10-rootless"):
        [fact] = check(container("user_root_running", kind), context(host=host(kind)), NONE)
        assert isinstance(fact, Shown)
    beside = container("userns_host", "20.10-remapped")
    [flaw] = check(beside, context(host=host("20.10-remapped")), NONE)
    assert isinstance(flaw, Flaw)


def test_the_hosts_own_user_namespace_is_not_remapped():
    beside = container("user_host_namespace")
    assert beside.userns_mode == "host"
    [flaw] = check(beside, on_engine("name=userns"), NONE)
    assert isinstance(flaw, Flaw)
    [fact] = check(beside, on_engine("name=rootless"), NONE)
    assert isinstance(fact, Shown)


def test_a_user_that_was_not_read_is_unknown():
    with pytest.raises(Unread):
        list(check(without(container("lifecycle_plain"), "uid"), context(), NONE))


def test_the_change_passes():
    running = replace(container("user_root_running"), processes=(Process(0, "sleep"),))
    assert not list(check(change(running), context(), NONE))
