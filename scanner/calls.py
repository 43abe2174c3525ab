"""Every call that is ever made to an engine. The client refuses all others, so the list is true.

It is printed as an allow-list for what stands between Plimsoll and an engine: a socket proxy, or
the forced command of an SSH key.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from scanner import forced_command

ID = r"[A-Za-z0-9][A-Za-z0-9_.:-]*"
VERSION = r"(?:/v[0-9]+\.[0-9]+)?"


class AllowedCall(NamedTuple):
    """`path` has {id} where an object is named. `query` are parameters that must have this one
    value; others are free. `why` says what is read by it, and when."""

    path: str
    why: str
    query: tuple[tuple[str, str], ...] = ()

    @property
    def target(self) -> str:
        """The path with the parameters that are fixed."""
        return self.path + "".join(f"?{name}={value}" for name, value in self.query)

    @property
    def pattern(self) -> str:
        """A regular expression for the whole path, the API version in front included."""
        return VERSION + re.escape(self.path).replace(r"\{id\}", ID)


UNKNOWN_PATH = "/plimsoll-asks-whether-calls-are-filtered"

CALLS = (
    AllowedCall("/version", "the engine's version, and which API versions it speaks"),
    AllowedCall("/info", "the engine's own settings"),
    AllowedCall("/containers/json", "which containers there are"),
    AllowedCall("/containers/{id}/json", "a container's configuration and state"),
    AllowedCall("/containers/{id}/top", "users and names of a container's processes"),
    AllowedCall(
        "/containers/{id}/archive",
        "the container's list of users, where its configured user is a name and it does not run",
        (("path", "/etc/passwd"),),
    ),
    AllowedCall("/images/json", "which images there are"),
    AllowedCall("/images/{id}/json", "an image's configuration"),
    AllowedCall("/images/{id}/history", "the instructions that an image was built by"),
    AllowedCall("/networks", "networks and their settings"),
    AllowedCall("/volumes", "volumes, and whether one binds a path of the host"),
    AllowedCall("/swarm", "the swarm's settings; of managers only"),
    AllowedCall("/nodes", "the members of the swarm; of managers only"),
    AllowedCall("/services", "the swarm's services and their ports; of managers only"),
    AllowedCall(
        "/secrets", "names of the swarm's secrets, never what is in them; of managers only"
    ),
    AllowedCall("/events", "whether events may be read; when a connection is tested"),
    AllowedCall(
        UNKNOWN_PATH,
        "which no engine knows: how it is refused tells whether something filters calls; when a "
        "connection is tested",
    ),
)

LET_THROUGH = tuple(call for call in CALLS if call.path != UNKNOWN_PATH)
"""What a filter allows: by the one call that it refuses, its presence is told."""

_PATTERNS = {re.compile(call.pattern): call for call in CALLS}


def known(path: str) -> AllowedCall | None:
    """The call of the list that a path, without a query string in it, is; None for any other."""
    return next((call for expr, call in _PATTERNS.items() if expr.fullmatch(path)), None)


def is_allowed(path: str, query: Mapping[str, str]) -> bool:
    """Whether GET of this path, without a query string in it, is on the list."""
    call = known(path)
    return call is not None and all(query.get(name) == value for name, value in call.query)


def haproxy(listen: str = "unix@/run/plimsoll/docker.sock mode 660 group plimsoll") -> str:
    """Configuration of HAProxy for a socket that lets through what is on the list and no more."""
    rules = "\n".join(map(_haproxy_rule, LET_THROUGH))
    return _HAPROXY.format(listen=listen, rules=rules)


def _haproxy_rule(call: AllowedCall) -> str:
    conditions = [f"{{ path -m reg ^{call.pattern.replace('(?:', '(')}$ }}"]
    if call.query:
        # All of it, so that no second parameter of the name can follow.
        wanted = "&".join(f"{name}={value}" for name, value in call.query)
        conditions.append(f"{{ query -m reg -i ^{wanted.replace('/', '(/|%2F)')}$ }}")
    return f"    http-request set-var(txn.read) bool(true) if {' '.join(conditions)}"


_HAPROXY = """\
# What Plimsoll reads of a Docker engine, and nothing else.
global
    maxconn 64

defaults
    mode http
    timeout connect 5s
    timeout client 10m
    timeout server 10m

frontend plimsoll
    bind {listen}
    http-request deny deny_status 403 unless {{ method GET }}
{rules}
    http-request deny deny_status 403 unless {{ var(txn.read) -m found }}
    default_backend engine

backend engine
    server engine unix@/var/run/docker.sock
"""


def ssh_forced_command(commands: tuple[str, ...] = ()) -> str:
    """A Python program for `command="..."` in authorized_keys: of all that an SSH key can do it
    leaves reading by the list, and running `commands` word for word."""
    paths = tuple((call.pattern, dict(call.query)) for call in LET_THROUGH)
    filled = {"CALLS": paths, "COMMANDS": commands}

    def fill(match: re.Match[str]) -> str:
        return f"{match[1]}: {match[2]} = {filled.pop(match[1])!r}"

    source = Path(forced_command.__file__).read_text(encoding="utf-8")
    source = re.sub(r"^(CALLS|COMMANDS): (.*) = \(\)$", fill, source, flags=re.MULTILINE)
    if filled:
        raise LookupError(f"{', '.join(filled)} not found in the program to be filled in")
    return source
