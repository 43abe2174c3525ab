"""How a host is reached, when its certificates end, and every call that was made to it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from portal.core import display
from portal.fleet import credentials as keys
from portal.fleet import queries as fleet
from portal.fleet.models import Credential, Host, Ledger
from scanner.calls import known
from scanner.transport import address

TRANSPORTS = {
    address.UNIX: "Unix socket",
    address.TLS: "TCP with TLS",
    address.SSH: "SSH",
    address.TCP: "TCP without TLS",
}


class Ending(NamedTuple):
    """A certificate's end; `tone` is "problem" once it is past, "warning" shortly before."""

    what: str
    at: datetime
    left: str
    tone: str


class Pattern(NamedTuple):
    """Calls of one kind. `status` is the worst of them, 0 where one got no answer."""

    method: str
    path: str
    why: str
    calls: int
    bytes: int
    slowest: int
    status: int


class Connection(NamedTuple):
    transport: str
    credential: Credential | None
    parts: list[tuple[str, Any]]
    endings: list[Ending]
    readings: list[Ledger]
    reading: Ledger | None
    patterns: list[Pattern]
    calls: list[fleet.Called]


_LABELS = {
    "tls_ca": "Authority (CA)",
    "tls_certificate": "Client certificate",
    "tls_key": "Private key",
    "ssh_key": "Private key",
    "ssh_host_key": "Key of the machine",
    "ssh_bastion_host_key": "Key of the machine on the way",
}


def connection(host: Host, number: str, now: datetime) -> Connection:
    """`number` is the reading to show, by default the newest. Three queries."""
    credential = fleet.credential(host)
    reading = fleet.reading(host, number)
    calls = fleet.calls(reading) if reading else []
    kept = keys.shown_of_kept(credential.facts, now=now) if credential else {}
    return Connection(
        TRANSPORTS[address.parse(host.url).kind],
        credential,
        [(_LABELS[name], shown) for name, shown in kept.items()],
        endings(credential, now),
        fleet.readings(host),
        reading,
        patterns(calls),
        calls,
    )


def endings(credential: Credential | None, now: datetime) -> list[Ending]:
    """The next to end first."""
    if credential is None:
        return []
    dates = [
        ("Our certificate, or its authority's", credential.expires_at),
        ("The engine's certificate", credential.engine_expires_at),
    ]
    found = [ending(what, at, now) for what, at in dates if at is not None]
    return sorted(found, key=lambda one: one.at)


def ending(what: str, at: datetime, now: datetime) -> Ending:
    if at <= now:
        return Ending(what, at, f"{display.age(now - at)} ago", "problem")
    return Ending(what, at, display.age(at - now), "warning" if at <= now + fleet.SOON else "")


def patterns(calls: Iterable[fleet.Called]) -> list[Pattern]:
    """The most frequent first."""
    alike: dict[tuple[str, str, str], list[fleet.Called]] = {}
    for call in calls:
        alike.setdefault((call.method, *_kind(call)), []).append(call)
    found = [
        Pattern(
            *key,
            calls=len(group),
            bytes=sum(call.bytes for call in group),
            slowest=max(call.milliseconds for call in group),
            status=0
            if any(not call.status for call in group) and key[0] == "GET"
            else max(call.status for call in group),
        )
        for key, group in alike.items()
    ]
    return sorted(found, key=lambda one: (-one.calls, one.path))


def _kind(call: fleet.Called) -> tuple[str, str]:
    """The path without the object's name and the query, and what is read by it."""
    if call.method != "GET":
        return call.name, "a reading command on the machine"
    path = call.path.partition("?")[0]
    found = known(path)
    return (found.path, found.why) if found else (path, "")
