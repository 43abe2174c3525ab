"""What we prove ourselves with, and by what we recognise the other side. Lives in memory only."""

from typing import TypeAlias

import msgspec


class Tls(msgspec.Struct, frozen=True, kw_only=True):
    """PEM texts: the authority that issued the engine's certificate, ours, and its private key."""

    ca: str
    certificate: str
    key: str

    def __repr__(self) -> str:
        return "Tls(…)"


class Ssh(msgspec.Struct, frozen=True, kw_only=True):
    """`key` is a private key without passphrase. `host_key` holds the public keys by which the
    machine is recognised, one a line as OpenSSH writes them; "" before the first contact.
    `bastion`, as ssh://user@host:port, is a machine on the way, where the same key logs in."""

    key: str
    host_key: str = ""
    bastion: str = ""
    bastion_host_key: str = ""

    def __repr__(self) -> str:
        return "Ssh(…)"


Credentials: TypeAlias = Tls | Ssh | None
