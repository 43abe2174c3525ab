import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rule import Flaw, NoParameters, Shown
from scanner.rules.isolation.seccomp_profile import change, check
from tests.recorded import container, context, without
from tests.scanner.rules.isolation.hosts import on_engine

NONE = NoParameters()
PLAIN = container("isolation_plain")


def judged(subject, seen=None):
    return list(check(subject, seen or context(), NONE))


def with_profile(text):
    return replace(PLAIN, security_opt=(f"seccomp={text}",))


@pytest.mark.parametrize("name", ["seccomp_unconfined", "seccomp_unconfined_colon"])
def test_unconfined_fails_however_it_is_spelled(name):
    [flaw] = judged(container(name))
    assert isinstance(flaw, Flaw)


def test_spaces_do_not_hide_it():
    [flaw] = judged(replace(PLAIN, security_opt=("label=level:s0", " seccomp = unconfined ")))
    assert isinstance(flaw, Flaw)


def test_privileged_switches_it_off():
    [flaw] = judged(container("privileged"))
    assert flaw.evidence[0].fact == "HostConfig.Privileged"


@pytest.mark.parametrize(
    ("name", "action"), [("seccomp_allow", "SCMP_ACT_ALLOW"), ("seccomp_log", "SCMP_ACT_LOG")]
)
def test_a_profile_that_allows_by_default_fails(name, action):
    [flaw] = judged(container(name))
    assert isinstance(flaw, Flaw)
    assert action in flaw.evidence[0].found


def test_a_long_profile_that_refuses_by_default_passes_and_is_shown():
    assert len(container("seccomp_refuse").security_opt[0]) > 10_000
    [fact] = judged(container("seccomp_refuse"))
    assert isinstance(fact, Shown)
    assert fact.evidence[0].found == ("seccomp: a profile of its own, defaultAction SCMP_ACT_ERRNO")


def test_a_profile_by_name_passes_and_is_shown():
    [fact] = judged(with_profile("builtin"))
    assert isinstance(fact, Shown)


def test_the_key_is_read_in_any_case_as_the_engine_does():
    [flaw] = judged(with_profile('{"DefaultAction": "SCMP_ACT_ALLOW"}'))
    assert isinstance(flaw, Flaw)


@pytest.mark.parametrize("text", ['{"syscalls": [', '{"syscalls": []}', '{"defaultAction": 1}'])
def test_a_profile_that_cannot_be_understood_is_unknown(text):
    with pytest.raises(Unread, match="profile"):
        judged(with_profile(text))


@pytest.mark.parametrize("profile", ["default", "builtin"])
def test_the_engines_own_profile_passes(profile):
    assert judged(PLAIN, on_engine(options=(f"name=seccomp,profile={profile}",))) == []


def test_the_engines_other_profile_passes_and_is_shown():
    [fact] = judged(PLAIN, on_engine(options=("name=seccomp,profile=/etc/docker/seccomp.json",)))
    assert isinstance(fact, Shown)


@pytest.mark.parametrize("options", [(), ("name=seccomp,profile=unconfined",)])
def test_an_engine_without_seccomp_fails(options):
    [flaw] = judged(PLAIN, on_engine(options=options))
    assert isinstance(flaw, Flaw)
    assert flaw.evidence[0].fact == "info: SecurityOptions"


def test_a_profile_of_its_own_overrules_an_unconfined_engine():
    seen = on_engine(options=("name=seccomp,profile=unconfined",))
    [fact] = judged(container("seccomp_refuse"), seen)
    assert isinstance(fact, Shown)


@pytest.mark.parametrize("fact", ["security_opt", "privileged"])
def test_what_was_not_read_is_unknown(fact):
    with pytest.raises(Unread):
        judged(without(PLAIN, fact))


@pytest.mark.parametrize("name", ["seccomp_unconfined", "seccomp_allow", "privileged"])
def test_the_change_passes(name):
    assert judged(change(container(name))) == []
