import pytest

from scanner.model import Unread
from scanner.rule import NotApplicable
from scanner.rules.engine.default_cgroup_parent import Parameters, check
from tests.recorded import host
from tests.scanner.rules.engine.hosts import PODMAN, fails, machine, passes, seen

USUAL = Parameters()
OPTION = "cgroup-parent"


def test_only_the_machine_tells():
    with pytest.raises(Unread, match="SSH"):
        seen(check, host(), USUAL)


def test_the_engines_own_and_what_the_policy_accepts_pass():
    assert passes(seen(check, host(), USUAL, machine=machine()))
    assert passes(seen(check, host(), USUAL, machine=machine(**{OPTION: "/docker"})))
    apart = machine(**{OPTION: "/apps"})
    assert passes(seen(check, host(), Parameters(("/apps",)), machine=apart))
    assert fails(seen(check, host(), USUAL, machine=apart))


def test_podman_has_no_daemon():
    with pytest.raises(NotApplicable):
        seen(check, PODMAN, USUAL, machine=machine())
