import pytest

from scanner.model import Unread
from scanner.rule import NoParameters, NotApplicable
from scanner.rules.isolation.host_user_namespace import change, check
from tests.recorded import container, context, without
from tests.scanner.rules.isolation.hosts import SECCOMP, on_engine

NONE = NoParameters()
REMAPS = on_engine(options=(SECCOMP, "name=userns"))


def test_stepping_out_of_the_remapping_fails():
    [flaw] = check(container("userns_host"), REMAPS, NONE)
    assert flaw.evidence[0].fact == "HostConfig.UsernsMode"


def test_a_remapped_container_passes():
    assert not list(check(container("isolation_plain"), REMAPS, NONE))


@pytest.mark.parametrize("options", [(SECCOMP,), (SECCOMP, "name=rootless")])
@pytest.mark.parametrize("name", ["userns_host", "isolation_plain"])
def test_an_engine_that_does_not_remap_is_not_judged(name, options):
    with pytest.raises(NotApplicable):
        list(check(container(name), on_engine(options=options), NONE))


def test_what_was_not_read_is_unknown():
    with pytest.raises(Unread, match="UsernsMode"):
        list(check(without(container("userns_host"), "userns_mode"), REMAPS, NONE))


def test_the_change_passes():
    assert not list(check(change(container("userns_host")), REMAPS, NONE))
    with pytest.raises(NotApplicable):
        list(check(change(container("userns_host")), context(), NONE))
