import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rule import NoParameters
from scanner.rules.engine.userns_remap import check
from tests.recorded import host
from tests.scanner.rules.engine.hosts import PODMAN, fails, lacking, passes, seen

NONE = NoParameters()


def test_the_engine_as_it_comes_fails():
    assert fails(seen(check, host(), NONE))


@pytest.mark.parametrize("option", ["name=userns", "name=rootless"])
def test_remapped_users_and_an_engine_without_root_pass(option):
    options = ("name=seccomp,profile=default", option)
    [shown] = seen(check, replace(host(), security_options=options), NONE)
    assert shown.evidence[0].found == option


def test_options_that_were_not_read_are_unknown():
    with pytest.raises(Unread):
        seen(check, lacking("security_options"), NONE)


def test_podman_passes_without_root_and_does_not_tell_with_root():
    assert passes(seen(check, replace(PODMAN, security_options=("name=rootless",)), NONE))
    with pytest.raises(Unread, match="Podman"):
        seen(check, PODMAN, NONE)
