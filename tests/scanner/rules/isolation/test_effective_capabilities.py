import pytest
from msgspec.structs import replace

from scanner.capabilities import ALL_CAPABILITIES, DEFAULT_CAPABILITIES
from scanner.model import Unread
from scanner.rules.isolation.effective_capabilities import Parameters, change, check
from tests.recorded import container, context, without

USUAL = Parameters()
RARE = ["AUDIT_WRITE", "MKNOD", "NET_RAW", "SETFCAP", "SYS_CHROOT"]


def excess(judged, parameters=USUAL):
    return [flaw.evidence[0].found for flaw in check(judged, context(), parameters)]


def test_the_defaults_fail_and_name_what_is_rarely_needed():
    assert excess(container("isolation_plain")) == [RARE]


@pytest.mark.parametrize("name", ["cap_drop_some", "cap_drop_all", "cap_drop_all_add_one"])
def test_dropping_these_or_all_passes(name):
    assert excess(container(name)) == []


def test_what_is_added_counts():
    [found] = excess(container("cap_add_bare"))
    assert found == sorted([*RARE, "SYS_ADMIN"])


@pytest.mark.parametrize("name", ["privileged", "privileged_dropping_all", "cap_drop_all_add_all"])
def test_privileged_or_all_has_everything(name):
    [found] = excess(container(name))
    assert set(found) == ALL_CAPABILITIES - (DEFAULT_CAPABILITIES - set(RARE))


def test_what_is_dropped_is_not_among_all_that_is_added():
    nearly = replace(container("cap_add_all"), cap_drop=("SYS_ADMIN",))
    [found] = excess(nearly)
    assert "SYS_ADMIN" not in found
    assert "SYS_MODULE" in found


def test_the_policy_says_what_is_allowed():
    everything = Parameters(allowed=tuple(f"CAP_{name}" for name in DEFAULT_CAPABILITIES))
    assert excess(container("isolation_plain"), everything) == []
    assert excess(container("cap_drop_all_add_one"), Parameters(allowed=())) == [
        ["NET_BIND_SERVICE"]
    ]


@pytest.mark.parametrize("fact", ["cap_add", "cap_drop", "privileged"])
def test_what_was_not_read_is_unknown(fact):
    with pytest.raises(Unread):
        excess(without(container("cap_drop_all"), fact))


@pytest.mark.parametrize(
    "name", ["isolation_plain", "privileged", "cap_add_all", "cap_drop_all_add_all"]
)
def test_the_change_passes(name):
    assert excess(change(container(name))) == []


def test_the_change_leaves_a_container_that_drops_all_as_it_is():
    assert change(container("cap_drop_all_add_one")) == container("cap_drop_all_add_one")
