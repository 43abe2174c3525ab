"""Tries a connection step by step and stops at the first that fails. Keeps nothing."""

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from scanner import parse, wire
from scanner.engine import Engine, EngineError, canonical
from scanner.model import Host

OK, FAILED, NOT_REACHED = "ok", "failed", "skipped"


class Step(msgspec.Struct, frozen=True):
    """One rung of the ladder. `state` is "ok", "failed" or "skipped" (not reached)."""

    text: str
    state: str
    milliseconds: int | None = None
    kind: str = ""
    message: str = ""
    next: str = ""


class Probe(msgspec.Struct, frozen=True):
    """What came of it. `host` and `containers` are None unless every step succeeded."""

    steps: tuple[Step, ...]
    host: Host | None = None
    containers: int | None = None

    @property
    def ok(self) -> bool:
        return self.host is not None

    @property
    def failure(self) -> Step | None:
        return next((step for step in self.steps if step.state == FAILED), None)


class _Found:
    """What the steps hand to each other."""

    version: bytes = b""
    host: Host | None = None
    containers: int | None = None


def probe(url: str, *, timeout: float = 5.0) -> Probe:
    """Reads only. `timeout` bounds each step in seconds; at most five steps take time."""
    try:
        engine = Engine(canonical(url), timeout=timeout, connect_timeout=timeout)
    except EngineError as error:
        return Probe((_failed("The address can be used", error, 0.0),))
    found = _Found()
    steps: list[Step] = []
    with engine:
        ladder = _ladder(engine, found)
        for text, act in ladder:
            began = time.monotonic()
            try:
                act()
            except EngineError as error:
                steps.append(_failed(text, error, began))
                break
            except wire.Malformed as error:
                garbage = EngineError(
                    "garbage", f"The answer cannot be understood: {error}", "Check the address."
                )
                steps.append(_failed(text, garbage, began))
                break
            steps.append(Step(text, OK, _since(began)))
        else:
            return Probe(tuple(steps), found.host, found.containers)
        steps += [Step(text, NOT_REACHED) for text, _ in ladder]
    return Probe(tuple(steps))


def _ladder(engine: Engine, found: _Found) -> Iterator[tuple[str, Callable[[], Any]]]:
    def version() -> None:
        found.version = engine.version()

    def describe() -> None:
        found.host = parse.host(found.version, engine.get("/info"))

    def count() -> None:
        found.containers = len(parse.listing(engine.get("/containers/json", all="1")))

    def events() -> None:
        # A window that has ended: the engine answers at once, with what it remembers of it.
        engine.get("/events", since="1", until="2")

    if engine.host is not None:
        yield f"The name {engine.host} is known", lambda: _resolve(engine)
        yield f"Port {engine.port} answers", engine.connect
    else:
        yield f"{engine.socket_path} takes connections", engine.connect
    yield "A Docker engine answers, in a version that can be read", version
    yield "The engine tells about itself", describe
    yield "Its containers may be listed", count
    yield "Its events may be read", events


def _resolve(engine: Engine) -> None:
    try:
        socket.getaddrinfo(engine.host, engine.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise EngineError(
            "dns",
            f"The name {engine.host} was not found by this server.",
            "Check the spelling, or use an address. The name must be known where Plimsoll runs, "
            "not on your own machine.",
        ) from error


def _failed(text: str, error: EngineError, began: float) -> Step:
    taken = _since(began) if began else None
    return Step(text, FAILED, taken, error.kind, error.message, error.advice)


def _since(began: float) -> int:
    return int((time.monotonic() - began) * 1000)
