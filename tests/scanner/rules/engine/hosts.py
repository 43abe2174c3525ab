"""The recorded engine with other facts, on a machine of which only the daemon was read."""

from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from scanner.context import Context
from scanner.machine import Machine
from scanner.machine.model import Daemon
from scanner.machine.options import settings
from scanner.model import Container, Host, PartialHost
from scanner.rule import Flaw, Shown
from tests.recorded import context, host

FILE = "/etc/docker/daemon.json"
PODMAN = replace(host(), engine="podman", version="4.3.1")


def lacking(*facts: str) -> Host:
    """The recorded engine, as seen where its answer lacks these."""
    known = host()
    values = {name: object.__getattribute__(known, name) for name in Host.__struct_fields__}
    return PartialHost(**values | dict.fromkeys(facts, UNSET))


def machine(content: bytes = b"", *, stale: bool = False, **flags: Any) -> Machine:
    """`content` is that of the daemon's configuration file."""
    known = settings(content) if content else None
    daemon = Daemon(flags=flags, config_file=FILE, settings=known, stale=stale)
    return Machine(found_daemon=daemon)


def seen(
    check: Any, known: Host, parameters: Any, *containers: Container, **more: Any
) -> list[Any]:
    """What a rule finds; `more` are parts of the snapshot."""
    known_context: Context = context(*containers, host=known, **more)
    return list(check(known, known_context, parameters))


def passes(found: list[Any]) -> bool:
    return all(isinstance(item, Shown) for item in found)


def fails(found: list[Any]) -> bool:
    return any(isinstance(item, Flaw) for item in found)
