"""Tries a connection step by step and stops at the first that fails. Keeps nothing."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from scanner import parse, wire
from scanner.calls import UNKNOWN_PATH
from scanner.context import NEEDS_SSH
from scanner.engine import Engine
from scanner.errors import ACCESS_KINDS, AnswerError, EngineError, GoneError, SshKeyError
from scanner.evaluate import evaluate
from scanner.ledger import Call
from scanner.model import Host, Snapshot, Unread
from scanner.rule import Verdict
from scanner.rules import BY_SLUG, RULES
from scanner.transport import address, certificates
from scanner.transport.certificates import CertificateFacts
from scanner.transport.credentials import Credentials
from scanner.transport.rungs import Act, Rung

OK, FAILED, NOT_REACHED = "ok", "failed", "skipped"
LEAST_SECONDS = 0.5


class Step(msgspec.Struct, frozen=True):
    """One rung of the ladder. `state` is "ok", "failed" or "skipped" (not reached).

    An SSH `key` is there where one is to be compared (kinds "host_key_new", "host_key_changed") or
    added ("login_refused"); `whose` then says whether "host" or "bastion" is meant.
    """

    text: str
    state: str
    milliseconds: int | None = None
    kind: str = ""
    message: str = ""
    next: str = ""
    key: str = ""
    fingerprint: str = ""
    whose: str = ""


class Power(msgspec.Struct, frozen=True):
    """What whoever holds the same credentials could do, in a sentence: `kind` is "everything",
    "filtered" (something on the way refuses calls), "plugin" (the engine's authorisation plugin
    decides) or "unknown". `commands`: whether the SSH login may run commands on the machine."""

    kind: str
    text: str
    commands: bool = False


class Probe(msgspec.Struct, frozen=True):
    """What came of it. `host`, `containers` and `power` are None unless a scan would be possible;
    `unread` are the titles of rules that could not be judged all the same, out of `rules`;
    `need_ssh` of them could be over SSH. `calls` is all that was asked, `certificate` the engine's
    own where it showed one."""

    steps: tuple[Step, ...]
    host: Host | None = None
    containers: int | None = None
    rules: int = 0
    unread: tuple[str, ...] = ()
    need_ssh: int = 0
    power: Power | None = None
    calls: tuple[Call, ...] = ()
    certificate: CertificateFacts | None = None

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


class _Found:
    """What the steps hand to each other."""

    version = b""
    host = Host()
    containers = 0
    lists = False
    commands = False


def probe(
    url: str, credentials: Credentials = None, *, timeout: float = 5.0, budget: float = 10.0
) -> Probe:
    """Reads only. In seconds, `timeout` bounds each step and `budget` all of them together."""
    try:
        where = address.parse(url)
    except EngineError as error:
        return Probe((_failed("The address can be used", error),))
    try:
        engine = Engine(str(where), credentials, timeout=timeout, connect_timeout=timeout)
    except EngineError as error:
        return Probe((_failed("Certificates and keys can be used", error),))
    with engine:
        tried = _climb(engine, timeout, time.monotonic() + budget)
    return msgspec.structs.replace(
        tried, calls=tuple(engine.ledger), certificate=engine.certificate
    )


def _climb(engine: Engine, timeout: float, ends: float) -> Probe:
    found = _Found()
    steps: list[Step] = []
    groups = list(_groups([*engine.way.rungs(), *_ladder(engine, found)]))
    for number, group in enumerate(groups):
        began = time.monotonic()
        engine.timeout = max(min(timeout, ends - began), LEAST_SECONDS)
        engine.connect_timeout = engine.timeout
        trouble = _try(group[0].act, engine.timeout)
        steps += _parts(group, trouble, round(1000 * (time.monotonic() - began)))
        spared = group[0].spares
        if trouble is not None and not (spared and isinstance(trouble, spared)):
            rest = [rung for later in groups[number + 1 :] for rung in later]
            return Probe((*steps, *(Step(rung.text, NOT_REACHED) for rung in rest)))
    return _seen(engine, steps, found)


def _groups(ladder: Sequence[Rung]) -> Iterator[list[Rung]]:
    """Each step with its parts."""
    group: list[Rung] = []
    for rung in ladder:
        if rung.act is not None and group:
            yield group
            group = []
        group.append(rung)
    yield group


def _try(act: Act | None, timeout: float) -> EngineError | None:
    try:
        if act is not None:
            act(timeout)
    except EngineError as error:
        return error
    except wire.Malformed as error:
        return AnswerError(
            "garbage", f"The answer cannot be understood: {error}", "Check the address."
        )
    return None


def _parts(group: Sequence[Rung], trouble: EngineError | None, milliseconds: int) -> Iterator[Step]:
    """The step and its parts, of which one failed if there was trouble."""
    if trouble is None:
        at = len(group)
    else:
        unnamed = next((n for n, rung in enumerate(group) if not rung.kinds), 0)
        at = next((n for n, rung in enumerate(group) if trouble.kind in rung.kinds), unnamed)
    for number, rung in enumerate(group):
        time_taken = milliseconds if number == 0 else 0
        if trouble is None or number < at:
            yield Step(rung.text, OK, time_taken)
        elif number == at:
            yield _failed(rung.text, trouble, time_taken)
        else:
            yield Step(rung.text, NOT_REACHED)


def _ladder(engine: Engine, found: _Found) -> Iterator[Rung]:
    def version(_: float) -> None:
        found.version = engine.version()

    def describe(_: float) -> None:
        found.host = parse.host(found.version, engine.get("/info"))

    def count(_: float) -> None:
        found.containers = len(parse.listing(engine.get("/containers/json", all="1")))

    def lists(_: float) -> None:
        parse.images(engine.get("/images/json"))
        parse.networks(engine.get("/networks"))
        parse.volumes(engine.get("/volumes"))
        found.lists = True

    def events(_: float) -> None:
        # A window that has ended: the engine answers at once, with what it remembers of it.
        engine.get("/events", since="1", until="2")

    def files(_: float) -> None:
        found.commands = engine.shell() is not None
        if not found.commands:
            raise EngineError(
                "no_commands",
                "This login may use Docker, but may run no commands.",
                "Rules about files and the kernel stay unknown. To have them checked, let the key "
                "run commands: no `command=` before it in authorized_keys.",
            )

    if engine.reached == address.SSH:
        user = engine.way.address.user
        yield Rung(f"{user} may use Docker there", version, ACCESS_KINDS)
        yield Rung("A Docker engine answers")
    else:
        yield Rung("A Docker engine answers", version)
    yield Rung("Its API version can be read", kinds=frozenset({"api_too_old"}))
    yield Rung("The engine tells about itself", describe)
    yield Rung("Its containers may be listed", count)
    yield Rung("Its images, networks and volumes may be listed", lists, spares=AnswerError)
    yield Rung("Its events may be read", events, spares=EngineError)
    if engine.reached == address.SSH:
        yield Rung("Files on its machine may be read", files, spares=EngineError)


def _seen(engine: Engine, steps: list[Step], found: _Found) -> Probe:
    """What the rules about engine and networks could say of it: facts of containers are the same
    on every engine, but those two may be denied or missing."""
    listed: tuple[Any, ...] | None = () if found.lists else None
    snapshot = Snapshot(
        host=found.host,
        images=listed,
        networks=listed,
        volumes=listed,
        taken_at=datetime.now(UTC).isoformat(),
        reached=engine.reached,
    )
    unknown = [result for result in evaluate(snapshot) if result.verdict == Verdict.UNKNOWN]
    unread = {result.rule for result in unknown}
    need_ssh = {result.rule for result in unknown if NEEDS_SSH in result.reason}
    if found.commands:  # then a scan reads what these want
        unread, need_ssh = unread - need_ssh, set()
    if not found.lists:
        unread |= {rule.slug for rule in RULES if rule.subject_kind == "network"}
    titles = tuple(BY_SLUG[slug].title for slug in sorted(unread))
    power = _power(engine, found)
    return Probe(
        tuple(steps), found.host, found.containers, len(RULES), titles, len(need_ssh), power
    )


def _power(engine: Engine, found: _Found) -> Power:
    """Asks for what no engine has: the engine itself says that it knows no such thing, and what
    filters calls says that it may not be asked for."""
    commands = ""
    if found.commands:
        commands = f" It also may run commands as {engine.way.address.user} on that machine."
    try:
        plugins = found.host.authorization_plugins
    except Unread:
        plugins = ()
    if plugins:
        names = " and ".join(plugins)
        text = f"The engine's authorisation plugin {names} decides what this connection may do."
        return Power("plugin", text + commands, found.commands)
    try:
        engine.get(UNKNOWN_PATH)
    except GoneError:
        text = (
            "Nothing on the way filters calls: whoever holds this connection can do everything "
            "that Docker can, which is as much as root on that machine. Plimsoll only reads; a "
            "proxy that lets only GET through would not show here."
        )
        return Power("everything", text + commands, found.commands)
    except AnswerError as error:
        if error.kind in ("denied", "plugin_denied"):
            text = "Something on the way lets only chosen calls through to the engine."
            return Power("filtered", text + commands, found.commands)
    except EngineError:
        pass
    text = "Whether this connection could do more than read could not be found out."
    return Power("unknown", text + commands, found.commands)


def _failed(text: str, error: EngineError, milliseconds: int | None = None) -> Step:
    step = Step(text, FAILED, milliseconds, error.kind, error.message, error.advice)
    if isinstance(error, SshKeyError):
        fingerprint = certificates.fingerprint(error.key)
        step = msgspec.structs.replace(
            step, key=error.key, fingerprint=fingerprint, whose=error.whose
        )
    return step
