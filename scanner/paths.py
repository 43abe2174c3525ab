"""Paths on a Linux host, compared as the kernel would see them. Pure: no file system is asked."""

import posixpath
import re
from collections.abc import Iterable

# Directories that are symbolic links on every current distribution with a merged /usr and /run.
_ALIASES = (
    ("/var/run", "/run"),
    ("/var/lock", "/run/lock"),
    ("/bin", "/usr/bin"),
    ("/sbin", "/usr/sbin"),
    ("/lib", "/usr/lib"),
    ("/lib32", "/usr/lib32"),
    ("/lib64", "/usr/lib64"),
    ("/libx32", "/usr/libx32"),
)


# The host's root once more, as its processes see it.
_ROOT_OF_A_PROCESS = re.compile(r"/proc/(?:\d+|self|thread-self)(?:/task/\d+)?/root(?=/|$)")


def normalise(path: str) -> str:
    """An absolute path without `.`, `..`, doubled slashes, and with well-known links followed."""
    path = posixpath.normpath("/" + path.lstrip("/"))
    while found := _ROOT_OF_A_PROCESS.match(path):
        path = path[found.end() :] or "/"
    for link, target in _ALIASES:
        if path == link or path.startswith(link + "/"):
            return target + path[len(link) :]
    return path


def under(path: str, parent: str) -> bool:
    """True if `path` is `parent` or lies below it; both normalised."""
    return parent == "/" or path == parent or path.startswith(parent + "/")


def within(path: str, places: Iterable[str]) -> bool:
    """True if a normalised path is one of the places or lies in one, however those are written."""
    return any(under(path, normalise(place)) for place in places)


def touches(path: str, place: str) -> bool:
    """True if `path` is `place`, or one lies below the other. All is below /, so / as a place
    stands for itself alone."""
    return under(place, path) or (place != "/" and under(path, place))


def holds(path: str, file: str) -> bool:
    """True if `path` is `file` or a directory above it; `*` in `file` is any one name."""
    if path == "/":
        return True
    names, wanted = path.split("/"), file.split("/")
    return len(names) <= len(wanted) and all(
        name == expected or expected == "*" for name, expected in zip(names, wanted, strict=False)
    )


def above(path: str) -> list[str]:
    """The directories that a normalised path lies in, from the innermost to /."""
    found = []
    while path != "/":
        path = posixpath.dirname(path)
        found.append(path)
    return found
