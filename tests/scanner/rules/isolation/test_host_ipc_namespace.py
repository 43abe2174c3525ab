import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rule import Flaw, Shown
from scanner.rules.isolation.host_ipc_namespace import Parameters, change, check
from tests.recorded import container, context, without

NONE = Parameters()
NAMES = (
    *("isolation_plain", "ipc_host", "ipc_joins_host", "ipc_shareable", "ipc_joins_shareable"),
    *("pod_pause", "pod_web"),
)
ALL = context(*map(container, NAMES))


def judged(name, seen=ALL):
    return list(check(container(name), seen, NONE))


def test_the_hosts_namespace_fails():
    [flaw] = judged("ipc_host")
    assert isinstance(flaw, Flaw)
    assert [fact.found for fact in flaw.evidence] == ["host"]


def test_joining_a_container_in_the_hosts_namespace_is_the_hosts_namespace():
    [flaw] = judged("ipc_joins_host")
    assert isinstance(flaw, Flaw)
    assert flaw.evidence[1].fact == "HostConfig.IpcMode of ipc_host"


def test_two_workloads_that_share_both_fail_and_name_each_other():
    [flaw] = judged("ipc_shareable")
    assert isinstance(flaw, Flaw)
    assert flaw.evidence[1].found == ["container/ipc_joins_shareable"]
    [flaw] = judged("ipc_joins_shareable")
    assert isinstance(flaw, Flaw)
    assert flaw.evidence[1].found == ["container/ipc_shareable"]


def test_shareable_that_nobody_joined_passes():
    assert judged("ipc_shareable", context(container("ipc_shareable"))) == []


def test_asking_for_a_private_namespace_fails_for_the_one_who_asks():
    private = replace(container("ipc_shareable"), ipc_mode="private")
    asks = container("ipc_joins_shareable")
    assert not list(check(private, context(private, asks), NONE))
    [flaw] = check(asks, context(private, asks), NONE)
    assert isinstance(flaw, Flaw)


def test_services_of_a_project_are_workloads_of_their_own_unless_the_policy_says_otherwise():
    labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}
    one = replace(container("ipc_shareable"), labels=labels)
    labels = {**labels, "com.docker.compose.service": "worker"}
    other = replace(container("ipc_joins_shareable"), labels=labels)
    [flaw] = check(one, context(one, other), NONE)
    assert flaw.evidence[1].found == ["compose/shop/worker"]
    [fact] = check(one, context(one, other), Parameters(within_project=True))
    assert isinstance(fact, Shown)
    replica = replace(other, labels=one.labels)
    [fact] = check(one, context(one, replica), NONE)
    assert isinstance(fact, Shown)


@pytest.mark.parametrize("name", ["pod_pause", "pod_web"])
def test_sharing_within_a_pod_passes_and_is_shown(name):
    [fact] = judged(name)
    assert isinstance(fact, Shown)
    assert fact.evidence[1].found == "pod/shop/web-5d9c7b6f48-abcde"


def test_a_namespace_of_its_own_passes():
    assert judged("isolation_plain") == []


def test_a_neighbour_that_was_not_read_spoils_nothing():
    neighbour = without(container("ipc_joins_shareable"), "ipc_mode")
    assert judged("isolation_plain", context(container("isolation_plain"), neighbour)) == []


@pytest.mark.parametrize(("name", "fact"), [("ipc_host", "ipc_mode"), ("pod_web", "labels")])
def test_what_was_not_read_is_unknown(name, fact):
    with pytest.raises(Unread):
        list(check(without(container(name), fact), ALL, NONE))


@pytest.mark.parametrize("name", ["ipc_host", "ipc_joins_shareable"])
def test_the_change_passes(name):
    assert not list(check(change(container(name)), ALL, NONE))
