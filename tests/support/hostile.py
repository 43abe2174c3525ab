"""Real servers that answer badly, and a proxy that records, delays and spoils real answers.

with HostileServer("never") as server: ...server.url...
with RecordingProxy(engine.socket) as proxy: proxy.delay("/info", 3); ...proxy.calls...
"""

import http.client
import itertools
import re
import shutil
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.support.certificates import Certificates

VERSION = b'{"Version":"20.10.24","ApiVersion":"1.41","MinAPIVersion":"1.12"}'
HTML = b"<!doctype html><title>Welcome</title><h1>It works!</h1>"
DEPTH = 100_000
NOT_FORWARDED = {"connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"}


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    """With its query."""
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def resource(self) -> str:
        """The path without API version and query: "/containers/json"."""
        return re.sub(r"^/v\d+\.\d+(?=/)", "", self.path.partition("?")[0])


class Peer:
    """Whoever connected."""

    def __init__(self, connection: socket.socket, server: "Server") -> None:
        self.connection = connection
        self.server = server
        self.stream = connection.makefile("rb")

    def request(self) -> Request | None:
        """Waits for the next request; None when there will be no more."""
        words = self.stream.readline(65536).decode("latin-1").split()
        if len(words) != 3:
            return None
        headers = http.client.parse_headers(self.stream)
        body = self.stream.read(int(headers.get("Content-Length", 0)))
        request = Request(words[0], words[1], headers, body)
        self.server.requests.append(request)
        return request

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def answer(self, status: int, body: bytes, *, kind: str = "application/json") -> None:
        self.send(head(status, f"Content-Type: {kind}", f"Content-Length: {len(body)}") + body)

    def rest(self, seconds: float) -> None:
        """Waits, though no longer than the server lives."""
        self.server.stopping.wait(seconds)


class Server:
    """Serves each connection in a thread of its own, on a Unix socket or on 127.0.0.1."""

    def __init__(self, *, tcp: bool = False) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="plimsoll-hostile-"))
        self.requests: list[Request] = []
        self.stopping = threading.Event()
        if tcp:
            self._listener = socket.create_server(("127.0.0.1", 0))
            self.url = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        else:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(self.directory / "docker.sock"))
            self._listener.listen(64)
            self.url = f"unix://{self.directory}/docker.sock"
        self._connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def calls(self) -> list[tuple[str, str]]:
        """Method and path of every request so far."""
        return [(request.method, request.path) for request in self.requests]

    def serve(self, peer: Peer) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        self.stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        for connection in self._connections:
            with suppress(OSError):  # closed already
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()
        self._listener.close()
        shutil.rmtree(self.directory)

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # stop() woke us
            self._connections.append(connection)
            self._threads.append(threading.Thread(target=self._talk, args=[connection]))
            self._threads[-1].start()

    def _talk(self, connection: socket.socket) -> None:
        with connection:
            peer = Peer(connection, self)
            with peer.stream, suppress(OSError):  # a peer may give up at any time
                self.serve(peer)


class HostileServer(Server):
    """Answers as one of BEHAVIOURS, or as "tls_only": TLS, where plain text is expected. With
    certificates it speaks TLS as an engine does, and behaves so inside of it."""

    def __init__(
        self, behaviour: str, *, tcp: bool = False, certificates: Certificates | None = None
    ) -> None:
        self.behaviour = BEHAVIOURS.get(behaviour, server_error)
        self._tls: ssl.SSLContext | None = None
        super().__init__(tcp=tcp or certificates is not None)
        if certificates is not None:
            self.url = self.url.replace("tcp:", "https:")
        elif behaviour == "tls_only":
            certificates = Certificates.make(self.directory / "tls")
        if certificates is not None:
            self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._tls.load_cert_chain(
                certificates.file("server-cert"), certificates.file("server-key")
            )
            if behaviour != "tls_only":
                self._tls.load_verify_locations(certificates.file("ca"))
                self._tls.verify_mode = ssl.CERT_REQUIRED

    def serve(self, peer: Peer) -> None:
        if self._tls is None:
            self.behaviour(peer)
            return
        with self._tls.wrap_socket(peer.connection.dup(), server_side=True) as secured:
            inner = Peer(secured, self)
            with inner.stream:
                self.behaviour(inner)


@dataclass(frozen=True)
class Spoiled:
    resource: re.Pattern[str]
    seconds: float = 0
    status: int = 0
    body: bytes = b""


