import json

import pytest
from msgspec.structs import replace

from scanner import parse
from scanner.model import Unread
from scanner.rule import NoParameters
from scanner.rules.resources.mount_propagation import change, check
from tests.recorded import answer, container, context, without

NONE = NoParameters()


def found(subject):
    return list(check(subject, context(), NONE))


def test_shared_and_rshared_fail_each_by_its_path():
    one, other = found(container("propagation_shared"))
    assert (one.sub_object, one.evidence[0].found["propagation"]) == ("/srv/a", "shared")
    assert (other.sub_object, other.evidence[0].found["propagation"]) == ("/srv/b", "rshared")


@pytest.mark.parametrize("name", ["propagation_other", "mounts_harmless", "resources_plain"])
def test_private_and_slave_mounts_and_volumes_pass(name):
    assert found(container(name)) == []


def test_a_path_that_is_mounted_twice_fails_once_with_both():
    shared = container("propagation_shared")
    twice = tuple(replace(mount, host_path="/srv/a") for mount in shared.mounts)
    [flaw] = found(replace(shared, mounts=twice))
    assert [fact.found["destination"] for fact in flaw.evidence] == ["/a", "/b"]


def test_what_was_not_read_is_unknown():
    with pytest.raises(Unread, match="Mounts"):
        found(without(container("propagation_shared"), "mounts"))


def test_a_host_mount_whose_propagation_is_not_told_is_unknown_beside_what_is_known():
    document = answer("propagation_shared")
    del document["Mounts"][0]["Propagation"]
    mounts = check(parse.container(json.dumps(document).encode()), context(), NONE)
    assert next(mounts).sub_object in {"/srv/a", "/srv/b"}
    with pytest.raises(Unread, match="Propagation"):
        next(mounts)


def test_the_change_passes_and_keeps_the_mounts():
    changed = change(container("propagation_shared"))
    assert found(changed) == []
    assert [mount.destination for mount in changed.mounts] == ["/a", "/b"]
    assert change(container("propagation_other")) == container("propagation_other")
