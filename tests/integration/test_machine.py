"""What lies under an engine, read of real hosts: by a shell there, and over SSH."""

import json
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from scanner.calls import ssh_forced_command
from scanner.collect import collect
from scanner.commands.calls import COMMANDS
from scanner.engine import Engine as Client
from scanner.evaluate import evaluate
from scanner.machine import Machine, read
from scanner.model import Snapshot
from scanner.rule import Family, Verdict
from scanner.rules import RULES
from scanner.unread import Unread
from tests.conftest import start
from tests.recorded.record_machines import BUSYBOX, ODD, OPEN, SECOND
from tests.support.engines import Engine
from tests.support.machines import Local
from tests.support.ssh import MEMBER, SshServer

pytestmark = pytest.mark.engine

HOST_RULES = [rule for rule in RULES if rule.family is Family.HOST]
SECRET = "hunter2hunter2"


@pytest.fixture(scope="module")
def host() -> Iterator[Engine]:
    """With a secret in its configuration, files that are open to all, and another engine."""
    log = {"log-driver": "fluentd", "log-opts": {"env": f"password={SECRET}"}}
    engine = start("under", images=False, daemon_config=log)
    yield engine
    engine.stop()


@pytest.fixture(scope="module")
def server(host: Engine) -> Iterator[SshServer]:
    server = SshServer.start(host)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def opened(host: Engine, server: SshServer) -> Engine:
    Local.with_own_files(host).do(OPEN.replace("62001", "62009").replace("62002", "62010") + SECOND)
    return host


def over_ssh(server: SshServer, user: str, path: str = "") -> tuple[Snapshot, Any]:
    with Client(server.url(user, path), server.credentials) as client:
        return collect(client, processes=False), list(client.ledger)


def under(server: SshServer, user: str) -> Machine:
    found = over_ssh(server, user)[0].machine
    assert found is not None
    return found


def failing(snapshot: Snapshot) -> set[tuple[str, str]]:
    results = evaluate(snapshot, rules=HOST_RULES)
    return {(r.rule, r.sub_object) for r in results if r.verdict is Verdict.FAIL}


# --- over SSH


def test_root_over_ssh_sees_what_a_shell_on_the_host_sees(
    opened: Engine, server: SshServer
) -> None:
    by_ssh = under(server, "root")
    by_shell = read(Local(opened), data_root="/var/lib/docker", socket="/run/docker.sock")
    assert by_ssh.unread == by_shell.unread == {}
    assert by_ssh.files == by_shell.files
    assert by_ssh.daemon == by_shell.daemon
    assert by_ssh.groups == by_shell.groups


def test_findings_over_ssh(opened: Engine, server: SshServer) -> None:
    found = failing(over_ssh(server, "root")[0])
    assert {
        ("socket-permissions", "/run/docker.sock"),
        ("configuration-permissions", "/etc/docker/daemon.json"),
        ("service-unit-permissions", "/usr/lib/systemd/system/docker.socket"),
        ("certificate-permissions", "/etc/docker/certs.d/registry:5000/client.key"),
        ("docker-group-members", "mallory"),
        ("docker-group-members", MEMBER),
        ("separate-partition", ""),
    } <= found


def test_a_member_of_the_group_sees_less_and_nothing_passes_by_that(
    opened: Engine, server: SshServer
) -> None:
    whole, part = over_ssh(server, "root")[0], over_ssh(server, MEMBER)[0]
    assert part.machine is not None
    assert part.machine.unread
    assert failing(part) < failing(whole)
    failed = {rule for rule, _ in failing(whole)}
    for result in evaluate(part, rules=HOST_RULES):
        if result.rule in failed:
            assert result.verdict in (Verdict.FAIL, Verdict.UNKNOWN), result
        if result.verdict is Verdict.UNKNOWN:
            assert "permission denied for user plimsoll" in result.reason, result
    assert part.gaps == (), "what a user may not see is no fault of the scan"


def test_of_two_engines_the_asked_one_is_judged(opened: Engine, server: SshServer) -> None:
    second = over_ssh(server, "root", "/run/second/docker.sock")[0]
    assert second.machine is not None
    assert second.machine.daemon.config_file == "/run/second/daemon.json"
    sockets = {path for rule, path in failing(second) if rule == "socket-permissions"}
    assert "/run/docker.sock" not in sockets


def test_it_costs_two_commands(opened: Engine, server: SshServer) -> None:
    _, calls = over_ssh(server, "root")
    reading = [call for call in calls if call.method == "RUN" and "plimsoll reads" in call.path]
    assert len(reading) == 2
    assert {call.status for call in reading} == {0}


def test_no_secret_is_kept(opened: Engine, server: SshServer) -> None:
    found = under(server, "root")
    assert found.daemon.option("log-opts").value == ("env=[hidden]",)
    assert SECRET not in msgspec.json.encode(found).decode()
    assert SECRET in (opened.directory / "etc" / "daemon.json").read_text()


def test_nothing_on_the_host_changes_by_being_read(opened: Engine, server: SshServer) -> None:
    listing = (
        "find /etc /run/docker.sock /usr/lib/systemd/system -xdev -printf '%p %m %U %G %T@\\n'"
    )
    before = Local(opened).do(f"{listing} | sort")
    under(server, "root")
    assert Local(opened).do(f"{listing} | sort") == before


