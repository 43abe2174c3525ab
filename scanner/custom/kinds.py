"""The kinds of value that an expression can have, and what the model offers of each. Pure.

Fields are taken from the model itself, by its type hints, so that the two cannot part.
"""

import functools
import types
import typing
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Union, get_args, get_origin

import msgspec

from scanner.machine import Machine
from scanner.model import (
    Container,
    Healthcheck,
    Host,
    Image,
    Mount,
    Network,
    Port,
    Swarm,
    Volume,
)

Model = type[msgspec.Struct]


class Kind(msgspec.Struct, frozen=True):
    """`name` is "bool", "int", "double", "string", "timestamp", "duration", "null", "list", "map",
    "model", or "any" for the item of an empty list. Keys of maps are strings.

    `path` is where in the facts a list, a map or a model stands, like "container.mounts[]"; "" for
    what the expression makes itself.
    """

    name: str
    item: "Kind | None" = None
    model: Model | None = None
    path: str = ""
    nullable: bool = False

    def __str__(self) -> str:
        """In the words of the documents."""
        if self.name in {"list", "map"}:
            return f"{self.name}({self.item})"
        return self.model.__name__ if self.model else self.name

    @property
    def scalar(self) -> bool:
        return self.name not in {"list", "map", "model"}


BOOL, INT, DOUBLE, STRING = Kind("bool"), Kind("int"), Kind("double"), Kind("string")
TIMESTAMP, DURATION = Kind("timestamp"), Kind("duration")
NULL, ANY = Kind("null"), Kind("any")

_SCALARS = {bool: BOOL, int: INT, float: DOUBLE, str: STRING, datetime: TIMESTAMP}
_DERIVED: Mapping[Model, tuple[str, ...]] = {
    Container: ("running", "workload", "effective_capabilities"),
    Host: ("rootless", "remaps_users", "has_apparmor", "has_selinux"),
    Image: ("name",),
    Mount: ("content",),
    Network: ("encrypted", "default_bridge"),
    Port: ("everywhere",),
    Healthcheck: ("disabled",),
}
"""Properties that may be asked for as if they were fields."""
_LEFT_OUT = {"unread", "inspected"}
"""How the model keeps what it does not know; to an expression that is an unknown."""

SUBJECTS: Mapping[str, type] = {
    "container": Container,
    "host": Host,
    "image": Image,
    "network": Network,
}
_ROOTS: Mapping[str, Mapping[str, Any]] = {
    "container": {
        "container": Container,
        "image": Image,
        "networks": tuple[Network, ...],
        "host": Host,
    },
    "image": {"image": Image, "containers": tuple[Container, ...], "host": Host},
    "network": {"network": Network, "containers": tuple[Container, ...], "host": Host},
    "host": {
        "host": Host,
        "containers": tuple[Container, ...],
        "images": tuple[Image, ...],
        "networks": tuple[Network, ...],
        "volumes": tuple[Volume, ...],
        "swarm": Swarm,
        "machine": Machine,
    },
}
_ALWAYS: Mapping[str, Any] = {"reached": str, "taken_at": datetime}


def roots(subject: str) -> dict[str, Kind]:
    """What an expression about such a subject may name."""
    return {name: of(hint, name) for name, hint in {**_ROOTS[subject], **_ALWAYS}.items()}


def models() -> list[Model]:
    """Every part of the model that an expression can come to, in the order of the documents."""
    found: list[Model] = []
    waiting = [kind for subject in SUBJECTS for kind in roots(subject).values()]
    while waiting:
        kind = waiting.pop(0)
        if kind.item is not None:
            waiting.append(kind.item)
        if kind.model is not None and kind.model not in found:
            found.append(kind.model)
            waiting += fields(kind.model).values()
    return found


@functools.cache
def fields(model: Model) -> dict[str, Kind]:
    """By name; without paths. What no expression can hold, such as a union of kinds, is left
    out."""
    hints = typing.get_type_hints(model)
    wanted = {name: hints[name] for name in model.__struct_fields__ if name not in _LEFT_OUT}
    for name in _DERIVED.get(model, ()):
        getter = typing.cast(property, getattr(model, name)).fget
        wanted[name] = typing.get_type_hints(getter)["return"]
    return {name: kind for name, hint in wanted.items() if (kind := _of(hint)) is not None}


def of(hint: Any, path: str = "") -> Kind:
    """The kind of a value with such a type hint. Raises TypeError for what has none."""
    kind = _of(hint)
    if kind is None:
        raise TypeError(f"{hint} is no kind of value")
    return at(kind, path)


def at(kind: Kind, path: str) -> Kind:
    """The kind as it is found at this place."""
    item = at(kind.item, f"{path}[]") if kind.item is not None else None
    return msgspec.structs.replace(kind, path="" if kind.scalar else path, item=item)


def _of(hint: Any) -> Kind | None:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is typing.Annotated:
        return _of(arguments[0])
    if origin in {Union, types.UnionType}:
        kinds = [_of(argument) for argument in arguments if argument is not type(None)]
        if len(kinds) != 1 or kinds[0] is None:
            return None
        return msgspec.structs.replace(kinds[0], nullable=len(arguments) > 1)
    if origin in {tuple, list, frozenset}:
        item = _of(arguments[0])
        return Kind("list", item) if item is not None else None
    if origin is dict and arguments[0] is str:
        item = _of(arguments[1])
        return Kind("map", item) if item is not None and item.scalar else None
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return Kind("model", model=hint)
    return _SCALARS.get(hint)
