"""Read-only client of the Engine API. Nothing but GET can be expressed here.

Every call is bounded in bytes and in time, also against an engine that drips a byte a second. A
connection is kept alive and reused; environment variables for proxies or certificates have no say.
"""

import errno
import http.client
import os
import socket
import stat
import threading
import time
from types import TracebackType
from typing import Self
from urllib.parse import urlencode, urlsplit

from docker.transport.unixconn import UnixHTTPConnection

from scanner import wire

OLDEST_API = (1, 40)
NEWEST_API = (1, 51)
"""The API versions whose shapes the parser knows; newer engines also speak an older one."""

_MIB = 1024 * 1024


class EngineError(Exception):
    """The engine could not be read. `kind` is a stable word, `advice` the next step to take."""

    def __init__(self, kind: str, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.advice = advice


class AnswerError(EngineError):
    """One call was answered, but not usefully; other calls on the same engine may still work."""


class GoneError(AnswerError):
    """The engine has no such object (any more)."""


class _UnixConnection(UnixHTTPConnection):
    def connect(self) -> None:
        """Closes its socket where nothing takes the connection."""
        attempt = socket.socket(socket.AF_UNIX)
        try:
            attempt.settimeout(self.timeout)
            attempt.connect(self.unix_socket)
        except OSError:
            attempt.close()
            raise
        self.sock = attempt


class Engine:
    """A connection to one engine; not for use by several threads at once.

    `url` is `unix:///path`, a bare path, or `tcp://host:port`. `timeout` bounds each call as a
    whole, `connect_timeout` only the connecting, both in seconds; `limit` is the largest answer
    in bytes. Raises EngineError for an address that cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 10.0,
        connect_timeout: float = 5.0,
        limit: int = 32 * _MIB,
    ) -> None:
        self.url = url
        self.timeout = timeout
        self.connect_timeout = connect_timeout
        self.limit = limit
        self.calls = 0
        self.bytes_read = 0
        self._prefix = ""
        self.socket_path, self.host, self.port = _address(url)
        self._connection: http.client.HTTPConnection | None = None
        self._deadline: float | None = None
        self._expired = False
        self._closed = threading.Event()
        self._watchdog: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def reached(self) -> str:
        """By what kind of connection: "unix" or "tcp"."""
        return "tcp" if self.socket_path is None else "unix"

    def another(self) -> "Engine":
        """A further connection to the same engine with the same bounds and API version."""
        engine = Engine(
            self.url,
            timeout=self.timeout,
            connect_timeout=self.connect_timeout,
            limit=self.limit,
        )
        engine._prefix = self._prefix
        return engine

    def close(self) -> None:
        self._closed.set()
        self._drop()
        if self._watchdog is not None:
            self._watchdog.join()

    def connect(self) -> None:
        """Only connects. Raises EngineError where nothing takes the connection."""
        try:
            self._connect()
        except OSError as error:
            self._drop()
            raise self._diagnosis(error, "/") from error

    def version(self) -> bytes:
        """GET /version, after which every call names one API version that both sides know.

        Raises EngineError where whatever answers is no engine, or one too old to be understood.
        """
        try:
            body = self.get("/version")
            answer = wire.decode(body, wire.VersionJson)
        except GoneError as error:
            raise _not_an_engine(self.url) from error
        except wire.Malformed as error:
            raise _not_an_engine(self.url, str(error)) from error
        spoken = _api(answer.ApiVersion)
        if spoken is None:
            raise _not_an_engine(self.url)
        if spoken < OLDEST_API:
            raise EngineError(
                "api_too_old",
                f"The engine speaks API {answer.ApiVersion}; {OLDEST_API[0]}.{OLDEST_API[1]} or "
                "newer is needed.",
                "Upgrade the engine to 19.03 or newer.",
            )
        self._prefix = "/v{}.{}".format(*min(spoken, NEWEST_API))
        return body

    def get(self, path: str, /, **parameters: str) -> bytes:
        """The answer's body. Raises AnswerError for an answer of no use, EngineError where there
        is none at all."""
        target = self._prefix + path + (f"?{urlencode(parameters)}" if parameters else "")
        fresh = self._connection is None
        try:
            return self._exchange(path, target)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError) as error:
            # A kept connection may have been closed while it rested: once more on a new one.
            if fresh or self._expired:
                raise self._diagnosis(error, path) from error
        except (OSError, http.client.HTTPException) as error:
            raise self._diagnosis(error, path) from error
        try:
            return self._exchange(path, target)
        except (OSError, http.client.HTTPException) as error:
            raise self._diagnosis(error, path) from error

    def _exchange(self, path: str, target: str) -> bytes:
        self._expired = False
        self._deadline = time.monotonic() + self.timeout
        done = False
        try:
            connection = self._connect()
            request = f"GET {target} HTTP/1.1\r\nHost: docker\r\nUser-Agent: plimsoll\r\n\r\n"
            connection.sock.sendall(request.encode("ascii"))
            with http.client.HTTPResponse(connection.sock, method="GET") as response:
                response.begin()
                body = self._body(response, path)
                done = not response.will_close
        finally:
            self._deadline = None
            if not done:
                self._drop()
        self.calls += 1
        self.bytes_read += len(body)
        if response.status != 200:
            raise self._refusal(response.status, body, path)
        return body

    def _body(self, response: http.client.HTTPResponse, path: str) -> bytes:
        chunks, size = [], 0
        while chunk := response.read1(64 * 1024):
            size += len(chunk)
            if size > self.limit:
                raise AnswerError(
                    "too_large",
                    f"The answer to {path} is larger than {self.limit // _MIB} MiB.",
                    "Nothing was kept of it. Is this address really a Docker engine?",
                )
            if self._expired:
                raise TimeoutError
            chunks.append(chunk)
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
        return b"".join(chunks)

    def _connect(self) -> http.client.HTTPConnection:
        if self._connection is None:
            if self.socket_path is not None:
                self._connection = _UnixConnection(
                    "http+unix://localhost",
                    self.socket_path,
                    self.connect_timeout,  # type: ignore[arg-type] # a socket takes fractions too
                )
            else:
                self._connection = http.client.HTTPConnection(
                    self.host or "", self.port, timeout=self.connect_timeout
                )
            self._connection.connect()
            self._connection.sock.settimeout(self.timeout)
            self._watch()
        return self._connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _watch(self) -> None:
        """Starts the thread that ends a call at its deadline, however slowly bytes drip in."""
        if self._watchdog is None:
            self._watchdog = threading.Thread(target=self._guard, daemon=True)
            self._watchdog.start()

    def _guard(self) -> None:
        while not self._closed.wait(0.25):
            deadline, connection = self._deadline, self._connection
            if deadline is None or connection is None or time.monotonic() < deadline:
                continue
            self._expired = True
            own = connection.sock
            if own is not None:
                try:
                    own.shutdown(socket.SHUT_RDWR)
                except OSError as error:
                    if error.errno not in (errno.ENOTCONN, errno.EBADF):
                        raise

    def _refusal(self, status: int, body: bytes, path: str) -> EngineError:
        said = _said(body)
        if status == 404:
            return GoneError("gone", f"The engine knows no {path}: {said}")
        if status == 409:
            return AnswerError("conflict", f"The engine cannot answer GET {path} now: {said}", "")
        if status == 400 and "HTTPS server" in said:
            return EngineError(
                "tls_needed",
                f"The engine at {self.url} wants TLS; this address is plain TCP.",
                "Register it with TLS and a client certificate.",
            )
        if status in (401, 403):
            return AnswerError(
                "denied",
                f"The engine denied GET {path}: {said}",
                "An authorisation plugin or a socket proxy must allow this read-only call.",
            )
        if 300 <= status < 400 or status in (400, 405):
            return AnswerError(
                "not_an_engine",
                f"{self.url} answers GET {path} with status {status}: {said}",
                "Check the address: a Docker engine does not answer so.",
            )
        return AnswerError(
            "server_error",
            f"The engine answered GET {path} with status {status}: {said}",
            "Look into the engine's own log on the host.",
        )

    def _diagnosis(self, error: Exception, path: str) -> EngineError:
        where = self.socket_path or f"{self.host}:{self.port}"
        if self._expired or isinstance(error, TimeoutError):
            return EngineError(
                "timeout",
                f"No complete answer from {where} to GET {path} within {self.timeout:g} s.",
                "Usually a firewall on the way, or an engine that hangs: try `docker ps` there."
                if self.socket_path is None
                else "The engine accepts connections but hangs: try `docker ps` on the host.",
            )
        if isinstance(error, socket.gaierror):
            return EngineError(
                "dns",
                f"The name {self.host} was not found by this server.",
                "Check the spelling, or use an address. The name must be known where Plimsoll "
                "runs, not on your own machine.",
            )
        if self.socket_path is not None and (found := _socket_trouble(self.socket_path)):
            return found
        if isinstance(error, ConnectionRefusedError):
            return EngineError(
                "refused",
                f"{where} was reached, but nothing listens there.",
                "Start the engine, or check the port: 2375 is plain TCP, 2376 is TLS."
                if self.socket_path is None
                else "The socket is left over from an engine that is stopped: start the engine.",
            )
        if isinstance(error, http.client.IncompleteRead):
            return AnswerError(
                "cut_off",
                f"The answer to GET {path} broke off before its end.",
                "The engine or a proxy on the way closed the connection: look into its log.",
            )
        if isinstance(error, http.client.RemoteDisconnected | ConnectionError | BrokenPipeError):
            return EngineError(
                "closed",
                f"{where} closed the connection without an answer.",
                "The engine may be stopping, or a TLS server listens there.",
            )
        if isinstance(error, http.client.HTTPException):
            if "\\x15\\x03" in repr(error) or "\x15\x03" in str(error):
                return EngineError(
                    "tls_needed",
                    f"{where} speaks TLS; this address is plain TCP.",
                    "Register it with TLS and a client certificate.",
                )
            return EngineError(
                "not_an_engine",
                f"{where} does not speak HTTP as an engine does: {str(error)[:200]!r}",
                "Check the address: something other than a Docker engine listens there.",
            )
        return EngineError(
            "unreachable",
            f"{where} could not be reached: {error}",
            "Check the address and the network between this server and the host.",
        )


def canonical(url: str) -> str:
    """The one spelling of an address. Raises EngineError for what is none."""
    path, host, port = _address(url.strip())
    if path is not None:
        return f"unix://{os.path.normpath(path)}"
    return f"tcp://[{host}]:{port}" if ":" in (host or "") else f"tcp://{host}:{port}"


def _address(url: str) -> tuple[str | None, str | None, int | None]:
    """Socket path, or host and port."""
    wrong = EngineError(
        "bad_address",
        f"{url[:200]!r} is no address of an engine.",
        "Write unix:///var/run/docker.sock or tcp://host:2375.",
    )
    if not url.isprintable() or " " in url.strip() or len(url) > 1000:
        raise wrong
    if url.startswith("/"):
        return url, None, None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme == "unix" and (parts.netloc or parts.path):
        return ("/" + (parts.netloc + parts.path).lstrip("/")), None, None
    if parts.scheme in ("tcp", "http") and parts.hostname and parts.path in ("", "/"):
        return None, parts.hostname, port or 2375
    if parts.scheme in ("ssh", "https"):
        raise EngineError(
            "bad_address",
            f"{parts.scheme}:// is not supported yet.",
            "Use a unix socket or tcp://host:port.",
        )
    raise wrong


def _socket_trouble(path: str) -> EngineError | None:
    """What is wrong with the socket's file itself, if anything is."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return EngineError(
            "socket_missing",
            f"{path} does not exist on this machine.",
            "Check the path; in a container, mount the socket into it. Is the engine running?",
        )
    except PermissionError:
        return _socket_denied(path)
    except OSError as error:
        return EngineError("socket_missing", f"{path} cannot be used: {error.strerror}", "")
    if not stat.S_ISSOCK(mode):
        return EngineError(
            "not_a_socket",
            f"{path} is there, but it is no socket.",
            "Give the path of the engine's socket, usually /var/run/docker.sock.",
        )
    if not os.access(path, os.R_OK | os.W_OK):
        return _socket_denied(path)
    return None


def _socket_denied(path: str) -> EngineError:
    return EngineError(
        "socket_denied",
        f"Permission denied on {path} (we run as uid {os.geteuid()}).",
        "Add this user to the group that owns the socket, usually docker.",
    )


def _not_an_engine(url: str, detail: str = "") -> EngineError:
    return EngineError(
        "not_an_engine",
        f"{url} answers, but it is no Docker engine{f' ({detail})' if detail else ''}.",
        "Check the address: the answer to GET /version names no API version.",
    )


def _api(text: object) -> tuple[int, int] | None:
    major, _, minor = text.partition(".") if isinstance(text, str) else ("", "", "")
    if major.isdigit() and minor.isdigit() and len(major + minor) < 9:
        return int(major), int(minor)
    return None


def _said(body: bytes) -> str:
    """What an error answer says, in one short line."""
    try:
        answer = wire.decode(body, wire.ErrorJson)
        text = answer.message if isinstance(answer.message, str) else ""
    except wire.Malformed:
        text = ""
    text = text or body[:200].decode("utf-8", "replace")
    line = " ".join(text.split())[:200]
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in line) or "(nothing)"
