import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rule import NoParameters
from scanner.rules.engine.daemon_seccomp import check
from tests.recorded import host
from tests.scanner.rules.engine.hosts import fails, lacking, passes, seen

NONE = NoParameters()


def judged(*options):
    return seen(check, replace(host(), security_options=options), NONE)


@pytest.mark.parametrize("profile", ["default", "builtin", "/etc/docker/seccomp.json"])
def test_the_engines_own_profile_and_one_of_its_administrator_pass(profile):
    [shown] = judged(f"name=seccomp,profile={profile}")
    assert profile in shown.evidence[0].found


def test_no_profile_and_no_seccomp_at_all_fail():
    assert fails(judged("name=seccomp,profile=unconfined"))
    assert fails(judged("name=apparmor"))


def test_the_recorded_engine_passes():
    assert passes(seen(check, host(), NONE))


def test_options_that_were_not_read_are_unknown():
    with pytest.raises(Unread):
        seen(check, lacking("security_options"), NONE)
