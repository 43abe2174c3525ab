"""Servers that speak TLS otherwise than an engine of today: older, slower, without tickets."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from scanner.engine import Engine
from scanner.errors import EngineError
from tests.support.certificates import Certificates

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n" + b'{"ApiVersion": "1.41"}'


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("tls") / "files")


@contextmanager
def speaking(
    files: Certificates, *, newest: ssl.TLSVersion, tickets: int = 2, late: float = 0.0
) -> Iterator[str]:
    """Wants our certificate. `late`: what it says of that is on the way for so many seconds."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = newest
    context.num_tickets = tickets
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(files.file("ca"))
    context.load_cert_chain(files.file("server-cert"), files.file("server-key"))

    def talk(raw: socket.socket) -> None:
        with suppress(OSError), raw, context.wrap_socket(raw, server_side=True) as peer:
            while peer.recv(4096):
                peer.sendall(ANSWER)

    def accept(listener: socket.socket, act: object) -> None:
        with suppress(OSError):
            while True:
                accepted, _ = listener.accept()
                threads.append(threading.Thread(target=act, args=[accepted]))
                threads[-1].start()

    def delay(near: socket.socket) -> None:
        with near, socket.create_connection(server.getsockname()) as far:
            threads.append(threading.Thread(target=_pass, args=(near, far)))
            threads[-1].start()
            with suppress(OSError):
                near.sendall(far.recv(65536))  # the server's part of the handshake
                time.sleep(late)
            _pass(far, near)

    threads: list[threading.Thread] = []
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_server(("127.0.0.1", 0)) as relay,
    ):
        for listener, act in ((server, talk), (relay, delay)):
            threads.append(threading.Thread(target=accept, args=(listener, act)))
            threads[-1].start()
        yield f"https://127.0.0.1:{(relay if late else server).getsockname()[1]}"
        for listener in (server, relay):
            listener.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join(10)


def _pass(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


def version(url: str, files: Certificates, name: str = "client", **which: str) -> bytes:
    with Engine(url, files.credentials(name, **which), timeout=5.0) as engine:
        return engine.version()


def failure(url: str, files: Certificates, name: str = "client", **which: str) -> EngineError:
    with pytest.raises(EngineError) as caught:
        version(url, files, name, **which)
    return caught.value


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("tickets", [0, 2])
def test_both_versions_of_tls_are_spoken(files: Certificates, newest: ssl.TLSVersion, tickets: int):
    with speaking(files, newest=newest, tickets=tickets) as url:
        began = time.monotonic()
        assert version(url, files) == b'{"ApiVersion": "1.41"}'
        assert time.monotonic() - began < 4


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_tell_that_we_are_refused(files: Certificates, newest: ssl.TLSVersion):
    with speaking(files, newest=newest) as url:
        error = failure(url, files, "stranger")
    assert error.kind == "client_refused"
    assert "plimsoll tests stranger-ca" in error.message


def test_a_refusal_that_comes_late_is_told_all_the_same(files: Certificates):
    with speaking(files, newest=ssl.TLSVersion.TLSv1_3, late=1.3) as url:
        error = failure(url, files, "stranger")
    assert error.kind == "client_refused"


def test_an_old_server_hides_its_certificate_from_whoever_shows_none(files: Certificates):
    with speaking(files, newest=ssl.TLSVersion.TLSv1_2) as url:
        error = failure(url, files, ca="stranger-ca")
    assert error.kind == "unknown_ca"
    assert "issued by another authority" in error.message
    assert "plimsoll tests stranger-ca" in error.message
