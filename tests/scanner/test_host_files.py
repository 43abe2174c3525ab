import pytest
from msgspec.structs import replace

from scanner.host_files import as_they_are, flaws
from scanner.machine import Daemon, File
from scanner.rule import Severity

FILE = File("/x", "file", 0o644, 0, 0, "root", "root", 0, "/real/x")
ROOT = Daemon()
USER = Daemon(uid=1000)


def test_what_is_as_it_should_be_has_no_flaw_and_can_be_shown():
    assert not list(flaws(FILE, ROOT, mode="0644", groups=("root",)))
    [fact] = as_they_are([FILE]).evidence
    assert (fact.fact, fact.found) == ("/real/x", "0644 root:root")


def test_a_flaw_names_the_file_that_links_lead_to():
    [flaw] = flaws(FILE, ROOT, mode="0600")
    assert flaw.sub_object == "/real/x"
    assert flaw.evidence[0].fact == "/real/x: mode"


@pytest.mark.parametrize(
    ("changes", "severity"),
    [
        ({"mode": 0o755}, Severity.LOW),
        ({"mode": 0o664}, None),
        ({"mode": 0o666}, Severity.CRITICAL),
        ({"mode": 0o4644}, Severity.LOW),
        ({"uid": 5}, None),
        ({"group": "staff"}, Severity.LOW),
        ({"group": "staff", "mode": 0o664}, None),
    ],
)
def test_the_severity_is_by_what_others_gain(changes, severity):
    file = replace(FILE, **changes)
    [flaw] = flaws(file, ROOT, mode="0644", groups=("root",), worst=Severity.CRITICAL)
    assert flaw.severity is severity


def test_a_group_that_may_write_by_the_policy_must_be_one_of_the_policys():
    file = replace(FILE, mode=0o660, group="staff")
    [flaw] = flaws(file, ROOT, mode="0660", groups=("docker",))
    assert flaw.severity is None
    assert flaw.evidence[0].wanted == "group docker"


def test_a_rootless_engines_files_belong_to_its_user_or_to_root_and_groups_do_not_count():
    for uid in (0, 1000):
        own = replace(FILE, uid=uid, gid=1000, group="me")
        assert not list(flaws(own, USER, mode="0644", groups=("root",)))
    [flaw] = flaws(replace(FILE, uid=1001, owner=""), USER, mode="0644")
    assert flaw.evidence[0].found == 1001
