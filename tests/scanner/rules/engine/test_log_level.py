import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rule import NotApplicable
from scanner.rules.engine.log_level import Parameters, check
from tests.recorded import host
from tests.scanner.rules.engine.hosts import PODMAN, fails, lacking, machine, passes, seen

USUAL = Parameters()


def test_debug_fails_without_the_machine():
    [flaw] = seen(check, replace(host(), debug=True), USUAL)
    assert flaw.evidence[0].fact == "info: Debug"


def test_no_debug_proves_nothing_without_the_machine():
    with pytest.raises(Unread, match="SSH"):
        seen(check, host(), USUAL)


@pytest.mark.parametrize("content", [b"", b'{"log-level": "info"}', b'{"log-level": ""}'])
def test_info_and_what_is_not_set_pass(content):
    assert passes(seen(check, host(), USUAL, machine=machine(content)))


@pytest.mark.parametrize("level", ["warn", "error", "fatal", "debug"])
def test_other_levels_fail(level):
    [flaw] = seen(check, host(), USUAL, machine=machine(**{"log-level": level}))
    assert flaw.evidence[0].found == level
    assert flaw.evidence[0].fact == "dockerd --log-level"


def test_the_policy_may_accept_others():
    both = Parameters(("info", "debug"))
    assert passes(seen(check, replace(host(), debug=True), both, machine=machine()))
    assert fails(seen(check, host(), Parameters(("warn",)), machine=machine()))


def test_debug_that_was_not_read_is_unknown():
    with pytest.raises(Unread):
        seen(check, lacking("debug"), USUAL, machine=machine())


def test_podman_has_no_daemon():
    with pytest.raises(NotApplicable):
        seen(check, PODMAN, USUAL)
