"""What is really sent to an engine: reading alone, and only what the list of calls has.

The proxies stand in front of a real engine: one that records, and HAProxy with the printed list.
"""

import http.client
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from scanner import calls
from scanner.collect import collect
from scanner.commands.calls import COMMANDS
from scanner.engine import Engine as Client
from scanner.errors import EngineError
from scanner.evaluate import evaluate
from scanner.probe import probe
from tests.support.engines import Engine, EngineFailed
from tests.support.hostile import RecordingProxy
from tests.support.ssh import MEMBER, SshServer


@pytest.fixture
def busy(empty_engine: Engine) -> Engine:
    """An engine with what makes a scan ask all that it ever asks of one that is in no swarm."""
    empty_engine.docker_run(name="running")
    empty_engine.docker_run("--user", "nobody", name="named-user", create_only=True)
    empty_engine.docker_run("--volume", "data:/data", name="with-volume")
    return empty_engine


def pattern_of(path: str) -> str:
    """As the list has it; the path itself if it is not on the list."""
    call = calls.known(path)
    return call.path if call else path


def read_all(url: str) -> None:
    """All that the product does with a host: it tries the connection, and scans."""
    assert probe(url).ok
    with Client(url) as client:
        snapshot = collect(client)
    assert not snapshot.gaps
    assert evaluate(snapshot)


def test_only_get_is_ever_sent_and_only_what_the_list_has(busy: Engine):
    with RecordingProxy(busy.socket) as proxy:
        read_all(proxy.url)
        sent = list(proxy.requests)
    assert len(sent) > 15
    assert {request.method for request in sent} <= {"GET", "HEAD"}
    assert not any(request.body for request in sent)
    for request in sent:
        parts = urlsplit(request.path)
        assert calls.is_allowed(parts.path, dict(parse_qsl(parts.query))), request.path


def test_a_swarm_is_read_with_the_same_verb_and_list(swarm: Engine):
    with RecordingProxy(swarm.socket) as proxy:
        read_all(proxy.url)
        sent = list(proxy.requests)
    assert {request.method for request in sent} == {"GET"}
    asked = {pattern_of(urlsplit(request.path).path) for request in sent}
    assert {"/swarm", "/nodes", "/services", "/secrets"} <= asked
    assert asked <= {call.path for call in calls.CALLS}


def test_every_call_of_the_list_is_really_made(busy: Engine, swarm: Engine):
    asked = set()
    for engine in (busy, swarm):
        with RecordingProxy(engine.socket) as proxy:
            read_all(proxy.url)
            asked |= {pattern_of(urlsplit(request.path).path) for request in proxy.requests}
    assert {call.path for call in calls.CALLS} == asked


def test_the_client_refuses_what_is_not_on_the_list(busy: Engine):
    with RecordingProxy(busy.socket) as proxy, Client(proxy.url) as client:
        client.version()
        container = busy.client.containers.get("running").id
        for path in (f"/containers/{container}/export", "/containers/x/../../info", "/system/df"):
            with pytest.raises(ValueError, match="not on the list"):
                client.get(path)
        with pytest.raises(ValueError, match="not on the list"):
            client.get(f"/containers/{container}/archive", path="/etc/shadow")
        assert len(proxy.requests) == 1


@pytest.fixture(scope="module")
def swarm() -> Iterator[Engine]:
    engine = Engine.start("swarm-1")
    engine.cli("swarm", "init", "--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1:2377")
    yield engine
    engine.stop()


@pytest.fixture
def haproxy(busy: Engine, tmp_path: Path) -> Iterator[str]:
    """HAProxy with the list as it is printed, but for where it listens and where the engine is."""
    program = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if program is None:
        raise EngineFailed("haproxy missing: run scripts/install-test-packages as root")
    place = tmp_path / "s"
    text = calls.haproxy(f"unix@{place}").replace("/var/run/docker.sock", str(busy.socket))
    (tmp_path / "haproxy.cfg").write_text(text)
    running = subprocess.Popen([program, "-db", "-f", str(tmp_path / "haproxy.cfg")])
    for _ in range(500):
        if place.exists():
            break
        time.sleep(0.01)
    yield f"unix://{place}"
    running.terminate()
    running.wait(10)


def status(url: str, method: str, path: str) -> int:
    connection = http.client.HTTPConnection("docker", timeout=10)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(url.removeprefix("unix://"))
    try:
        connection.request(method, path)
        with connection.getresponse() as response:
            response.read()
            return response.status
    finally:
        connection.close()


def test_the_printed_list_lets_a_whole_scan_through_a_proxy_and_nothing_else(
    busy: Engine, haproxy: str
):
    read_all(haproxy)
    container = busy.client.containers.get("running").id
    for method, path in (
        ("POST", f"/v1.41/containers/{container}/stop"),
        ("POST", "/v1.41/containers/create"),
        ("DELETE", f"/v1.41/containers/{container}"),
        ("HEAD", "/_ping"),
        ("GET", f"/v1.41/containers/{container}/export"),
        ("GET", f"/v1.41/containers/{container}/logs?stdout=1"),
        ("GET", f"/v1.41/containers/{container}/archive?path=/etc/shadow"),
        ("GET", f"/v1.41/containers/{container}/archive?path=/etc/passwd&path=/etc/shadow"),
        ("GET", "/v1.41/containers/../containers/json"),
        ("GET", "/v1.41/secrets/x"),
    ):
        assert status(haproxy, method, path) == 403, (method, path)
    assert busy.client.containers.get("running").status == "running"


@pytest.fixture
def bound_key(busy: Engine) -> Iterator[SshServer]:
    """A key that may start nothing but the printed program."""
    server = SshServer.start(busy)
    program = server.directory / "plimsoll-read-only"
    program.write_text(calls.ssh_forced_command(COMMANDS))
    program.chmod(0o755)
    server.bind_to(MEMBER, str(program))
    yield server
    server.stop()


def test_a_bound_key_lets_a_whole_scan_through(busy: Engine, bound_key: SshServer):
    with Client(bound_key.url(), bound_key.credentials) as client:
        snapshot = collect(client)
    assert not snapshot.gaps
    assert snapshot.machine is not None
    assert {c.name for c in snapshot.containers} == {"running", "named-user", "with-volume"}


def ssh(server: SshServer, command: str, sent: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    """What a stranger who has the key could try with the client that everybody has."""
    key = server.directory / "stolen_key"
    key.write_text(server.key)
    key.chmod(0o600)
    options = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    where = ["-i", str(key), "-p", str(server.port), f"{MEMBER}@127.0.0.1"]
    return subprocess.run(
        ["ssh", *options, *where, command], input=sent, capture_output=True, timeout=30
    )


def test_a_bound_key_can_do_nothing_else(busy: Engine, bound_key: SshServer):
    write = b"POST /containers/running/stop HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n"
    answer = ssh(bound_key, "docker system dial-stdio", write)
    assert answer.stdout.startswith(b"HTTP/1.1 403 Forbidden")
    assert busy.client.containers.get("running").status == "running"
    for command in ("id", "docker ps", "docker system dial-stdio; id", ""):
        refused = ssh(bound_key, command)
        assert (refused.returncode, refused.stdout) == (126, b""), command


def test_a_refused_call_is_told_as_what_it_is(bound_key: SshServer, monkeypatch):
    monkeypatch.setattr("scanner.calls.is_allowed", lambda path, query: True)
    with Client(bound_key.url(), bound_key.credentials) as client:
        client.version()
        with pytest.raises(EngineError, match="this key only reads"):
            client.get("/system/df")
