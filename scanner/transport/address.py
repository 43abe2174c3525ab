"""Where an engine is: unix:///path, tcp://host:2375, https://host:2376, ssh://user@host:22/path."""

import os
import re
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

from scanner.errors import EngineError

UNIX, TCP, TLS, SSH = "unix", "tcp", "tls", "ssh"
DEFAULT_SOCKET = "/var/run/docker.sock"

_PORTS = {TCP: 2375, TLS: 2376, SSH: 22}
_SCHEMES = {"tcp": TCP, "http": TCP, "https": TLS, "ssh": SSH}
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}")


class Address(msgspec.Struct, frozen=True):
    """`kind` is "unix", "tcp", "tls" or "ssh". `path` is the socket's, on our machine or on that
    of the engine; over SSH "" means wherever the engine's usual socket is."""

    kind: str
    host: str = ""
    port: int = 0
    user: str = ""
    path: str = ""

    @property
    def where(self) -> str:
        """As messages name it: a path, or host and port."""
        return self.path if self.kind == UNIX else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        if self.kind == UNIX:
            return f"unix://{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        if self.kind == SSH:
            return f"ssh://{self.user}@{host}:{self.port}{self.path}"
        return f"{'https' if self.kind == TLS else 'tcp'}://{host}:{self.port}"


def canonical(url: str) -> str:
    """The one spelling of an address. Raises EngineError for what is none."""
    return str(parse(url))


def parse(url: str) -> Address:
    """A path alone is a socket's. Raises EngineError for what is no address."""
    url = url.strip()
    if not url.isprintable() or " " in url or len(url) > 1000:
        raise _wrong(url)
    if url.startswith("/"):
        return Address(UNIX, path=os.path.normpath(url))
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _wrong(url) from None
    if parts.query or parts.fragment:
        raise _wrong(url)
    if parts.scheme == "unix" and (parts.netloc or parts.path):
        return Address(UNIX, path=os.path.normpath("/" + (parts.netloc + parts.path).lstrip("/")))
    kind = _SCHEMES.get(parts.scheme)
    if kind is None or not parts.hostname or port == 0:
        raise _wrong(url)
    if kind == SSH:
        return _ssh(url, parts, port or _PORTS[SSH])
    if parts.path not in ("", "/") or "@" in parts.netloc:
        raise _wrong(url)
    return Address(kind, parts.hostname, port or _PORTS[kind])


def _ssh(url: str, parts: SplitResult, port: int) -> Address:
    if parts.password is not None:
        raise EngineError(
            "bad_address",
            "An address of this kind holds no password.",
            "Write ssh://user@host, and give a key.",
        )
    user = unquote(parts.username or "")
    if not _USER.fullmatch(user):
        raise EngineError(
            "bad_address",
            f"{url[:200]!r} does not say as which user to log in.",
            "Write ssh://user@host, or ssh://user@host:22/path/of/docker.sock.",
        )
    path = "" if parts.path in ("", "/") else os.path.normpath(parts.path)
    return Address(SSH, parts.hostname or "", port, user, path)


def _wrong(url: str) -> EngineError:
    return EngineError(
        "bad_address",
        f"{url[:200]!r} is no address of an engine.",
        "Write unix:///var/run/docker.sock, https://host:2376, ssh://user@host or tcp://host:2375.",
    )