# --- keys that may do less, shells that misbehave


@pytest.fixture
def bound(opened: Engine) -> Iterator[SshServer]:
    """A server of which a test may change who may do what."""
    server = SshServer.start(opened)
    yield server
    server.stop()


def test_a_key_that_is_limited_to_reading_reads_all_of_it(
    opened: Engine, bound: SshServer, server: SshServer
) -> None:
    program = opened.directory / "plimsoll-read-only"
    program.write_text(ssh_forced_command(COMMANDS))
    program.chmod(0o755)
    bound.bind_to("root", str(program))
    assert under(bound, "root") == under(server, "root")


@pytest.mark.parametrize(
    ("shell", "reason"),
    [
        ("yes", "larger|too|more than"),
        ("head -c 3000000 /dev/urandom", "did not run|cut off"),
        ("echo no shell for you; exit 1", "did not run"),
        ('sh -c "$SSH_ORIGINAL_COMMAND" | head -c 2000', "cut off"),
    ],
)
def test_a_shell_that_misbehaves_leaves_the_files_unknown_and_the_rest_judged(
    bound: SshServer, shell: str, reason: str
) -> None:
    script = (
        f'case $SSH_ORIGINAL_COMMAND in "# plimsoll reads"*) {shell};; '
        f'*) exec sh -c "$SSH_ORIGINAL_COMMAND";; esac'
    )
    program = bound.directory / "misbehaving"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    bound.bind_to("root", str(program))
    snapshot = over_ssh(bound, "root")[0]
    assert {gap.fact for gap in snapshot.gaps} == {"files", "sysctl"}
    results = evaluate(snapshot, rules=HOST_RULES)
    assert {result.verdict for result in results} == {Verdict.UNKNOWN}
    for result in results:
        assert any(word in result.reason for word in reason.split("|")), result.reason


def test_a_shell_that_hangs_is_given_up(bound: SshServer) -> None:
    program = bound.directory / "hanging"
    script = '*"plimsoll reads"*) sleep 60;; *) exec sh -c "$SSH_ORIGINAL_COMMAND";;'
    program.write_text(f"#!/bin/sh\ncase $SSH_ORIGINAL_COMMAND in {script} esac\n")
    program.chmod(0o755)
    bound.bind_to("root", str(program))
    began = time.monotonic()
    with Client(bound.url("root"), bound.credentials, timeout=2) as client:
        snapshot = collect(client, processes=False)
    assert time.monotonic() - began < 15
    assert {r.verdict for r in evaluate(snapshot, rules=HOST_RULES)} == {Verdict.UNKNOWN}


# --- by a shell on hosts of other kinds


def seen(engine: Engine, **user: Any) -> Machine:
    with Client(engine.url) as client:
        root = collect(client, processes=False).host.data_root
    return read(Local(engine, **user), data_root=root, socket=str(engine.socket))


@pytest.mark.parametrize("tools", [{}, {"shell": BUSYBOX}], ids=["gnu", "busybox"])
@pytest.mark.parametrize("release", ["", "26.1", "28.5"])
def test_engines_of_every_release(release: str, tools: dict[str, Any]) -> None:
    engine = start("release", images=False, daemon_config={"icc": False}, release=release)
    try:
        daemon = seen(engine, **tools).daemon
        assert (daemon.option("icc").value, daemon.option("icc").source) == (False, "file")
        assert str(engine.socket) in daemon.sockets
    finally:
        engine.stop()


def test_an_engine_that_remaps_users() -> None:
    engine = start("remap", images=False, daemon_config={"userns-remap": "default"})
    try:
        assert seen(engine).daemon.option("userns-remap").value == "default"
    finally:
        engine.stop()


@pytest.mark.parametrize("user", [{}, {"uid": 61000, "gid": 61000}], ids=["root", "its own user"])
def test_a_rootless_engine(user: dict[str, Any]) -> None:
    engine = start("rootless", images=False, rootless=True)
    try:
        found = seen(engine, **user)
        assert found.daemon.rootless
        assert found.daemon.option("icc").source == "default"
        assert found.file(str(engine.socket)) is not None
    finally:
        engine.stop()


def test_odd_files_do_not_hold_the_reading_up() -> None:
    engine = start("odd", images=False)
    try:
        Local.with_own_files(engine).do(ODD)
        began = time.monotonic()
        found = seen(engine)
        assert time.monotonic() - began < 20
        assert json.dumps("/etc/docker/certs.d/x\\ny/ca.crt") in json.dumps(sorted(found.files))
        with pytest.raises(Unread, match="could not be read"):
            found.daemon.option("icc")
    finally:
        engine.stop()


def test_two_readings_say_the_same_while_containers_come_and_go() -> None:
    """What is kept of a host is kept anew only when the host has changed."""
    engine = start("steady")
    try:
        engine.run("first")  # with which the engine makes folders of its own
        before = seen(engine)
        engine.run("comes", ports={"80/tcp": 8080}, volumes={"data": {"bind": "/data"}})
        during = seen(engine)
        engine.remove_containers()
        assert before == during == seen(engine)
    finally:
        engine.stop()
