"""The same engine over every transport: the same results, few connections, nothing left behind."""

import gc
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from scanner import Engine as Client
from scanner import EngineError, Ssh, Tls, calls, collect, evaluate, probe
from scanner.errors import AnswerError
from scanner.machine import COMMANDS as READING
from scanner.model import Snapshot
from scanner.rules import RULES
from scanner.transport.ssh import CHANNELS
from scanner.transport.ssh_commands import COMMANDS as CHECKING
from tests.conftest import start
from tests.support.engines import Engine
from tests.support.hostile import Peer, Server
from tests.support.machines import first_process
from tests.support.ssh import MEMBER, VISITOR, SshServer, without_docker

pytestmark = pytest.mark.engine

WAYS = (
    "unix",
    "tls",
    "ssh",
    "ssh, by the docker command",
    "ssh, bound to it",
    "ssh, over a bastion",
)


@pytest.fixture(scope="module")
def host() -> Iterator[Engine]:
    engine = start("by-every-way", tls=True)
    engine.run("shop-web-1", "plimsoll/app:1")
    engine.docker_run("--privileged", "--network=host", name="reports")
    engine.docker_run("--user=nobody", name="stopped", create_only=True)
    for number in range(8):
        engine.docker_run(name=f"worker-{number}")
    yield engine
    engine.stop()


@pytest.fixture
def ssh_server(host: Engine) -> Iterator[Callable[..., SshServer]]:
    with ExitStack() as stack:

        def make(*options: str) -> SshServer:
            made = SshServer.start(host, options=options)
            stack.callback(made.stop)
            return made

        yield make


@pytest.fixture
def server(ssh_server: Callable[..., SshServer]) -> SshServer:
    return ssh_server()


@pytest.fixture
def tls(host: Engine) -> Tls:
    assert host.certificates
    return host.certificates.credentials()


def by(way: str, host: Engine, make: Callable[..., SshServer]) -> tuple[str, Any]:
    """Address and credentials."""
    if way == "unix":
        return host.url, None
    if way == "tls":
        assert host.certificates
        return f"https://127.0.0.1:{host.port}", host.certificates.credentials()
    forbids = "command" in way
    server = make(*(["AllowStreamLocalForwarding no"] if forbids else [without_docker(host)]))
    if way == "ssh, bound to it":
        server = make()
        server.bind_to(MEMBER, "docker system dial-stdio")
    if way != "ssh, over a bastion":
        return server.url(), server.credentials
    bastion = make()
    bastion.authorize(VISITOR, (server.directory / "keys" / "root").read_text().strip())
    return server.url(), Ssh(
        key=server.key,
        host_key=server.host_key,
        bastion=bastion.url(VISITOR),
        bastion_host_key=bastion.host_key,
    )


def read(url: str, credentials: Any, **options: Any) -> Snapshot:
    with Client(url, credentials, **options) as client:
        return collect(client)


def verdicts(snapshot: Snapshot, *kinds: str) -> dict[Any, Any]:
    return {
        (result.rule, result.subject.name, result.sub_object): (result.verdict, result.reason)
        for result in evaluate(snapshot)
        if result.subject.kind in kinds
    }


@pytest.mark.parametrize("way", WAYS)
def test_the_same_containers_give_the_same_verdicts(
    host: Engine, ssh_server: Callable[..., SshServer], way: str
):
    found = read(*by(way, host, ssh_server))
    assert found.gaps == () or {gap.subject for gap in found.gaps} == {"host"}
    assert found.reached == way.partition(",")[0]
    local = read(host.url, None)
    subjects = ("container", "image", "network")
    assert verdicts(found, *subjects) == verdicts(local, *subjects)
    assert len(found.containers) == 11
    # Of the host more is known over SSH, and how it was reached is a fact of its own.
    before, after = verdicts(local, "host"), verdicts(found, "host")
    reached = {rule.slug for rule in RULES if "address" in "".join(rule.reads)}
    for unit, (verdict, reason) in before.items():
        if unit[0] not in reached and verdict.value != "unknown":
            assert after[unit] == (verdict, reason)


