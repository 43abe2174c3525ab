import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rule import NotApplicable
from scanner.rules.host.docker_group_members import RULE
from tests.recorded.machines import machine, rootless
from tests.scanner.rules.host.judging import flaws, judge


def test_a_group_without_members_passes():
    [shown] = judge(RULE, "usual")
    assert shown.evidence[0].fact == "/etc/group: docker"


@pytest.mark.parametrize("host", ["open", "open-busybox"])
def test_members_fail_also_those_whose_primary_group_it_is(host):
    assert set(flaws(RULE, host)) == {"mallory", "eve"}


def test_root_may_be_in_it():
    [group] = [g for g in machine("open").groups.values() if g.name == "docker"]
    assert "root" in group.members


def test_whom_the_policy_allows_passes():
    assert set(flaws(RULE, "open", allowed=("mallory",))) == {"eve"}
    assert not flaws(RULE, "open", allowed=("mallory", "eve"))


def test_the_group_is_that_of_the_socket_whatever_it_is_called():
    known = machine("open")
    gid = known.file("/run/docker.sock").gid
    groups = {gid: replace(known.groups[gid], name="containers")}
    [flaw, _] = flaws(RULE, replace(known, groups=groups)).values()
    assert flaw.evidence[0].fact == "/etc/group: containers"


def test_a_group_that_was_not_read_is_unknown():
    with pytest.raises(Unread, match="/etc/group"):
        judge(RULE, replace(machine("open"), groups={}))


def test_a_rootless_engines_socket_is_shared_with_nobody():
    known = rootless()
    with pytest.raises(NotApplicable, match="rootless"):
        judge(RULE, known)


def test_an_engine_without_a_unix_socket_is_not_judged():
    known = machine("usual")
    with pytest.raises(NotApplicable, match="no unix socket"):
        judge(RULE, replace(known, files=dict.fromkeys(known.files)))
