#!/usr/bin/env python3
"""Lets an SSH key read a Docker engine and nothing else.

Put this file on the host, owned by root, and name it in front of the key in authorized_keys:

    restrict,command="/usr/local/bin/plimsoll-read-only" ssh-ed25519 AAAA... plimsoll

It needs no module but Python's own. What it refuses is answered as the engine refuses a call.
"""

import os
import re
import socket
import sys
import threading
from urllib.parse import parse_qs, unquote

CALLS: "tuple[tuple[str, dict[str, str]], ...]" = ()
COMMANDS: "tuple[str, ...]" = ()
SOCKET = "/var/run/docker.sock"
HEAD_LIMIT = 16 * 1024
REFUSAL = b'{"message":"this key only reads: the call is not on the list of plimsoll-read-only"}'


def is_allowed(head: bytes) -> bool:
    """Whether this head of an HTTP request, without the empty line, is a GET of the list that
    carries no body."""
    lines = head.decode("latin-1").split("\r\n")
    asked = re.fullmatch(r"GET (/[!-~]*) HTTP/1\.1", lines[0])
    names = [line.partition(":")[0].strip().lower() for line in lines[1:]]
    if asked is None or {"content-length", "transfer-encoding", "upgrade"} & set(names):
        return False
    if any(line[:1] in " \t" for line in lines[1:]):
        return False  # a folded line could hide a header from us
    path, _, query = asked[1].partition("?")
    given = parse_qs(query, keep_blank_values=True)
    for pattern, wanted in CALLS:
        if re.fullmatch(pattern, unquote(path)) and unquote(path) == path:
            return all(given.get(name) == [value] for name, value in wanted.items())
    return False


def forward(engine: socket.socket) -> None:
    """What the engine answers, as it is."""
    while chunk := engine.recv(65536):
        view = memoryview(chunk)
        while view:
            view = view[os.write(1, view) :]
    os._exit(0)


def relay() -> int:
    """Requests one after the other, until one is refused or there are no more."""
    with socket.socket(socket.AF_UNIX) as engine:
        engine.connect(SOCKET)
        threading.Thread(target=forward, args=(engine,), daemon=True).start()
        waiting = b""
        while chunk := os.read(0, 65536):
            waiting += chunk
            while b"\r\n\r\n" in waiting:
                head, _, waiting = waiting.partition(b"\r\n\r\n")
                if not is_allowed(head):
                    os.write(1, refusal())
                    return 1
                engine.sendall(head + b"\r\n\r\n")
            if len(waiting) > HEAD_LIMIT:
                return 1
        engine.shutdown(socket.SHUT_WR)
        threading.Event().wait()  # until the engine has said the rest
    return 0


def refusal() -> bytes:
    """What the engine would answer, so that the client can tell people why."""
    head = (
        "HTTP/1.1 403 Forbidden",
        "Content-Type: application/json",
        f"Content-Length: {len(REFUSAL)}",
        "Connection: close",
    )
    return "\r\n".join(head).encode() + b"\r\n\r\n" + REFUSAL


def main() -> int:
    asked = os.environ.get("SSH_ORIGINAL_COMMAND", "")
    if asked == "docker system dial-stdio":
        return relay()
    if asked in COMMANDS:
        os.execv("/bin/sh", ["sh", "-c", asked])  # noqa: S606 - one of our own, word for word
    sys.stderr.write("plimsoll-read-only: this key only reads; the command is not on its list\n")
    return 126


if __name__ == "__main__":
    sys.exit(main())
