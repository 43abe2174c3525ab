import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rule import NotApplicable, Severity
from scanner.rules.host.configuration_permissions import RULE
from tests.recorded.machines import machine
from tests.scanner.rules.host.judging import denied, flaws, judge, with_file


def test_the_configuration_as_it_comes_passes_and_is_shown():
    [shown] = judge(RULE, "usual")
    assert {fact.fact: fact.found for fact in shown.evidence} == {
        "/etc/docker": "0755 root:root",
        "/etc/docker/daemon.json": "0644 root:root",
        "/etc/default/docker": "0644 root:root",
    }


@pytest.mark.parametrize("host", ["open", "open-busybox"])
def test_who_may_write_to_it_fails(host):
    found = flaws(RULE, host)
    assert set(found) == {
        "/etc/docker",
        "/etc/docker/daemon.json",
        "/etc/default/docker",
        "/etc/sysconfig/docker",
    }
    facts = {fact.fact: fact.found for fact in found["/etc/docker/daemon.json"].evidence}
    assert facts == {
        "/etc/docker/daemon.json: mode": "0666",
        "/etc/docker/daemon.json: owner": "mallory",
        "/etc/docker/daemon.json: group": 62001,
    }


def test_a_file_that_is_not_there_is_not_judged():
    assert machine("usual").file("/etc/sysconfig/docker") is None
    assert not flaws(RULE, "usual")


def test_a_group_that_may_only_read_is_low_and_one_that_may_write_is_not():
    readers = with_file("usual", "/etc/docker/daemon.json", gid=1000, group="staff")
    [flaw] = flaws(RULE, readers).values()
    assert flaw.severity is Severity.LOW
    writers = with_file("usual", "/etc/docker/daemon.json", gid=1000, group="staff", mode=0o664)
    [flaw] = flaws(RULE, writers).values()
    assert flaw.severity is None


def test_a_stricter_mode_passes():
    assert not flaws(RULE, with_file("usual", "/etc/docker/daemon.json", mode=0o600))


def test_modes_are_the_policys():
    assert set(flaws(RULE, "usual", file_mode="0600", directory_mode="0750")) == {
        "/etc/docker",
        "/etc/docker/daemon.json",
        "/etc/default/docker",
    }


def test_the_file_that_the_daemon_was_told_to_read_is_judged():
    known = with_file("usual", "/srv/docker.json", mode=0o666)
    daemon = replace(known.daemon, config_file="/srv/docker.json")
    assert list(flaws(RULE, replace(known, found_daemon=daemon))) == ["/srv/docker.json"]


def test_what_is_out_of_sight_is_unknown_after_all_that_was_seen():
    with pytest.raises(Unread, match=r"daemon\.json"):
        judge(RULE, "member-denied")
    with pytest.raises(Unread, match="/etc/docker: permission denied"):
        judge(RULE, denied("usual", "/etc/docker"))


def test_an_engine_without_configuration_is_not_judged():
    known = machine("usual")
    with pytest.raises(NotApplicable, match="no configuration file"):
        judge(RULE, replace(known, files=dict.fromkeys(known.files)))
