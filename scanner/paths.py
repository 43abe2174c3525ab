"""Paths on a Linux host, compared as the kernel would see them. Pure: no file system is asked."""

import posixpath

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


def normalise(path: str) -> str:
    """An absolute path without `.`, `..`, doubled slashes, and with well-known links followed."""
    path = posixpath.normpath("/" + path.lstrip("/"))
    for link, target in _ALIASES:
        if path == link or path.startswith(link + "/"):
            return target + path[len(link) :]
    return path


def under(path: str, parent: str) -> bool:
    """True if `path` is `parent` or lies below it; both normalised."""
    return parent == "/" or path == parent or path.startswith(parent + "/")
