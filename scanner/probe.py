"""Tries a connection step by step and stops at the first that fails. Keeps nothing."""

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

from scanner import parse, wire
from scanner.engine import AnswerError, Engine, EngineError, canonical
from scanner.evaluate import evaluate
from scanner.model import Host, Snapshot
from scanner.rule import Verdict
from scanner.rules import BY_SLUG, RULES

OK, FAILED, NOT_REACHED = "ok", "failed", "skipped"
LEAST_SECONDS = 0.5


class Step(msgspec.Struct, frozen=True):
    """One rung of the ladder. `state` is "ok", "failed" or "skipped" (not reached)."""

    text: str
    state: str
    milliseconds: int | None = None
    kind: str = ""
    message: str = ""
    next: str = ""


class Probe(msgspec.Struct, frozen=True):
    """What came of it. `host` and `containers` are None unless a scan would be possible; `unread`
    are the titles of rules that could not be judged all the same, out of `rules`."""

    steps: tuple[Step, ...]
    host: Host | None = None
    containers: int | None = None
    rules: int = 0
    unread: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return self.host is not None

    @property
    def failure(self) -> Step | None:
        """The first step that failed; also one that a scan can do without."""
        return next((step for step in self.steps if step.state == FAILED), None)

    @property
    def name(self) -> str:
        """What the engine calls its machine; "" where it did not say."""
        return self._fact("name")

    @property
    def engine_id(self) -> str:
        """A hint only: cloned machines share it."""
        return self._fact("id")

    @property
    def judged(self) -> int:
        """How many of the rules can be checked."""
        return self.rules - len(self.unread)

    def _fact(self, name: str) -> str:
        value = object.__getattribute__(self.host, name) if self.host is not None else ""
        return value if isinstance(value, str) else ""


class _Rung(NamedTuple):
    """`spares`: these errors mean that a scan would have to do without, not that there is none."""

    text: str
    act: Callable[[], Any]
    spares: tuple[type[EngineError], ...] = ()


class _Found:
    """What the steps hand to each other."""

    version = b""
    host = Host()
    containers = 0
    lists = False


def probe(url: str, *, timeout: float = 5.0, budget: float = 10.0) -> Probe:
    """Reads only. In seconds, `timeout` bounds each step and `budget` all of them together."""
    try:
        engine = Engine(canonical(url), timeout=timeout, connect_timeout=timeout)
    except EngineError as error:
        return Probe((_failed("The address can be used", error),))
    found = _Found()
    steps: list[Step] = []
    ends = time.monotonic() + budget
    with engine:
        ladder = _ladder(engine, found)
        for rung in ladder:
            began = time.monotonic()
            engine.timeout = max(min(timeout, ends - began), LEAST_SECONDS)
            engine.connect_timeout = engine.timeout
            trouble = _try(rung.act)
            if trouble is None:
                steps.append(Step(rung.text, OK, _since(began)))
                continue
            steps.append(_failed(rung.text, trouble, _since(began)))
            if not isinstance(trouble, rung.spares):
                break
        else:
            return _seen(steps, found)
        steps += [Step(rung.text, NOT_REACHED) for rung in ladder]
    return Probe(tuple(steps))


def _try(act: Callable[[], Any]) -> EngineError | None:
    try:
        act()
    except EngineError as error:
        return error
    except wire.Malformed as error:
        return AnswerError(
            "garbage", f"The answer cannot be understood: {error}", "Check the address."
        )
    return None


def _ladder(engine: Engine, found: _Found) -> Iterator[_Rung]:
    def version() -> None:
        found.version = engine.version()

    def describe() -> None:
        found.host = parse.host(found.version, engine.get("/info"))

    def count() -> None:
        found.containers = len(parse.listing(engine.get("/containers/json", all="1")))

    def lists() -> None:
        parse.images(engine.get("/images/json"))
        parse.networks(engine.get("/networks"))
        parse.volumes(engine.get("/volumes"))
        found.lists = True

    def events() -> None:
        # A window that has ended: the engine answers at once, with what it remembers of it.
        engine.get("/events", since="1", until="2")

    if engine.host is None:
        yield _Rung(f"{engine.socket_path} takes connections", engine.connect)
    else:
        if not _is_number(engine.host):
            yield _Rung(f"The name {engine.host} is known", lambda: _resolve(engine))
        yield _Rung(f"Port {engine.port} answers", engine.connect)
    yield _Rung("A Docker engine answers, in a version that can be read", version)
    yield _Rung("The engine tells about itself", describe)
    yield _Rung("Its containers may be listed", count)
    yield _Rung("Its images, networks and volumes may be listed", lists, (AnswerError,))
    yield _Rung("Its events may be read", events, (EngineError,))


def _seen(steps: list[Step], found: _Found) -> Probe:
    """What the rules about engine and networks could say of it: facts of containers are the same
    on every engine, but those two may be denied or missing."""
    listed: tuple[Any, ...] | None = () if found.lists else None
    snapshot = Snapshot(host=found.host, images=listed, networks=listed, volumes=listed)
    unread = {result.rule for result in evaluate(snapshot) if result.verdict == Verdict.UNKNOWN}
    if not found.lists:
        unread |= {rule.slug for rule in RULES if rule.subject_kind == "network"}
    titles = tuple(BY_SLUG[slug].title for slug in sorted(unread))
    return Probe(tuple(steps), found.host, found.containers, len(RULES), titles)


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _resolve(engine: Engine) -> None:
    """The system's resolver knows no time limit, so it is asked in a thread."""
    answer: list[OSError | UnicodeError | None] = []

    def ask() -> None:
        try:
            socket.getaddrinfo(engine.host, engine.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            answer.append(error)
        else:
            answer.append(None)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(engine.timeout)
    if not answer:
        raise EngineError(
            "dns",
            f"No name server told the address of {engine.host} within {engine.timeout:g} s.",
            "Check this server's name servers, or use an address.",
        )
    if answer[0] is not None:
        raise EngineError(
            "dns",
            f"The name {engine.host} was not found by this server.",
            "Check the spelling, or use an address. The name must be known where Plimsoll runs, "
            "not on your own machine.",
        ) from answer[0]


def _failed(text: str, error: EngineError, milliseconds: int | None = None) -> Step:
    return Step(text, FAILED, milliseconds, error.kind, error.message, error.advice)


def _since(began: float) -> int:
    return int((time.monotonic() - began) * 1000)
