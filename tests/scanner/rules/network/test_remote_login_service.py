import pytest
from msgspec.structs import replace

from scanner.model import Process, Unread
from scanner.rules.network.remote_login_service import Parameters, check
from tests.recorded import container, context, without

USUAL = Parameters()


def judged(subject, parameters=USUAL):
    """What was found, and whether it ended in unknown."""
    flaws = {}
    try:
        for flaw in check(subject, context(), parameters):
            flaws[flaw.sub_object] = {(fact.fact, fact.found) for fact in flaw.evidence}
    except Unread:
        return flaws, True
    return flaws, False


def running(*names, of="net_running"):
    processes = tuple(Process(0, name) for name in names)
    return replace(container(of), processes=processes)


def kinds(subject):
    flaws, unknown = judged(subject)
    assert not unknown
    return set(flaws)


def made(subject):
    """A running container with a complete process list."""
    return running("app", of=subject)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("sshd", "ssh"),
        ("sshd-session", "ssh"),
        ("dropbear", "ssh"),
        ("telnetd", "telnet"),
        ("in.telnetd", "telnet"),
        ("vsftpd", "ftp"),
        ("pure-ftpd-mysql", "ftp"),
        ("rlogind", "rlogin"),
        ("in.rshd", "rlogin"),
        ("Xvnc", "vnc"),
        ("x11vnc", "vnc"),
        ("vncserver", "vnc"),
        ("xrdp", "rdp"),
        ("in.tftpd", "inetd"),
    ],
)
def test_a_login_service_that_runs_fails(name, kind):
    assert kinds(running("app", name)) == {kind}


@pytest.mark.parametrize("name", ["sshd-exporter", "my-sshd", "ssh", "inetd", "ftp", "init", ""])
def test_names_are_matched_whole(name):
    assert kinds(running(name)) == set()


def test_all_that_betrays_a_service_is_one_flaw():
    flaws, unknown = judged(running("sshd", of="login_running"))
    assert not unknown
    assert flaws == {
        "ssh": {
            ("top: processes", "sshd"),
            ("Config.Entrypoint, Config.Cmd", "sshd"),
            ("Config.ExposedPorts", "22/tcp"),
        }
    }


def test_a_stopped_container_fails_by_its_command_and_may_run_others_unseen():
    flaws, unknown = judged(container("login_image"))
    assert set(flaws) == {"ssh"}
    assert unknown
    assert judged(container("login_shell")) == (
        {"ssh": {("Config.Entrypoint, Config.Cmd", "dropbear")}},
        True,
    )


def test_exposed_ports_fail_by_the_containers_port():
    flaws, _ = judged(container("login_exposed"))
    assert flaws == {
        "ssh": {("Config.ExposedPorts", "22/tcp")},
        "telnet": {("Config.ExposedPorts", "23/tcp")},
    }


def test_a_stopped_container_with_nothing_suspicious_is_unknown_and_no_pass():
    assert judged(container("net_plain")) == ({}, True)
    assert judged(container("login_lookalike")) == ({}, True)


def test_a_process_list_that_could_not_be_read_is_unknown():
    assert judged(container("net_running")) == ({}, True)


def test_a_running_container_without_any_passes():
    assert kinds(made("net_running")) == set()


def test_a_service_that_an_entrypoint_starts_fails():
    started = replace(
        made("net_running"), entrypoint=("/entrypoint.sh",), command=("/usr/sbin/sshd", "-D")
    )
    assert kinds(started) == {"ssh"}


def test_the_policy_says_what_a_login_service_is():
    parameters = Parameters({"web shell": ("ttyd", "7681/tcp")})
    flaws, _ = judged(running("ttyd", "sshd"), parameters)
    assert set(flaws) == {"web shell"}


@pytest.mark.parametrize("fact", ["command", "entrypoint", "exposed_ports", "processes"])
def test_what_was_not_read_is_unknown(fact):
    assert judged(without(made("net_running"), fact)) == ({}, True)
