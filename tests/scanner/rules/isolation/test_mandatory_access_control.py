import pytest
from msgspec.structs import replace

from scanner.model import PartialHost, Unread
from scanner.rule import Flaw, NoParameters, Shown
from scanner.rules.isolation.mandatory_access_control import check
from tests.recorded import context, host

NONE = NoParameters()


def judged(*options):
    return list(check(replace(host(), security_options=options), context(), NONE))


def test_a_host_with_neither_fails_once():
    [flaw] = check(host(), context(), NONE)
    assert isinstance(flaw, Flaw)
    assert flaw.evidence[0].found == ["name=seccomp,profile=default"]


@pytest.mark.parametrize("option", ["name=apparmor", "name=selinux", "apparmor"])
def test_either_of_them_passes(option):
    [fact] = judged("name=seccomp,profile=default", option)
    assert isinstance(fact, Shown)


def test_a_word_within_another_option_is_neither():
    [flaw] = judged("name=seccomp,profile=/etc/docker/apparmor.json")
    assert isinstance(flaw, Flaw)


def test_an_engine_that_does_not_say_is_unknown():
    with pytest.raises(Unread, match="SecurityOptions"):
        list(check(PartialHost(name="silent"), context(), NONE))
