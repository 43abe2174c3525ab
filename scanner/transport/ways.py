"""From an address and credentials to a way to the engine."""

import socket
from collections.abc import Iterator
from typing import Protocol

from scanner.errors import EngineError
from scanner.lazily import Lazily
from scanner.ledger import Call
from scanner.transport import credentials as given
from scanner.transport.address import SSH, TCP, TLS, Address
from scanner.transport.credentials import Credentials
from scanner.transport.rungs import Rung
from scanner.transport.tcp import Tcp
from scanner.transport.tls import Tls

ssh, unix = Lazily("scanner.transport.ssh"), Lazily("scanner.transport.unix")


class Way(Protocol):
    address: Address

    def connect(self, timeout: float) -> socket.socket:
        """A socket on which the engine speaks HTTP. `timeout` in seconds bounds each step of
        getting there. Raises EngineError."""

    def rungs(self) -> Iterator[Rung]:
        """The steps of connect() one by one; connect() then goes on from where they led."""

    def trouble(self, error: Exception) -> EngineError | None:
        """What this way knows about a conversation that broke off; None where that is nothing."""

    def close(self) -> None:
        """Ends what all sockets share, if anything."""


def way_to(address: Address, credentials: Credentials, ledger: list[Call]) -> Way:
    """Opens nothing yet. What a way itself asks of the host is added to the ledger. Raises
    EngineError where the credentials cannot be used or do not suit the address: they are never left
    out silently."""
    if address.kind == TLS and isinstance(credentials, given.Tls):
        return Tls(address, credentials)
    if address.kind == SSH and isinstance(credentials, given.Ssh):
        over_ssh: Way = ssh.Ssh(address, credentials, ledger)
        return over_ssh
    if address.kind in (TLS, SSH):
        raise EngineError(
            "bad_credentials",
            f"{address} needs {'a key' if address.kind == SSH else 'certificates and a key'}.",
            "Give a private SSH key."
            if address.kind == SSH
            else "Give the engine's CA, a client certificate that it accepts, and its private key.",
        )
    if credentials is not None:
        raise EngineError(
            "bad_credentials",
            f"{address} takes no certificates or keys.",
            "Use https://host:2376 or ssh://user@host.",
        )
    if address.kind == TCP:
        return Tcp(address)
    local: Way = unix.Unix(address)
    return local
