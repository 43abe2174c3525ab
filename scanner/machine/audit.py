"""Rules of the kernel's audit, as `auditctl -l` and the files of auditd write them. Pure."""

import functools
import itertools
import posixpath
import shlex
from collections.abc import Iterable

import msgspec

from scanner import paths

_ALL = frozenset("rwxa")
# Fields that narrow a rule no further than is usual, or not at all.
_HARMLESS = {"key", "arch", "auid"}


class Watch(msgspec.Struct, frozen=True):
    """What happens to a path is recorded. `below` is True where all that lies in it is too."""

    path: str
    permissions: frozenset[str]
    below: bool

    def covers(self, path: str, permissions: Iterable[str]) -> bool:
        near = paths.under(path, self.path) if self.below else path == self.path
        return near and self.permissions >= set(permissions)


@functools.lru_cache(maxsize=8)
def watches(rules: tuple[str, ...]) -> tuple[Watch, ...]:
    return tuple(found for rule in rules if (found := watch(rule)))


def watch(rule: str) -> Watch | None:
    """None for a rule that watches no path, or only some of what is done to it."""
    try:
        words = shlex.split(rule)
    except ValueError:
        return None
    options: dict[str, list[str]] = {}
    for option, value in itertools.pairwise([*words, ""]):
        if option.startswith("-"):
            options.setdefault(option, []).append(value)
    if "-w" in options:
        # Of a directory auditd makes a watch of all that lies in it.
        permissions = frozenset("".join(options.get("-p", ["rwxa"])))
        return Watch(_path(options["-w"][0]), permissions, below=True)
    if sorted("".join(options.get("-a", [])).split(",")) != ["always", "exit"]:
        return None
    if set(options.get("-S", ["all"])) != {"all"} or "-C" in options:
        return None
    fields = [value.partition("=") for value in options.get("-F", [])]
    exact = {name: value for name, _, value in fields if name in {"path", "dir", "perm"}}
    narrowed = {name.rstrip("!<>") for name, _, _ in fields} - _HARMLESS - set(exact)
    place = exact.get("dir") or exact.get("path")
    if place is None or narrowed:
        return None
    return Watch(_path(place), frozenset(exact.get("perm", "rwxa")) & _ALL, "dir" in exact)


def _path(text: str) -> str:
    return posixpath.normpath(text)
