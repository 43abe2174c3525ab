import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rule import Flaw, Shown
from scanner.rules.isolation.host_pid_namespace import Parameters, change, check
from tests.recorded import container, context, without

NONE = Parameters()
ALL = context(
    *map(
        container,
        ("isolation_plain", "isolation_service", "pid_host", "pid_joins_host", "pod_pause"),
    )
)


def judged(name):
    [found] = check(container(name), ALL, NONE)
    return found


def test_the_hosts_namespace_fails():
    flaw = judged("pid_host")
    assert isinstance(flaw, Flaw)
    assert [fact.found for fact in flaw.evidence] == ["host"]


@pytest.mark.parametrize("name", ["pid_joins_host", "pid_joins_joined"])
def test_joining_a_container_in_the_hosts_namespace_is_the_hosts_namespace(name):
    flaw = judged(name)
    assert isinstance(flaw, Flaw)
    assert flaw.evidence[1].fact == "HostConfig.PidMode of pid_host"
    assert flaw.evidence[1].found == "host"


def test_joining_another_workload_fails_and_names_it():
    flaw = judged("pid_joins_other")
    assert isinstance(flaw, Flaw)
    assert flaw.evidence[1].found == "container/isolation_plain"


def test_sharing_within_a_pod_passes_and_is_shown():
    fact = judged("pod_web")
    assert isinstance(fact, Shown)
    assert fact.evidence[1].found == "pod/shop/web-5d9c7b6f48-abcde"


def test_services_of_a_project_are_workloads_of_their_own_unless_the_policy_says_otherwise():
    flaw = judged("pid_joins_service")
    assert isinstance(flaw, Flaw)
    assert flaw.evidence[1].found == "compose/shop/web"
    [fact] = check(container("pid_joins_service"), ALL, Parameters(within_project=True))
    assert isinstance(fact, Shown)
    assert fact.evidence[1].found == "compose/shop"


def test_a_replica_may_join_another_of_the_same_service():
    replica = replace(container("pid_joins_service"), labels=container("isolation_service").labels)
    [fact] = check(replica, ALL, NONE)
    assert isinstance(fact, Shown)


def test_another_pod_of_the_same_deployment_is_another_workload():
    labels = {
        **container("pod_web").labels,
        "io.kubernetes.pod.name": "web-5d9c7b6f48-vwxyz",
    }
    [flaw] = check(replace(container("pod_web"), labels=labels), ALL, NONE)
    assert isinstance(flaw, Flaw)


def test_a_namespace_of_its_own_passes():
    assert not list(check(container("isolation_plain"), ALL, NONE))


def test_a_container_that_is_gone_leaves_it_unknown():
    with pytest.raises(Unread, match="not found"):
        list(check(container("pid_joins_other"), context(), NONE))


def test_containers_that_join_each_other_are_unknown():
    one = replace(container("pid_host"), pid_mode="container:isolation_plain")
    other = replace(container("isolation_plain"), pid_mode="container:pid_host")
    with pytest.raises(Unread, match="circle"):
        list(check(one, context(one, other), NONE))


@pytest.mark.parametrize(("name", "fact"), [("pid_host", "pid_mode"), ("pod_web", "labels")])
def test_what_was_not_read_is_unknown(name, fact):
    with pytest.raises(Unread):
        list(check(without(container(name), fact), ALL, NONE))


@pytest.mark.parametrize("name", ["pid_host", "pid_joins_other"])
def test_the_change_passes(name):
    assert not list(check(change(container(name)), ALL, NONE))
