import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rule import NotApplicable, Severity
from scanner.rules.host.socket_permissions import RULE
from tests.recorded import context, host
from tests.recorded.machines import machine, rootless
from tests.scanner.rules.host.judging import denied, flaws, judge, podman, with_file

CONTAINERD = "/run/docker/containerd/containerd.sock"


def test_the_engine_as_it_comes_passes_and_shows_its_sockets():
    [shown] = judge(RULE, "usual")
    assert [fact.fact for fact in shown.evidence][:1] == ["/run/docker.sock"]
    assert shown.evidence[0].found == "0660 root:docker"
    assert shown.evidence[-1].fact == CONTAINERD


@pytest.mark.parametrize("host", ["open", "open-busybox"])
def test_a_socket_that_everybody_may_write_to_is_critical(host):
    flaw = flaws(RULE, host)["/run/docker.sock"]
    assert flaw.severity is Severity.CRITICAL
    assert flaw.evidence[0].found == "0666"


def test_containerds_socket_is_roots_alone():
    flaw = flaws(RULE, "open")[CONTAINERD]
    assert [fact.found for fact in flaw.evidence] == ["mallory", 62001]
    assert flaw.severity is None


def test_the_group_is_the_policys():
    socket = with_file("usual", "/run/docker.sock", group="operators")
    assert list(flaws(RULE, socket)) == ["/run/docker.sock"]
    assert not flaws(RULE, socket, groups=("operators", "docker"))


def test_a_stricter_mode_passes_and_a_stricter_policy_fails():
    assert not flaws(RULE, with_file("usual", "/run/docker.sock", mode=0o600))
    assert "/run/docker.sock" in flaws(RULE, "usual", mode="600")


def test_the_containerd_that_the_engine_was_told_to_use_is_judged():
    known = machine("usual")
    daemon = replace(known.daemon, flags={**known.daemon.flags, "containerd": "/run/own.sock"})
    told = replace(
        with_file("usual", "/run/own.sock", kind="socket", mode=0o666), found_daemon=daemon
    )
    assert list(flaws(RULE, told)) == ["/run/own.sock"]


def test_the_systems_containerd_goes_before_one_of_the_engines_own():
    system = with_file("open", "/run/containerd/containerd.sock", mode=0o660)
    assert list(flaws(RULE, system)) == ["/run/docker.sock"]


def test_a_rootless_engines_sockets_are_its_users():
    assert rootless().daemon.rootless
    assert not flaws(RULE, rootless())


def test_a_socket_out_of_sight_is_unknown_and_what_was_seen_still_counts():
    found = []
    with pytest.raises(Unread, match="permission denied"):
        found.extend(judge(RULE, "member"))
    checking = RULE.check(*_on(denied("open", CONTAINERD)))
    assert next(checking).sub_object == "/run/docker.sock"
    with pytest.raises(Unread, match=CONTAINERD):
        list(checking)


def _on(seen):
    return host(), context(machine=seen), RULE.parameters()


def test_an_engine_without_a_unix_socket_is_not_judged():
    known = machine("usual")
    files = {path: None if path.endswith(".sock") else file for path, file in known.files.items()}
    with pytest.raises(NotApplicable, match="no unix socket"):
        judge(RULE, replace(known, files=files))


def test_podman_has_no_daemon():
    with pytest.raises(NotApplicable, match="Podman"):
        list(RULE.check(*podman(), RULE.parameters()))


def test_without_a_way_to_the_hosts_files_it_is_unknown():
    with pytest.raises(Unread, match="needs SSH access"):
        list(RULE.check(host(), context(), RULE.parameters()))