class RecordingProxy(Server):
    """Stands before a real engine and keeps what was asked of it, in `requests` and `calls`.

    Resources are regular expressions for whole paths without API version: r"/containers/.*/top".
    The rule that was added last wins.
    """

    def __init__(self, upstream: Path, *, tcp: bool = False) -> None:
        self.upstream = upstream
        self._spoiled: list[Spoiled] = []
        super().__init__(tcp=tcp)

    def delay(self, resource: str, seconds: float) -> None:
        self._spoiled.insert(0, Spoiled(re.compile(resource), seconds=seconds))

    def fail(
        self, resource: str, status: int = 500, body: bytes = b'{"message":"made to fail"}'
    ) -> None:
        """Answers this instead; with status 200 also for a wrong body."""
        self._spoiled.insert(0, Spoiled(re.compile(resource), status=status, body=body))

    def mend(self) -> None:
        """From now on it only records."""
        self._spoiled = []

    def serve(self, peer: Peer) -> None:
        while (request := peer.request()) is not None:
            spoiled = self._rule(request)
            if spoiled is not None:
                peer.rest(spoiled.seconds)
            if spoiled is not None and spoiled.status:
                peer.answer(spoiled.status, spoiled.body)
            else:
                self._forward(request, peer)

    def _rule(self, request: Request) -> Spoiled | None:
        return next((s for s in self._spoiled if s.resource.fullmatch(request.resource)), None)

    def _forward(self, request: Request, peer: Peer) -> None:
        connection = http.client.HTTPConnection("docker")
        connection.sock = socket.socket(socket.AF_UNIX)
        try:
            connection.sock.connect(str(self.upstream))
            headers = {name: value for name, value in request.headers.items() if _forwarded(name)}
            connection.request(request.method, request.path, request.body or None, headers)
            with connection.getresponse() as response:
                kept = [f"{n}: {v}" for n, v in response.getheaders() if _forwarded(n)]
                if response.status in (204, 304) or request.method == "HEAD":
                    peer.send(head(response.status, *kept))
                    return
                peer.send(head(response.status, *kept, "Transfer-Encoding: chunked"))
                while chunk := response.read1(65536):
                    peer.send(_chunk(chunk))
                peer.send(_chunk(b""))
        finally:
            connection.close()


def ok_then_500(upstream: Path, *, tcp: bool = False) -> RecordingProxy:
    """A real engine for /version and /info, and an error for all else."""
    proxy = RecordingProxy(upstream, tcp=tcp)
    proxy.fail(r"(?!/version$|/info$|/_ping$).*")
    return proxy


def not_an_engine(peer: Peer) -> None:
    """Any web server."""
    while request := peer.request():
        peer.answer(200 if request.path == "/" else 404, HTML, kind="text/html")


def web_page(peer: Peer) -> None:
    """A web server that has the same page for every address."""
    while peer.request():
        peer.answer(200, HTML, kind="text/html")


def garbage(peer: Peer) -> None:
    """Some other protocol, whose server speaks first and then waits."""
    peer.send(b"\x00\x01\xff\xfeSSH-2.0-\x80\x81\r\n\r\n" * 20)
    peer.rest(600)


def bad_json(peer: Peer) -> None:
    while peer.request():
        peer.answer(200, b'{"Version": "20.10.24", "ApiVersion": ')


def wrong_types(peer: Peer) -> None:
    while request := peer.request():
        version = request.resource == "/version"
        peer.answer(200, VERSION if version else b'[1, "two", null, {"Id": 5, "Names": {}}]')


def server_error(peer: Peer) -> None:
    while peer.request():
        peer.answer(500, b'{"message":"server error"}')


def half_body(peer: Peer) -> None:
    """Promises more than it sends."""
    peer.request()
    peer.send(head(200, f"Content-Length: {len(VERSION) + 1000}") + VERSION)


def never(peer: Peer) -> None:
    peer.request()
    peer.rest(600)


def slow_drip(peer: Peer) -> None:
    """A good answer, one byte a second."""
    peer.request()
    for byte in head(200, f"Content-Length: {len(VERSION)}") + VERSION:
        peer.send(bytes([byte]))
        peer.rest(1)


def huge(peer: Peer) -> None:
    """An answer without end, as fast as it is read."""
    peer.request()
    peer.send(head(200, "Transfer-Encoding: chunked") + _chunk(b'{"Version":"'))
    for _ in itertools.count():
        peer.send(_chunk(b"x" * 65536))


def deep(peer: Peer) -> None:
    """Good answers to whoever ignores the field that is nested too deep."""
    nested = b'{"Deep":' + b"[" * DEPTH + b"]" * DEPTH
    while request := peer.request():
        peer.answer(200, nested + (b"," + VERSION[1:] if request.resource == "/version" else b"}"))


def closes(peer: Peer) -> None:
    """Accepts and hangs up."""


def redirect(peer: Peer) -> None:
    """Sends its peer elsewhere, where it would be seen."""
    while request := peer.request():
        if request.path == "/elsewhere":
            peer.answer(200, VERSION)
        else:
            peer.send(head(302, "Location: /elsewhere", "Content-Length: 0"))


BEHAVIOURS: dict[str, Callable[[Peer], None]] = {
    behaviour.__name__: behaviour
    for behaviour in (
        *(not_an_engine, web_page, garbage, bad_json, wrong_types, server_error, half_body),
        *(never, slow_drip, huge, deep, closes, redirect),
    )
}


def head(status: int, *headers: str) -> bytes:
    """Status line and headers."""
    first = f"HTTP/1.1 {status} {http.client.responses[status]}"
    return "\r\n".join([first, *headers, "", ""]).encode("latin-1")


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _forwarded(name: str) -> bool:
    return name.lower() not in NOT_FORWARDED
