import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rule import Flaw, NoParameters, Shown
from scanner.rules.isolation.no_new_privileges import change, check
from tests.recorded import container, context, host, without
from tests.scanner.rules.engine.hosts import FILE, machine
from tests.scanner.rules.isolation.hosts import SECCOMP, on_engine

NONE = NoParameters()
DEFAULT_ON = on_engine(options=(SECCOMP, "name=no-new-privileges"), api_version="1.43")


@pytest.mark.parametrize(
    "name", ["nnp_bare", "nnp_true", "nnp_true_colon", "nnp_one", "nnp_among_others"]
)
def test_every_way_to_set_it_passes(name):
    assert not list(check(container(name), context(), NONE))


@pytest.mark.parametrize(
    "option", [" no-new-privileges ", "no-new-privileges : true", "no-new-privileges= TRUE"]
)
def test_spaces_and_case_do_not_matter(option):
    odd = replace(container("isolation_plain"), security_opt=("label=level:s0", option))
    assert not list(check(odd, context(), NONE))


@pytest.mark.parametrize("name", ["nnp_false", "nnp_false_colon", "nnp_true_then_false"])
@pytest.mark.parametrize("seen", [context(), DEFAULT_ON], ids=["no default", "default on"])
def test_an_explicit_false_fails_whatever_the_daemon_says(name, seen):
    [flaw] = check(container(name), seen, NONE)
    assert isinstance(flaw, Flaw)
    assert flaw.evidence[0].fact == "HostConfig.SecurityOpt"


def test_an_old_engine_fails_and_says_that_its_default_cannot_be_seen():
    assert context().host.api == (1, 41)
    [flaw] = check(container("isolation_plain"), context(), NONE)
    assert isinstance(flaw, Flaw)
    assert "1.41 does not show" in flaw.evidence[1].found


def test_the_machine_tells_of_an_old_engines_default():
    plain = container("isolation_plain")
    [fact] = check(plain, context(machine=machine(b'{"no-new-privileges": true}')), NONE)
    assert isinstance(fact, Shown)
    assert fact.evidence[0].fact == f"{FILE}: no-new-privileges"
    [flaw] = check(plain, context(machine=machine()), NONE)
    assert "does not set it" in flaw.evidence[1].found
    stale = machine(b'{"no-new-privileges": true}', stale=True)
    [flaw] = check(plain, context(machine=stale), NONE)
    assert "1.41 does not show" in flaw.evidence[1].found


def test_a_newer_engine_tells_by_itself():
    newer = replace(host(), api_version="1.43")
    told = context(host=newer, machine=machine(b'{"no-new-privileges": true}'))
    [flaw] = check(container("isolation_plain"), told, NONE)
    assert isinstance(flaw, Flaw)


def test_a_newer_engine_without_the_default_fails():
    [flaw] = check(container("isolation_plain"), on_engine(api_version="1.43"), NONE)
    assert isinstance(flaw, Flaw)
    assert "does not set it" in flaw.evidence[1].found


def test_the_daemons_default_passes_and_is_shown():
    [fact] = check(container("isolation_plain"), DEFAULT_ON, NONE)
    assert isinstance(fact, Shown)
    assert fact.evidence[0].fact == "info: SecurityOptions"


def test_a_long_profile_for_seccomp_is_no_evidence_here():
    [flaw] = check(container("seccomp_refuse"), context(), NONE)
    assert flaw.evidence[0].found == []


def test_what_was_not_read_is_unknown():
    with pytest.raises(Unread, match="SecurityOpt"):
        list(check(without(container("nnp_bare"), "security_opt"), context(), NONE))


@pytest.mark.parametrize("name", ["isolation_plain", "nnp_false_colon", "nnp_true_then_false"])
def test_the_change_passes(name):
    assert not list(check(change(container(name)), context(), NONE))


def test_the_change_keeps_other_options():
    assert change(container("nnp_among_others")).security_opt == (
        "apparmor=docker-default",
        "label=level:s0",
        "no-new-privileges:true",
    )
