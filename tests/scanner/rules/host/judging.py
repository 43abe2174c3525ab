"""A rule's verdict on a recorded host, or on one of which a few facts are other."""

from typing import Any

from msgspec.structs import replace

from scanner.machine import File, Machine
from scanner.rule import Flaw, Rule
from tests.recorded import context, host
from tests.recorded.machines import machine


def judge(rule: Rule[Any, Any], on: Machine | str, **parameters: Any) -> list[Any]:
    """What the rule's check yields."""
    seen = machine(on) if isinstance(on, str) else on
    return list(rule.check(host(), context(machine=seen), rule.parameters(**parameters)))


def flaws(rule: Rule[Any, Any], on: Machine | str, **parameters: Any) -> dict[str, Flaw]:
    """Its flaws by what they are about."""
    found = [item for item in judge(rule, on, **parameters) if isinstance(item, Flaw)]
    assert len({flaw.sub_object for flaw in found}) == len(found)
    return {flaw.sub_object: flaw for flaw in found}


def with_file(on: str, path: str, **changes: Any) -> Machine:
    """The host with another mode or owner of a file; the file of /etc/docker where it has none."""
    known = machine(on)
    file = known.files.get(path) or File(path, "file", 0o644, 0, 0, "root", "root", 0, path)
    return replace(known, files={**known.files, path: replace(file, **changes)})


def denied(on: str, path: str) -> Machine:
    known = machine(on)
    return replace(known, unread={**known.unread, path: "permission denied"})


def podman() -> tuple[Any, Any]:
    """The host and the context of an engine without a daemon."""
    other = replace(host(), engine="podman")
    return other, context(host=other)
