"""The facts that a rule's expressions ask for, as plain values, and how long their lists are. Pure.

A fact that could not be read is left out, and kept with its reason: an expression that comes to it
fails, and the verdict is unknown with that reason. One that never comes to it does not need it.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from scanner.custom import kinds
from scanner.custom.kinds import Kind
from scanner.unread import Unread

MOST_VALUES = 5_000
MOST_TEXT = 16_384

_COPY, _COPY_FIELD = 0.1, 0.6

Plan = dict[str, Any]
"""A tree of names, as deep as facts are asked for; "[]" stands for every item of a list."""
ALL: Plan = {}


class Values(NamedTuple):
    """`lengths` are those of lists and maps by path, of the longest text as "text", and with "*"
    before a path the microseconds that a copy of all that is within takes, as measured."""

    found: dict[str, Any]
    unread: dict[str, Unread]
    lengths: dict[str, float]


def plan(paths: Iterable[str]) -> Plan:
    """The tree of paths like "container.mounts[].source"."""
    tree: Plan = {}
    for path in paths:
        branch = tree
        for name in path.replace("[]", ".[]").split("."):
            branch = branch.setdefault(name, {})
    return tree


def whole(kind: Kind) -> Iterable[str]:
    """The paths of everything within a value of that kind, models within models too."""
    yield kind.path
    inner = kind.item if kind.item is not None else kind
    if inner.model is not None:
        for name, field in kinds.fields(inner.model).items():
            path = f"{inner.path}.{name}"
            yield path
            if not field.scalar:
                yield from whole(kinds.at(field, path))


def read(wanted: Plan, roots: Mapping[str, Callable[[], Any]]) -> Values:
    """Raises Unread where it is more than may be judged."""
    reader = _Reader()
    found: dict[str, Any] = {}
    for name, branch in wanted.items():
        try:
            found[name] = reader.plain(roots[name](), branch, name)
        except Unread as gap:
            reader.gap(name, gap)
    return Values(found, reader.unread, reader.lengths)


class TooMuch(Unread):
    """What was read is more than is judged."""


class _Reader:
    def __init__(self) -> None:
        self.unread: dict[str, Unread] = {}
        self.lengths: dict[str, float] = {"text": 64}
        self.count = 0
        self.copying = 0.0

    def gap(self, name: str, gap: Unread) -> None:
        if isinstance(gap, TooMuch):
            raise gap
        self.unread.setdefault(name, gap)

    def plain(self, value: Any, branch: Plan, path: str) -> Any:
        self.count += 1
        self.copying += _COPY
        if self.count > MOST_VALUES:
            raise TooMuch(path, f"more than {MOST_VALUES} values would have to be looked at")
        if isinstance(value, str):
            if len(value) > MOST_TEXT:
                raise TooMuch(path, f"a text of more than {MOST_TEXT} characters is not judged")
            self.lengths["text"] = max(self.lengths["text"], len(value))
            return value
        if value is None or isinstance(value, bool | float | datetime):
            return value
        if isinstance(value, int):
            if not -(2**63) <= value < 2**63:
                raise TooMuch(path, "the number is too large to be judged")
            return value
        before = self.copying
        found = self._whole(value, branch, path)
        self._length(f"*{path}", self.copying - before)
        return found

    def _whole(self, value: Any, branch: Plan, path: str) -> Any:
        if isinstance(value, Mapping):
            self._length(path, len(value))
            self.copying += _COPY * len(value)
            return {str(key): self.plain(item, ALL, path) for key, item in value.items()}
        if isinstance(value, tuple | list | frozenset):
            items = sorted(value) if isinstance(value, frozenset) else value
            self._length(path, len(items))
            within = branch.get("[]", ALL)
            return [self.plain(item, within, f"{path}[]") for item in items]
        self.copying += _COPY_FIELD * (1 + len(branch))
        return self._model(value, branch, path)

    def _model(self, value: msgspec.Struct, branch: Plan, path: str) -> dict[str, Any]:
        found = {}
        for name, within in branch.items():
            try:
                found[name] = self.plain(getattr(value, name), within, f"{path}.{name}")
            except Unread as gap:
                self.gap(name, gap)
        return found

    def _length(self, path: str, length: float) -> None:
        self.lengths[path] = max(self.lengths.get(path, 0), length)
