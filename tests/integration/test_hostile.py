"""Whatever answers in an engine's place, a scan ends in time with a reason and without a guess."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from scanner.collect import collect
from scanner.engine import Engine as Client
from scanner.errors import EngineError
from scanner.model import Snapshot
from scanner.transport.credentials import Credentials
from tests.support.certificates import Certificates
from tests.support.engines import Engine
from tests.support.hostile import BEHAVIOURS, HostileServer, RecordingProxy, ok_then_500
from tests.support.ssh import SshServer

KINDS = {
    "not_an_engine": "not_an_engine",
    "web_page": "not_an_engine",
    "garbage": "not_an_engine",
    "bad_json": "not_an_engine",
    "wrong_types": "garbage",
    "server_error": "server_error",
    "half_body": "cut_off",
    "never": "timeout",
    "slow_drip": "timeout",
    "huge": "too_large",
    "deep": "not_an_engine",
    "closes": "closed",
    "redirect": "not_an_engine",
    "tls_only": "closed",
}
SECONDS = 2.0


def read(url: str, credentials: Credentials = None) -> Snapshot:
    with Client(url, credentials, timeout=SECONDS) as client:
        return collect(client)


@pytest.fixture
def proxy(empty_engine: Engine) -> Iterator[RecordingProxy]:
    """Before an engine that has containers of several kinds."""
    empty_engine.run("shop-web-1", "plimsoll/app:1")
    empty_engine.docker_run("--privileged", name="reports")
    empty_engine.docker_run(name="stopped", create_only=True)
    with RecordingProxy(empty_engine.socket) as started:
        yield started


def test_every_behaviour_is_tried():
    assert set(KINDS) == {*BEHAVIOURS, "tls_only"}


@pytest.fixture(scope="module")
def ssh_server() -> Iterator[SshServer]:
    engine = Engine.start("by-ssh")
    server = SshServer.start(engine)
    yield server
    server.stop()
    engine.stop()


@contextmanager
def hostile(
    way: str, behaviour: str, place: Path, ssh_server: SshServer
) -> Iterator[tuple[str, Any]]:
    """Address and credentials of a server that behaves so, at the end of this way."""
    files = Certificates.make(place / "tls") if way == "tls" else None
    with HostileServer(behaviour, tcp=way == "tcp", certificates=files) as server:
        if files is not None:
            yield server.url, files.credentials()
        elif way == "ssh":
            path = server.url.removeprefix("unix://")
            yield ssh_server.url("root", path), ssh_server.credentials
        else:
            yield server.url, None


@pytest.mark.parametrize("way", ["unix", "tcp", "tls", "ssh"])
@pytest.mark.parametrize(("behaviour", "kind"), KINDS.items())
def test_a_bad_answer_ends_in_time_with_its_reason(
    behaviour: str, kind: str, way: str, tmp_path: Path, ssh_server: SshServer
):
    if (behaviour, way) == ("tls_only", "tls"):
        kind = "server_error"  # there it is what is expected, and then answers
        behaviour = "server_error"
    with hostile(way, behaviour, tmp_path, ssh_server) as (url, credentials):
        started = time.monotonic()
        with pytest.raises(EngineError) as caught:
            read(url, credentials)
        assert time.monotonic() - started < 2 * SECONDS + 2
    assert caught.value.kind == kind
    assert caught.value.message
    assert caught.value.advice


def test_an_engine_that_wants_tls_says_so(fresh_engine: Callable[..., Engine]):
    engine = fresh_engine("secure", tls=True, images=False)
    with pytest.raises(EngineError) as caught:
        read(engine.tcp_url)
    assert caught.value.kind == "tls_needed"


def test_a_redirection_is_not_followed():
    with HostileServer("redirect") as server:
        with pytest.raises(EngineError):
            read(server.url)
        assert server.calls == [("GET", "/version")]


def test_a_whole_scan_asks_and_changes_nothing(proxy: RecordingProxy):
    snapshot = read(proxy.url)
    assert {container.name for container in snapshot.containers} == {
        "shop-web-1",
        "reports",
        "stopped",
    }
    assert {method for method, _ in proxy.calls} == {"GET"}
    assert all(not request.body for request in proxy.requests)


def test_an_engine_that_fails_after_its_version_is_not_taken_for_an_empty_one(
    empty_engine: Engine,
):
    with ok_then_500(empty_engine.socket) as proxy, pytest.raises(EngineError) as caught:
        read(proxy.url)
    assert caught.value.kind == "server_error"


@pytest.mark.parametrize("resource", ["/images/json", "/networks", "/volumes"])
@pytest.mark.parametrize(
    "body", [b"[1]", b'{"', b"null", b"", b"\xff\xfe", b"[" * 100_000, b'{"a":"\\ud800"}']
)
def test_a_spoiled_part_is_a_gap_and_the_rest_is_read(
    proxy: RecordingProxy, resource: str, body: bytes
):
    proxy.fail(resource, status=200, body=body)
    snapshot = read(proxy.url)
    assert [gap.fact for gap in snapshot.gaps] == [resource.split("/")[1]]
    assert len(snapshot.containers) == 3


@pytest.mark.parametrize("body", [b"[1]", b'[{"Id":5}]', b'["two"]', b"{}", b"null", b""])
def test_a_spoiled_list_of_containers_is_no_empty_host(proxy: RecordingProxy, body: bytes):
    proxy.fail("/containers/json", status=200, body=body)
    with pytest.raises(EngineError) as caught:
        read(proxy.url)
    assert caught.value.kind == "garbage"


def test_one_container_that_cannot_be_inspected_does_not_hide_the_others(proxy: RecordingProxy):
    identity = read(proxy.url).containers[0].id
    proxy.fail(f"/containers/{identity}/json", status=500)
    snapshot = read(proxy.url)
    assert len(snapshot.containers) == 3
    assert [gap.fact for gap in snapshot.gaps] == ["inspect"]


def test_a_container_that_is_gone_meanwhile_is_neither_read_nor_a_gap(proxy: RecordingProxy):
    identity = read(proxy.url).containers[0].id
    proxy.fail(f"/containers/{identity}/(json|top)", status=404)
    snapshot = read(proxy.url)
    assert len(snapshot.containers) == 2
    assert snapshot.gaps == ()


def test_an_engine_that_hangs_half_way_ends_the_scan_in_time(proxy: RecordingProxy):
    proxy.delay("/containers/json", 60)
    started = time.monotonic()
    with pytest.raises(EngineError) as caught:
        read(proxy.url)
    assert caught.value.kind == "timeout"
    assert time.monotonic() - started < SECONDS + 2


def test_a_slow_engine_is_read_in_full(proxy: RecordingProxy):
    proxy.delay("/.*", 0.1)
    assert len(read(proxy.url).containers) == 3
