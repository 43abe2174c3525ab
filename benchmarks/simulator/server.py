"""Serves every host of a world: over a unix socket each, or one port on a loopback address each.

Not a web server: GET with kept-alive connections is all that it knows, in one thread, so that a
thousand hosts cost what they are asked and nothing else.
"""

import asyncio
import http
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

from benchmarks.simulator.answers import BEGAN, NO_SUCH_PAGE, Answers
from benchmarks.simulator.world import World

PORT = 2375
BEHAVIOURS = ("", "silent", "refused", "garbage", "half", "slow")
"""What an engine may do instead of answering; "slow" answers after SLOW_SECONDS."""

SLOW_SECONDS = 0.05
_ENGINE = (
    "Api-Version: 1.51\r\nDocker-Experimental: false\r\nOstype: linux\r\n"
    "Server: Docker/28.5.2+dfsg4 (linux)\r\n"
)
_VERSIONED = re.compile(rb"^/v[0-9.]+(?=/)")


class Fleet:
    def __init__(
        self,
        world: World,
        *,
        began: date = BEGAN,
        directory: Path | None = None,
        port: int = PORT,
    ) -> None:
        self.world, self.began, self.directory, self.port = world, began, directory, port
        self.behaviours = [""] * len(world.hosts)
        self.requests = 0
        self.peers: set[asyncio.Transport] = set()
        self._servers: list[asyncio.Server | None] = []

    def url(self, number: int) -> str:
        if self.directory is not None:
            return f"unix://{self.directory / f'{number}.sock'}"
        return f"tcp://{_loopback(number)}:{self.port}"

    async def start(self) -> None:
        for number in range(len(self.world.hosts)):
            self._servers.append(await self._listen(number))

    async def stop(self) -> None:
        """Nobody is listened to any more, and whoever was served is left."""
        for server in self._servers:
            if server is not None:
                server.close()
        for peer in list(self.peers):
            peer.close()
        await asyncio.sleep(0)

    async def behave(self, number: int, behaviour: str) -> None:
        """From the next request on; "" is as an engine does."""
        if behaviour not in BEHAVIOURS:
            raise ValueError(f"{behaviour} is none of {', '.join(BEHAVIOURS)}")
        server = self._servers[number]
        if behaviour == "refused" and server is not None:
            server.close()
            self._servers[number] = None
        elif behaviour != "refused" and server is None:
            self._servers[number] = await self._listen(number)
        self.behaviours[number] = behaviour

    def answer(self, number: int, path: bytes) -> tuple[int, bytes]:
        self.requests += 1
        plain = _VERSIONED.sub(b"", path.partition(b"?")[0], count=1)
        return Answers(self.world.hosts[number], self.began).get(plain.decode("latin-1"))

    async def _listen(self, number: int) -> asyncio.Server:
        loop = asyncio.get_running_loop()

        def made() -> asyncio.Protocol:
            return Peer(self, number)

        if self.directory is None:
            return await loop.create_server(made, _loopback(number), self.port)
        return await loop.create_unix_server(made, str(self.directory / f"{number}.sock"))


class Peer(asyncio.Protocol):
    """One connection to one host."""

    def __init__(self, fleet: Fleet, number: int) -> None:
        self._fleet, self._number = fleet, number
        self._waiting = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._fleet.peers.add(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._fleet.peers.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        while b"\r\n\r\n" in self._waiting:
            head, _, self._waiting = self._waiting.partition(b"\r\n\r\n")
            behaviour = self._fleet.behaviours[self._number]
            if behaviour == "silent":
                return
            method, path, *_ = head.split(b" ", 2)
            status, body = self._fleet.answer(self._number, path)
            if method != b"GET":
                status, body = 405, b'{"message":"only GET is simulated"}\n'
            # Of a page that it does not have the engine says nothing of itself.
            head = _head(status, len(body), "" if body is NO_SUCH_PAGE[1] else _ENGINE)
            self._say(behaviour, head + body)

    def _say(self, behaviour: str, said: bytes) -> None:
        write: Callable[[bytes], None] = self._transport.write
        if behaviour == "garbage":
            write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n\x00\xffgarbage")
        elif behaviour == "half":
            write(said[: len(said) // 2])
            self._transport.close()
        elif behaviour == "slow":
            asyncio.get_running_loop().call_later(SLOW_SECONDS, write, said)
        else:
            write(said)


def _loopback(number: int) -> str:
    return f"127.{50 + number // 62500}.{number // 250 % 250}.{2 + number % 250}"


def _head(status: int, length: int, engine: str = _ENGINE) -> bytes:
    reason = http.HTTPStatus(status).phrase
    return (
        f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\n{engine}"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()
