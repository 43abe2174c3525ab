"""Read-only client of the Engine API. Nothing but GET can be expressed here.

Every call is bounded in bytes and in time, also against an engine that drips a byte a second. A
connection is kept alive and reused; how it is made is the business of scanner/transport.
"""

import errno
import http.client
import re
import socket
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast
from urllib.parse import urlencode

from scanner import calls, wire
from scanner.errors import AnswerError, EngineError, GoneError, in_a_line
from scanner.ledger import Call
from scanner.transport import address
from scanner.transport.certificates import CertificateFacts
from scanner.transport.credentials import Credentials
from scanner.transport.tls import Tls
from scanner.transport.ways import Way, way_to

if TYPE_CHECKING:
    from scanner.transport.ssh import Ssh

OLDEST_API = (1, 40)
NEWEST_API = (1, 51)
"""The API versions whose shapes the parser knows; newer engines also speak an older one."""

_MIB = 1024 * 1024
_SHELL_LIMIT = 4 * _MIB
_PLUGIN = re.compile(r"authorization denied by plugin ([^\s:]+): (.*)")


class Engine:
    """A connection to one engine; not for use by several threads at once.

    `url` is `unix:///path`, a bare path, `tcp://host:port`, `https://host:port` or
    `ssh://user@host:port/path`, and `credentials` what the last two need. `timeout` bounds each
    call as a whole, `connect_timeout` each step of connecting, and `first_timeout` (by default as
    `timeout`) calls before the engine has said what it is, all in seconds; `limit` is the largest
    answer in bytes. `ledger` holds each call that was made, those of `another()` included.
    Raises EngineError for an address or credentials that cannot be used.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials = None,
        *,
        timeout: float = 10.0,
        connect_timeout: float = 5.0,
        first_timeout: float | None = None,
        limit: int = 32 * _MIB,
    ) -> None:
        ledger: list[Call] = []
        way = way_to(address.parse(url), credentials, ledger)
        self._begin(way, ledger, timeout, connect_timeout, limit)
        self._first_timeout = timeout if first_timeout is None else first_timeout
        self._shares = False

    def _begin(
        self, way: Way, ledger: list[Call], timeout: float, connect_timeout: float, limit: int
    ) -> None:
        self.way = way
        self.ledger = ledger
        self.timeout = timeout
        self.connect_timeout = connect_timeout
        self.limit = limit
        self._first_timeout = timeout
        self._prefix = ""
        self._socket: socket.socket | None = None
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
    def url(self) -> str:
        """In its one spelling."""
        return str(self.way.address)

    @property
    def reached(self) -> str:
        """By what kind of connection: "unix", "tcp", "tls" or "ssh"."""
        return self.way.address.kind

    @property
    def answered(self) -> bool:
        """Whether it has said what it is."""
        return bool(self._prefix)

    @property
    def certificate(self) -> CertificateFacts | None:
        """The engine's own, as it showed it; None before that, and where it shows none."""
        return self.way.peer if isinstance(self.way, Tls) else None

    def another(self) -> "Engine":
        """A further connection to the same engine with the same bounds, API version and ledger. It
        shares an SSH connection, so it must be closed before the one it was made of."""
        engine = object.__new__(type(self))
        engine._begin(self.way, self.ledger, self.timeout, self.connect_timeout, self.limit)
        engine._prefix = self._prefix
        engine._shares = True
        return engine

    def close(self) -> None:
        self._closed.set()
        self._drop()
        if self._watchdog is not None:
            self._watchdog.join()
        if not self._shares:
            self.way.close()

    def shell(self) -> "Shell | None":
        """For reading commands on the engine's machine; None where the way allows none. Raises
        EngineError where the connection is lost."""
        if self.way.address.kind != address.SSH:
            return None
        way = cast("Ssh", self.way)
        return Shell(way, self.timeout) if way.may_run_commands(self.timeout) else None

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
            name = answer.Version if isinstance(answer.Version, str) else ""
            raise EngineError(
                "api_too_old",
                f"Engine {name[:40]} speaks API {answer.ApiVersion}; "
                f"{OLDEST_API[0]}.{OLDEST_API[1]} or newer is needed.",
                "Upgrade the engine to 19.03 or newer.",
            )
        self._prefix = "/v{}.{}".format(*min(spoken, NEWEST_API))
        return body

    def get(self, path: str, /, **parameters: str) -> bytes:
        """The answer's body. Raises AnswerError for an answer of no use, EngineError where there
        is none at all, and ValueError for a call that is not on the list of scanner/calls.py."""
        if not calls.is_allowed(path, parameters):
            raise ValueError(f"GET {path} is not on the list of calls")
        target = self._prefix + path + (f"?{urlencode(parameters)}" if parameters else "")
        fresh = self._socket is None
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
        own = self._connect()
        self._expired = False
        began = time.monotonic()
        bound = self.timeout if self.answered else self._first_timeout
        own.settimeout(bound)
        self._deadline = began + bound
        done, status, at, chunks = False, 0, time.time(), list[bytes]()
        try:
            request = f"GET {target} HTTP/1.1\r\nHost: docker\r\nUser-Agent: plimsoll\r\n\r\n"
            own.sendall(request.encode("ascii"))
            with http.client.HTTPResponse(own, method="GET") as response:
                response.begin()
                status = response.status
                self._read(response, path, chunks)
                done = not response.will_close
        finally:
            self._deadline = None
            if not done:
                self._drop()
            milliseconds = round(1000 * (time.monotonic() - began))
            size = sum(map(len, chunks))
            self.ledger.append(Call("GET", target, status, milliseconds, size, at))
        body = b"".join(chunks)
        if status != 200:
            raise self._refusal(status, body, path)
        return body

    def _read(self, response: http.client.HTTPResponse, path: str, chunks: list[bytes]) -> None:
        size = 0
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

    def _connect(self) -> socket.socket:
        if self._socket is None:
            self._socket = self.way.connect(self.connect_timeout)
            self._socket.settimeout(self.timeout)
            self._watch()
        return self._socket

    def _drop(self) -> None:
        own, self._socket = self._socket, None
        if own is not None:
            own.close()

    def _watch(self) -> None:
        """Starts the thread that ends a call at its deadline, however slowly bytes drip in."""
        if self._watchdog is None:
            self._watchdog = threading.Thread(target=self._guard, daemon=True)
            self._watchdog.start()

    def _guard(self) -> None:
        while not self._closed.wait(0.25):
            deadline, own = self._deadline, self._socket
            if deadline is None or own is None or time.monotonic() < deadline:
                continue
            self._expired = True
            try:
                # Of the socket below: TLS would take leave of the other side, which may hang.
                socket.socket.shutdown(own, socket.SHUT_RDWR)
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
        if found := _PLUGIN.search(said):
            allowed = ", ".join(call.path for call in calls.LET_THROUGH)
            return AnswerError(
                "plugin_denied",
                f'The engine\'s plugin "{found[1]}" denied GET {path}: {found[2]}',
                f"Let it allow these calls, all of them GET: {allowed}.",
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
        where, local = self.way.address.where, self.reached == address.UNIX
        if self._expired or isinstance(error, TimeoutError):
            return EngineError(
                "timeout",
                f"No complete answer from {where} to GET {path} within {self.timeout:g} s.",
                "The engine accepts connections but hangs: try `docker ps` on the host."
                if local
                else "Usually a firewall on the way, or an engine that hangs: try `docker ps` "
                "there.",
            )
        if found := self.way.trouble(error):
            return found
        if isinstance(error, http.client.IncompleteRead):
            return AnswerError(
                "cut_off",
                f"The answer to GET {path} broke off before its end.",
                "The engine or a proxy on the way closed the connection: look into its log.",
            )
        if isinstance(error, http.client.HTTPException) and not isinstance(error, OSError):
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
            "closed",
            f"{where} closed the connection without an answer.",
            "The engine may be stopping, or a TLS server listens there.",
        )


class Shell:
    """Runs reading commands on the engine's machine."""

    def __init__(self, way: "Ssh", timeout: float) -> None:
        self._way = way
        self._timeout = timeout

    def run(self, command: str) -> tuple[int, bytes]:
        """Exit status and standard output of a command of the user's shell. Raises AnswerError
        where it says too much or takes too long, EngineError where the connection is lost."""
        return self._way.run(command, self._timeout, _SHELL_LIMIT)


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
    return in_a_line(text, 200) or "(nothing)"
