"""A socket on this machine, or one that is mounted into our container."""

import os
import socket
import stat
from collections.abc import Iterator

from docker.transport.unixconn import UnixHTTPConnection

from scanner.errors import EngineError
from scanner.transport.address import Address
from scanner.transport.rungs import Held, Rung


class _Connection(UnixHTTPConnection):
    sock: socket.socket

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


class Unix:
    def __init__(self, address: Address) -> None:
        self.address = address
        self._held = Held(self._connected)

    def connect(self, timeout: float) -> socket.socket:
        return self._held.take(timeout)

    def rungs(self) -> Iterator[Rung]:
        yield Rung(f"{self.address.path} takes connections", self._held.hold)

    def trouble(self, error: Exception) -> EngineError | None:
        return None

    def close(self) -> None:
        self._held.close()

    def _connected(self, timeout: float) -> socket.socket:
        connection = _Connection(
            "http+unix://localhost",
            self.address.path,
            timeout,  # type: ignore[arg-type] # a socket takes fractions too
        )
        try:
            connection.connect()
        except OSError as error:
            raise self._diagnosis(error) from error
        return connection.sock

    def _diagnosis(self, error: OSError) -> EngineError:
        path = self.address.path
        if found := _socket_trouble(path):
            return found
        if isinstance(error, BlockingIOError):
            return EngineError(
                "timeout",
                f"{path} takes no more connections: too many wait there already.",
                "The engine hangs: try `docker ps` on the host.",
            )
        if isinstance(error, ConnectionRefusedError):
            return EngineError(
                "refused",
                f"{path} was reached, but nothing listens there.",
                "The socket is left over from an engine that is stopped: start the engine.",
            )
        return EngineError(
            "unreachable", f"{path} could not be reached: {error}", "Check the path of the socket."
        )


def _socket_trouble(path: str) -> EngineError | None:
    """What is wrong with the socket's file itself, if anything is."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return EngineError(
            "socket_missing",
            f"{path} does not exist on this machine.",
            "Check the path; in a container, mount the socket into it. Is the engine running?",
        )
    except PermissionError:
        return _denied(path, "")
    except OSError as error:
        return EngineError(
            "socket_missing", f"{path} cannot be used: {error.strerror}", "Check the path."
        )
    if not stat.S_ISSOCK(found.st_mode):
        return EngineError(
            "not_a_socket",
            f"{path} is there, but it is no socket.",
            "Give the path of the engine's socket, usually /var/run/docker.sock.",
        )
    if not os.access(path, os.R_OK | os.W_OK):
        return _denied(path, f"socket group {found.st_gid}, ")
    return None


def _denied(path: str, group: str) -> EngineError:
    return EngineError(
        "socket_denied",
        f"Permission denied on {path} ({group}we run as uid {os.geteuid()}).",
        "Add this user to the group that owns the socket, usually docker; in Compose, mount the "
        "socket and name its group under group_add.",
    )