@pytest.mark.parametrize("way", WAYS[2:])
def test_a_scan_is_one_ssh_connection_and_never_more_than_four_channels(
    host: Engine, ssh_server: Callable[..., SshServer], way: str
):
    url, credentials = by(way, host, ssh_server)
    servers: list[SshServer] = []

    def remember(*options: str) -> SshServer:
        servers.append(ssh_server(*options))
        return servers[-1]

    url, credentials = by(way, host, remember)
    with Client(url, credentials) as client:
        snapshot = collect(client)
        tops = [call for call in client.ledger if "/top?" in call.path]
    assert len(snapshot.containers) == 11
    assert len(tops) >= 10
    assert CHANNELS == 4
    used = [server for server in servers if server.connections()]
    assert len(used) == (2 if way == "ssh, over a bastion" else 1)
    for server in used:
        assert server.connections() == 1
        assert 1 <= server.most_channels() <= CHANNELS
    assert max(server.most_channels() for server in used) == CHANNELS


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_left_behind(host: Engine, ssh_server: Callable[..., SshServer], way: str):
    url, credentials = by(way, host, ssh_server)
    read(url, credentials)  # what is loaded once and kept is there now
    gc.collect()
    threads, files = set(threading.enumerate()), _open_files()
    for _ in range(3):
        read(url, credentials)
        assert probe(url, credentials).ok
    gc.collect()
    assert set(threading.enumerate()) == threads
    assert _open_files() == files


@pytest.mark.parametrize("way", WAYS[1:])
def test_nothing_is_left_of_what_fails(
    host: Engine, ssh_server: Callable[..., SshServer], way: str
):
    url, credentials = by(way, host, ssh_server)
    assert probe(url, credentials).ok
    wrong: list[tuple[str, Any]] = []
    if isinstance(credentials, Tls):
        assert host.certificates
        wrong = [(url, host.certificates.credentials(name)) for name in ("stranger",)]
        wrong += [(url, host.certificates.credentials(ca="stranger-ca"))]
    else:
        wrong = [
            (url, Ssh(key=credentials.key)),
            (url.replace(MEMBER, "nobody-here"), credentials),
        ]
        if "bound" not in way:  # its command leads to the engine, whatever is asked for
            wrong.append((url + "/run/none.sock", credentials))
    gc.collect()
    threads, files = set(threading.enumerate()), _open_files()
    for address, shown in wrong:
        assert not probe(address, shown).ok
        with pytest.raises(EngineError):
            read(address, shown)
    gc.collect()
    assert set(threading.enumerate()) == threads
    assert _open_files() == files


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("way", WAYS)
def test_the_ledger_has_every_call(host: Engine, ssh_server: Callable[..., SshServer], way: str):
    url, credentials = by(way, host, ssh_server)
    before = time.time()
    with Client(url, credentials) as client:
        collect(client)
        ledger = list(client.ledger)
    gets = [call for call in ledger if call.method == "GET"]
    assert {call.method for call in ledger} <= {"GET", "RUN"}
    assert gets[0].path == "/version"
    assert sum("/top?" in call.path for call in gets) >= 10
    for call in gets:
        assert call.status == 200
        assert call.bytes > 0
        assert call.milliseconds >= 0
        assert before <= call.at <= time.time()
    ran = [call.path for call in ledger if call.method == "RUN"]
    assert bool(ran) == way.startswith("ssh")
    assert set(ran) <= {*READING, *CHECKING, "docker system dial-stdio"}
    assert ("docker system dial-stdio" in ran) == ("command" in way or "bound" in way)


def test_calls_without_an_answer_are_in_the_ledger_too(host: Engine):
    class Closing(Server):
        def serve(self, peer: Peer) -> None:
            peer.request()

    with Closing() as closing, Client(closing.url) as client:
        with pytest.raises(EngineError):
            client.version()
        [call] = client.ledger
    assert (call.method, call.path, call.status, call.bytes) == ("GET", "/version", 0, 0)


