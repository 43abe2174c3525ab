import pytest
from msgspec.structs import replace

from scanner.machine import AuditRules
from scanner.model import Unread
from scanner.rule import NotApplicable
from scanner.rules.host.audit_rules import FILES, FOLDERS, RULE
from tests.recorded.machines import machine, rootless
from tests.scanner.rules.host.judging import flaws, judge

UNWATCHED = "/usr/bin/containerd"


def with_rules(*loaded, **facts):
    return replace(machine("usual"), found_audit_rules=AuditRules(loaded=loaded, **facts))


def test_without_rules_all_that_is_there_fails():
    found = flaws(RULE, "audit-nothing")
    assert {"/etc/docker", "/var/lib/docker", UNWATCHED, "/usr/sbin/dockerd"} <= set(found)
    assert found[UNWATCHED].evidence[0].found == "none: by auditctl -l"


def test_what_is_not_there_is_not_asked_for():
    assert "/etc/sysconfig/docker" not in flaws(RULE, "audit-nothing")


def test_what_is_watched_passes_and_the_rest_fails():
    found = flaws(RULE, "audit")
    assert "/etc/docker" not in found
    assert "/var/lib/docker" not in found
    assert "/usr/bin/containerd-shim" not in found
    assert UNWATCHED in found


def test_a_directory_that_is_watched_covers_what_lies_in_it():
    assert "/etc/docker/daemon.json" not in flaws(RULE, "audit")


def test_a_name_that_only_begins_alike_is_not_watched():
    """containerd-shim is watched; neither containerd nor the other shims are by that."""
    found = flaws(RULE, "audit")
    assert {UNWATCHED, "/usr/bin/containerd-shim-runc-v1"} <= set(found)


def test_a_rule_for_users_alone_is_enough_and_one_for_a_single_user_is_not():
    found = flaws(RULE, "audit")
    assert "/etc/default/docker" not in found
    assert "/usr/sbin/dockerd" in found


def test_rules_that_record_something_else_do_not_count():
    found = flaws(RULE, "audit")
    assert "/usr/sbin/runc" in found, "execution alone is recorded"
    assert "/etc/containerd/config.toml" in found, "a single system call is recorded"
    assert "/usr/lib/systemd/system/docker.service" in found, "it is never recorded"


def test_what_must_be_recorded_is_the_policys():
    assert "/usr/sbin/runc" not in flaws(RULE, "audit", permissions="x")
    assert "/etc/docker" in flaws(RULE, "audit", permissions="rwxa")


def test_rules_of_a_kernel_that_records_nothing_fail():
    found = flaws(RULE, "audit-off")
    assert found["/etc/docker"].evidence[0].found == "none: auditctl -s says that auditing is off"


def test_a_host_without_auditctl_fails_and_says_why():
    found = flaws(RULE, "no-audit")
    assert found["/etc/docker"].evidence[0].found == "none: auditctl is not installed"


def test_all_watched_passes():
    rules = [f"-w {path} -p wa -k docker" for path in (*FOLDERS, *FILES, "/var/lib/docker")]
    [shown] = judge(RULE, with_rules(*rules))
    assert "are watched" in shown.evidence[0].found


def test_a_program_is_watched_by_any_path_that_leads_to_it():
    assert "/usr/sbin/runc" not in flaws(RULE, with_rules("-w /usr/sbin/runc -p wa"))
    assert "/usr/sbin/runc" not in flaws(RULE, with_rules("-w /usr/bin/runc -p wa"))


def test_rules_that_are_only_written_are_never_a_pass():
    written = tuple(f"-w {path} -p wa" for path in ("/", "/etc"))
    seen = AuditRules(loaded=None, written=written)
    with pytest.raises(Unread, match="loaded was not seen"):
        judge(RULE, replace(machine("usual"), found_audit_rules=seen))
    nothing = AuditRules(loaded=None, written=())
    found = flaws(RULE, replace(machine("usual"), found_audit_rules=nothing))
    assert found["/etc/docker"].evidence[0].found == "none: by the files below /etc/audit"


def test_rules_out_of_sight_are_unknown():
    with pytest.raises(Unread, match="permission denied"):
        judge(RULE, "member")


def test_a_rootless_engine_is_not_judged():
    known = rootless()
    with pytest.raises(NotApplicable, match="rootless"):
        judge(RULE, known)


def test_further_paths_must_be_ones_that_the_host_was_asked_for():
    with pytest.raises(Unread, match="/etc/passwd"):
        judge(RULE, "audit-nothing", more=("/etc/passwd",))
    assert "/usr/bin/docker" in flaws(RULE, "audit-nothing", more=("/usr/bin/docker",))
