import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rule import Flaw, NoParameters, NotApplicable, Shown
from scanner.rules.isolation.selinux_label import change, check
from tests.recorded import container, context, host, without
from tests.scanner.rules.isolation.hosts import on_engine

NONE = NoParameters()
SELINUX = on_engine(options=("name=seccomp,profile=default", "name=selinux"))
LABEL = "system_u:system_r:container_t:s0:c100,c200"


@pytest.mark.parametrize("name", ["label_disabled", "privileged", "pid_host", "ipc_host"])
def test_an_engine_without_selinux_is_not_judged(name):
    assert container(name).security_opt == ("label=disable",)
    with pytest.raises(NotApplicable):
        list(check(container(name), context(), NONE))


def test_an_older_podman_tells_of_selinux_by_the_label_alone():
    podman, plain = context(host=host("podman-4.3")), container("net_running", "podman-4.3")
    with pytest.raises(Unread):
        list(check(plain, podman, NONE))
    [fact] = check(replace(plain, process_label=LABEL), podman, NONE)
    assert isinstance(fact, Shown)


@pytest.mark.parametrize("name", ["label_disabled", "label_disabled_colon"])
def test_a_label_that_the_user_disabled_fails(name):
    [flaw] = check(container(name), SELINUX, NONE)
    assert [fact.fact for fact in flaw.evidence] == ["HostConfig.SecurityOpt"]


@pytest.mark.parametrize("option", [" label = disable ", "label: disable", "disable"])
def test_spaces_and_the_bare_word_disable_it_too(option):
    options = (option, "label=level:s0")
    odd = replace(container("isolation_plain"), security_opt=options, process_label=LABEL)
    [flaw] = check(odd, SELINUX, NONE)
    assert isinstance(flaw, Flaw)


@pytest.mark.parametrize("name", ["privileged", "pid_host", "ipc_host"])
def test_a_label_that_the_engine_disabled_fails_and_says_who_did(name):
    [flaw] = check(container(name), SELINUX, NONE)
    assert flaw.evidence[1].fact == "set by"
    assert "engine itself" in flaw.evidence[1].found


def test_no_label_fails():
    assert container("isolation_plain").process_label == ""
    [flaw] = check(container("isolation_plain"), SELINUX, NONE)
    assert flaw.evidence[0].fact == "ProcessLabel"


@pytest.mark.parametrize("name", ["isolation_plain", "label_level"])
def test_a_label_passes_and_is_shown(name):
    [fact] = check(replace(container(name), process_label=LABEL), SELINUX, NONE)
    assert isinstance(fact, Shown)
    assert fact.evidence[0].found == LABEL


@pytest.mark.parametrize("fact", ["security_opt", "process_label"])
def test_what_was_not_read_is_unknown(fact):
    with pytest.raises(Unread):
        list(check(without(container("isolation_plain"), fact), SELINUX, NONE))


@pytest.mark.parametrize("name", ["label_disabled", "label_disabled_colon", "privileged"])
def test_the_change_passes(name):
    [fact] = check(change(container(name)), SELINUX, NONE)
    assert isinstance(fact, Shown)


def test_the_change_keeps_the_engine_from_disabling_it_again():
    assert change(container("privileged")).security_opt == ("label=type:container_t",)
    assert change(container("label_disabled")).security_opt == ()
