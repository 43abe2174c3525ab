"""Plain TCP: finding a name's addresses and getting through to a port, in bounded time."""

import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from scanner.errors import EngineError
from scanner.transport.address import SSH, TCP, Address
from scanner.transport.rungs import Held, Rung

_START = {
    TCP: "Start the engine there, or check the port: 2375 is plain TCP, 2376 is TLS.",
    SSH: "Start the SSH server there, or check the port.",
}
_START_TLS = "Start the engine with -H tcp://0.0.0.0:{port} --tlsverify, or use SSH."


class Dialler:
    """Gets through to one host and port. Keeps the addresses it found."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._found: list[Any] = []
        self._held = Held(self._connected)

    def rungs(self) -> Iterator[Rung]:
        if not is_number(self.address.host):
            yield Rung(f"The name {self.address.host} is known", self.resolve)
        yield Rung(f"Port {self.address.port} answers", self._held.hold)

    def dial(self, timeout: float) -> socket.socket:
        """A connected socket. `timeout` bounds the looking up and, again, the connecting."""
        return self._held.take(timeout)

    def resolve(self, timeout: float) -> None:
        if not self._found:
            self._found = _resolved(self.address, timeout)

    def close(self) -> None:
        self._held.close()

    def _connected(self, timeout: float) -> socket.socket:
        self.resolve(timeout)
        ends = time.monotonic() + timeout
        last: OSError = TimeoutError()
        for family, kind, protocol, _, place in self._found:
            left = ends - time.monotonic()
            if left <= 0:
                break
            attempt = socket.socket(family, kind, protocol)
            try:
                attempt.settimeout(left)
                attempt.connect(place)
                attempt.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                attempt.close()
                last = error
                continue
            return attempt
        raise self._diagnosis(last, timeout) from last

    def _diagnosis(self, error: OSError, timeout: float) -> EngineError:
        where, port = self.address.where, self.address.port
        if isinstance(error, TimeoutError):
            own = self._own_address()
            return EngineError(
                "timeout",
                f"No answer from {where} in {timeout:g} s.",
                f"Usually a firewall.{f' Allow this server: {own}.' if own else ''}",
            )
        if isinstance(error, ConnectionRefusedError):
            return EngineError(
                "refused",
                f"{self.address.host} answered, but nothing listens on port {port}.",
                _START.get(self.address.kind, _START_TLS.format(port=port)),
            )
        return EngineError(
            "unreachable",
            f"{where} could not be reached: {error.strerror or error}",
            "Check the address and the network between this server and the host.",
        )

    def _own_address(self) -> str:
        """From where the host would see us come; "" where there is no way. Sends nothing."""
        family, _, _, _, place = self._found[0]
        with closing(socket.socket(family, socket.SOCK_DGRAM)) as probe:
            try:
                probe.connect(place)
            except OSError:
                return ""
            return str(probe.getsockname()[0])


class Tcp:
    def __init__(self, address: Address) -> None:
        self.address = address
        self._dialler = Dialler(address)

    def connect(self, timeout: float) -> socket.socket:
        return self._dialler.dial(timeout)

    def rungs(self) -> Iterator[Rung]:
        return self._dialler.rungs()

    def trouble(self, error: Exception) -> EngineError | None:
        return None

    def close(self) -> None:
        self._dialler.close()


def is_number(host: str) -> bool:
    """True for an address in numbers, which needs no name server."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _resolved(address: Address, timeout: float) -> list[Any]:
    """The system's resolver knows no time limit, so it is asked in a thread."""
    host, port = address.host, address.port
    if is_number(host):
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    answer: list[list[Any] | OSError | UnicodeError] = []

    def ask() -> None:
        try:
            answer.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answer.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(timeout)
    if not answer:
        raise EngineError(
            "dns",
            f"No name server told the address of {host} within {timeout:g} s.",
            "Check this server's name servers, or use an address.",
        )
    if isinstance(answer[0], Exception):
        raise EngineError(
            "dns",
            f"The name {host} was not found by this server.",
            "Check the spelling, or use an address. The name must be known where Plimsoll runs, "
            "not on your own machine.",
        ) from answer[0]
    return answer[0]
