import pytest
from msgspec.structs import replace

from scanner.machine import FileSystem
from scanner.model import Unread
from scanner.rule import Flaw
from scanner.rules.host.separate_partition import RULE
from tests.recorded import context, host
from tests.recorded.machines import machine
from tests.scanner.rules.host.judging import flaws, judge

ROOT = FileSystem("8:1", "/", "/", "ext4")
VAR = FileSystem("8:2", "/", "/var", "xfs")


def on(data_root, *mounts, **parameters):
    machine_ = replace(machine("usual"), mounts=(ROOT, *mounts))
    engine = replace(host(), data_root=data_root)
    [found] = RULE.check(engine, context(machine=machine_), RULE.parameters(**parameters))
    return found


def test_a_file_system_of_their_own_passes():
    [shown] = judge(RULE, "partition")
    assert shown.evidence[0].found == "tmpfs on /var/lib/docker"


def test_the_hosts_own_fails():
    found = on("/var/lib/docker")
    assert found.evidence[0].found == "ext4 on /"


def test_a_part_of_the_hosts_own_that_is_mounted_once_more_fails():
    """The recorded host has its data on a bind mount: a mount point, and the same disk."""
    [flaw] = flaws(RULE, "usual").values()
    assert flaw.evidence[0].found == "ext4 on /var/lib/docker"
    assert flaw.evidence[0].wanted == "a file system other than that of /"


def test_one_that_holds_more_is_enough_only_where_the_policy_says_so():
    assert isinstance(on("/var/lib/docker", VAR), Flaw)
    assert not isinstance(on("/var/lib/docker", VAR, shared=True), Flaw)


def test_an_engine_that_remaps_users_keeps_its_data_one_level_down():
    own = FileSystem("8:3", "/", "/var/lib/docker", "ext4")
    assert not isinstance(on("/var/lib/docker/100000.100000", own), Flaw)
    assert isinstance(on("/var/lib/docker/volumes", own), Flaw)


def test_a_name_that_only_begins_alike_is_no_mount_of_it():
    assert isinstance(on("/var/lib/docker", FileSystem("8:3", "/", "/var/lib/dock", "ext4")), Flaw)


def test_mounts_that_were_not_read_are_unknown():
    known = machine("usual")
    with pytest.raises(Unread, match="mountinfo"):
        judge(RULE, replace(known, unread={"/proc/self/mountinfo": "cut off"}))
    with pytest.raises(Unread, match="no mount holds"):
        judge(RULE, replace(known, mounts=()))
