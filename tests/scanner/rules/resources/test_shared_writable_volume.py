import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rules.resources.shared_writable_volume import Parameters, check
from tests.recorded import container, context, without

USUAL = Parameters()
ORDERS = [container(f"shared_{name}") for name in ("writer", "reader", "stranger")]
SHOP = [container(f"shared_{name}") for name in ("service", "replica", "other_service")]
POD = [container(f"shared_pod_{name}") for name in ("web", "log")]


def found(subject, others, parameters=USUAL):
    flaws = list(check(subject, context(*others), parameters))
    assert len({flaw.sub_object for flaw in flaws}) == len(flaws)
    return {
        flaw.sub_object: [fact.found for fact in flaw.evidence if fact.fact == "also mounted in"]
        for flaw in flaws
    }


def named(subject, name, **changes):
    return replace(subject, id=name, name=name, labels={}, **changes)


def test_who_writes_fails_and_the_others_are_named():
    assert found(ORDERS[0], ORDERS) == {
        "orders": [["container/shared_reader"]],
        "/srv/orders": [["container/shared_reader"]],
    }


def test_who_only_reads_passes():
    assert found(ORDERS[1], ORDERS) == {}


def test_data_of_its_own_pass_also_where_the_names_look_alike():
    assert found(ORDERS[2], ORDERS) == {}
    assert found(ORDERS[0], [ORDERS[0], ORDERS[2]]) == {}


def test_a_directory_above_is_the_same_data():
    [inner] = [mount for mount in ORDERS[1].mounts if mount.host_path]
    writer = named(ORDERS[1], "inner", mounts=(replace(inner, writable=True),))
    assert found(writer, [ORDERS[0], writer]) == {"/srv/orders/new": [["container/shared_writer"]]}


def test_who_mounts_the_whole_host_is_not_counted():
    everything = container("mounts_root")
    assert found(ORDERS[0], [ORDERS[0], everything]) == {}
    [root] = everything.mounts
    writer = replace(everything, mounts=(replace(root, writable=True),))
    assert found(writer, [*ORDERS, writer]) == {}


def test_replicas_share_and_other_services_of_the_project_are_other_workloads():
    assert found(SHOP[0], SHOP[:2]) == {}
    assert found(SHOP[0], SHOP) == {"shop": [["compose/shop/worker"]]}


def test_the_policy_may_allow_sharing_within_a_project():
    stranger = named(SHOP[2], "stranger")
    allowed = Parameters(within_project=True)
    assert found(SHOP[0], SHOP, allowed) == {}
    assert found(SHOP[0], [*SHOP, stranger], allowed) == {"shop": [["container/stranger"]]}


def test_the_containers_of_a_pod_are_made_to_share():
    assert found(POD[0], POD) == {}
    stranger = named(POD[1], "stranger")
    assert found(POD[0], [*POD, stranger]) == {"/srv/pods/1/cache": [["container/stranger"]]}


def test_a_volume_that_binds_a_path_is_the_data_of_that_path():
    disguised = container("mounts_disguised")
    plain = container("mounts_etc_twice")
    assert found(disguised, [disguised, plain]) == {"/etc": [["container/mounts_etc_twice"]]}


def test_data_that_are_mounted_twice_fail_once():
    [mount] = SHOP[0].mounts
    twice = replace(SHOP[0], mounts=(mount, replace(mount, destination="/again")))
    assert found(twice, SHOP) == {"shop": [["compose/shop/worker"], ["compose/shop/worker"]]}


def test_a_volume_without_a_name_is_told_by_its_place_and_a_tmpfs_is_nobody_elses():
    first = container("mounts_harmless")
    kinds = {"volume", "tmpfs"}
    mounts = tuple(mount for mount in first.mounts if mount.kind in kinds)
    second = named(first, "second", mounts=mounts)
    assert set(found(first, [first, second])) == {"settings", "/anonymous"}


def test_paths_that_hold_no_data_are_left_to_other_rules():
    socket = container("socket_docker")
    others = [socket, named(socket, "other")]
    assert found(socket, others) == {}
    assert found(socket, others, Parameters(ignored=("/proc",))) == {
        "/run/docker.sock": [["container/other"]]
    }


def test_a_container_that_could_not_be_read_is_compared_with_nobody():
    assert found(ORDERS[0], [ORDERS[0], without(ORDERS[1], "mounts")]) == {}


@pytest.mark.parametrize("fact", ["mounts", "labels"])
def test_what_was_not_read_is_unknown(fact):
    with pytest.raises(Unread):
        found(without(ORDERS[0], fact), ORDERS)
