import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rule import Flaw, NotApplicable, Shown
from scanner.rules.isolation.apparmor_profile import Parameters, change, check
from tests.recorded import container, context, without
from tests.scanner.rules.isolation.hosts import on_engine

APPARMOR = on_engine(options=("name=apparmor", "name=seccomp,profile=default"))
ANY = Parameters()


def running(profile):
    return replace(container("isolation_running"), apparmor_profile=profile)


def test_a_host_without_apparmor_is_not_judged():
    with pytest.raises(NotApplicable):
        list(check(container("apparmor_unconfined"), context(), ANY))


@pytest.mark.parametrize("name", ["apparmor_unconfined", "apparmor_unconfined_colon"])
def test_unconfined_fails_however_it_is_spelled(name):
    [flaw] = check(container(name), APPARMOR, ANY)
    assert isinstance(flaw, Flaw)
    assert flaw.evidence[0].found == "unconfined"


@pytest.mark.parametrize("profile", ["", "unconfined"])
def test_a_running_container_without_a_profile_fails(profile):
    [flaw] = check(running(profile), APPARMOR, ANY)
    assert isinstance(flaw, Flaw)


def test_the_engines_own_profile_passes_and_is_shown():
    [fact] = check(running("docker-default"), APPARMOR, ANY)
    assert isinstance(fact, Shown)
    assert fact.evidence[0].found == "docker-default"


def test_a_container_that_never_ran_is_judged_by_its_configuration():
    plain = container("isolation_plain")
    assert (plain.status, plain.apparmor_profile) == ("created", "")
    [fact] = check(plain, APPARMOR, ANY)
    assert fact.evidence[0].found == "docker-default"
    asked = replace(plain, security_opt=(" apparmor : shop-web ",))
    [fact] = check(asked, APPARMOR, ANY)
    assert fact.evidence[0].found == "shop-web"


def test_privileged_means_unconfined_before_the_first_start_too():
    [flaw] = check(container("privileged"), APPARMOR, ANY)
    assert isinstance(flaw, Flaw)
    assert flaw.evidence[0].found == "unconfined"


def test_the_policy_may_name_the_profiles_that_count():
    own = container("apparmor_own")
    [fact] = check(own, APPARMOR, Parameters(accepted=("shop-web",)))
    assert isinstance(fact, Shown)
    [flaw] = check(own, APPARMOR, Parameters(accepted=("docker-default",)))
    assert isinstance(flaw, Flaw)
    assert "docker-default" in flaw.evidence[0].wanted


def test_what_was_not_read_is_unknown():
    with pytest.raises(Unread, match="AppArmorProfile"):
        list(check(without(container("apparmor_own"), "apparmor_profile"), APPARMOR, ANY))


@pytest.mark.parametrize("name", ["apparmor_unconfined", "privileged", "isolation_running"])
def test_the_change_passes(name):
    [fact] = check(change(container(name)), APPARMOR, ANY)
    assert isinstance(fact, Shown)