def test_what_the_environment_holds_has_no_say(
    host: Engine,
    ssh_server: Callable[..., SshServer],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv(name.lower(), "http://127.0.0.1:9")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    monkeypatch.setenv("HOME", str(tmp_path))
    secrets = tmp_path / "secrets"
    monkeypatch.setenv("SSLKEYLOGFILE", str(secrets))
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text("Host *\n ProxyCommand false\n Port 9\n User root\n")
    for way in WAYS:
        assert probe(*by(way, host, ssh_server)).ok, way
    assert not secrets.exists()


def test_a_key_of_the_environment_is_not_tried(
    host: Engine, server: SshServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """One that would be let in lies where SSH clients look for it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "id_ed25519").write_text(server.key)
    (tmp_path / ".ssh" / "id_ed25519").chmod(0o600)
    (tmp_path / ".ssh" / "known_hosts").write_text(f"[127.0.0.1]:{server.port} {server.host_key}\n")
    other = SshServer.start(host)
    other.stop()
    done = probe(server.url(), Ssh(key=other.key, host_key=server.host_key))
    assert done.failure is not None
    assert done.failure.kind == "login_refused"
    done = probe(server.url(), Ssh(key=server.key))
    assert done.failure is not None
    assert done.failure.kind == "host_key_new"


def test_tls_that_is_too_old_is_not_spoken(tls: Tls, host: Engine):
    class Old(Server):
        """Says what a server says that knows no TLS newer than 1.1."""

        def serve(self, peer: Peer) -> None:
            peer.connection.recv(4096)
            peer.send(bytes.fromhex("15 0302 0002 02 46"))

    with Old(tcp=True) as old:
        done = probe(old.url.replace("tcp:", "https:"), tls)
    assert done.failure is not None
    assert done.failure.kind == "tls_failed"
    assert "TLS 1.2 or newer" in done.failure.next


def test_credentials_are_nowhere_in_what_is_printed(server: SshServer, tls: Tls):
    for credentials in (server.credentials, tls):
        assert "PRIVATE" not in repr(credentials) + str(credentials)
        assert "AAAA" not in repr(credentials)


def test_a_shell_runs_commands_and_is_bounded(server: SshServer):
    with Client(server.url("root"), server.credentials, timeout=2.0) as client:
        shell = client.shell()
        assert shell is not None
        assert shell.run("id -u; exit 3") == (3, b"0\n")
        assert shell.run("cat /proc/sys/kernel/hostname") == (0, b"by-every-way\n")
        assert shell.run("cat") == (0, b"")  # there is nothing to read
        with pytest.raises(AnswerError) as caught:
            shell.run("cat /dev/zero")
        assert caught.value.kind == "too_large"
        began = time.monotonic()
        with pytest.raises(AnswerError) as caught:
            shell.run("sleep 60")
        assert caught.value.kind == "timeout"
        assert time.monotonic() - began < 4
        assert shell.run("echo still there") == (0, b"still there\n")
        runs = [call for call in client.ledger if call.method == "RUN"]
    assert [call.path for call in runs][:2] == ["echo plimsoll", "id -u; exit 3"]
    assert [(call.status, call.bytes) for call in runs][1:3] == [(3, 2), (0, 13)]
    assert len(runs) == 7
    assert server.connections() == 1


def test_other_ways_have_no_shell(host: Engine, ssh_server: Callable[..., SshServer]):
    for way in ("unix", "tls", "ssh, bound to it"):
        with Client(*by(way, host, ssh_server)) as client:
            client.version()
            assert client.shell() is None


def test_a_key_that_is_bound_to_the_printed_program_reads_all_and_does_nothing_else(
    host: Engine, server: SshServer
):
    program = server.directory / "plimsoll-read-only"
    program.write_text(calls.ssh_forced_command((*CHECKING, *READING)))
    program.chmod(0o755)
    server.bind_to(MEMBER, str(program))
    found = read(server.url(), server.credentials)
    free = read(host.url, None)
    subjects = ("container", "image", "network")
    assert verdicts(found, *subjects) == verdicts(free, *subjects)
    assert found.machine is not None
    assert found.machine.user.split()[0] == MEMBER
    assert server.most_channels() <= CHANNELS
    done = probe(server.url(), server.credentials)
    assert done.ok
    assert done.power is not None
    assert done.power.kind == "filtered"
    with Client(server.url(), server.credentials) as client:
        shell = client.shell()
        assert shell is not None
        assert shell.run("id") == (126, b"")


def test_a_connection_that_is_lost_during_a_scan_ends_it_with_its_reason(server: SshServer):
    with Client(server.url(), server.credentials) as client:
        client.version()
        # The servers of open connections outlive the one that listens.
        for pid in _pids(server.engine, f"sshd: {MEMBER}".encode()):
            os.kill(pid, 9)
        with pytest.raises(EngineError) as caught:
            client.get("/info")
        assert caught.value.kind == "closed"
        assert "SSH connection" in caught.value.message
        with pytest.raises(EngineError):
            client.get("/info")
        with pytest.raises(EngineError):
            client.shell()


def _pids(host: Engine, beginning: bytes) -> list[int]:
    """Processes of the host, by the beginning of their command line."""
    place = Path(f"/proc/{first_process(host)}/ns/mnt").readlink()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            there = (process / "ns" / "mnt").readlink() == place
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue  # it has ended meanwhile
        if there and command.startswith(beginning):
            found.append(int(process.name))
    return found


@pytest.mark.parametrize("way", ["ssh", "ssh, over a bastion"])
def test_a_server_that_hangs_is_left_in_time(
    host: Engine, ssh_server: Callable[..., SshServer], way: str
):
    """Also where it hangs in the middle: the engine's process is stopped, then the server."""
    url, credentials = by(way, host, ssh_server)
    with Client(url, credentials, timeout=1.5) as client:
        client.version()
        stopped = [
            *_pids(host, b"dockerd\0"),
            *_pids(host, f"sshd: {MEMBER}".encode()),
            *_pids(host, f"sshd: {VISITOR}".encode()),
        ]
        for pid in stopped:
            os.kill(pid, 19)
        try:
            began = time.monotonic()
            with pytest.raises(EngineError) as caught:
                client.get("/info")
            assert caught.value.kind == "timeout"
            assert time.monotonic() - began < 4
            client.connect_timeout = 4.0
            with pytest.raises(EngineError) as caught:
                client.get("/info")
            assert caught.value.kind == "timeout"
            assert time.monotonic() - began < 9
            client.close()
            assert time.monotonic() - began < 13
        finally:
            for pid in stopped:
                os.kill(pid, 18)


@pytest.mark.parametrize("way", WAYS[1:])
def test_many_streams_at_once(host: Engine, ssh_server: Callable[..., SshServer], way: str):
    """Four connections, each used by a thread of its own, give whole answers."""
    url, credentials = by(way, host, ssh_server)
    with Client(url, credentials) as client, ExitStack() as stack:
        client.version()
        expected = len(client.get("/info"))
        others = [stack.enter_context(client.another()) for _ in range(CHANNELS - 1)]
        sizes: list[int] = []

        def ask(other: Client) -> None:
            sizes.extend(len(other.get("/images/json")) for _ in range(20))

        threads = [threading.Thread(target=ask, args=[other]) for other in others]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(sizes) == 60
        assert len(set(sizes)) == 1
        assert abs(len(client.get("/info")) - expected) < 200


def test_a_fifth_channel_waits_and_then_gives_up(server: SshServer):
    with (
        Client(server.url(), server.credentials, connect_timeout=1.0) as client,
        ExitStack() as all_,
    ):
        client.version()
        for _ in range(CHANNELS - 1):
            all_.enter_context(client.another()).get("/version")
        with client.another() as fifth, pytest.raises(EngineError) as caught:
            fifth.get("/version")
        assert caught.value.kind == "timeout"
    assert server.most_channels() == CHANNELS


def test_a_port_that_answers_late_is_waited_for(host: Engine, tls: Tls):
    """A connection is slow, not broken: as long as the bounds allow, it is used."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def relay() -> None:
            near, _ = listener.accept()
            time.sleep(1.0)
            far = socket.create_connection(("127.0.0.1", host.port))
            flows = [
                threading.Thread(target=_flow, args=pair) for pair in ((near, far), (far, near))
            ]
            for flow in flows:
                flow.start()
            for flow in flows:
                flow.join()
            near.close()
            far.close()

        relaying = threading.Thread(target=relay)
        relaying.start()
        with Client(f"https://127.0.0.1:{port}", tls) as client:
            client.version()
        relaying.join()


def _flow(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):  # either side may be gone
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
