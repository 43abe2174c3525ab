"""How what a scan saw is kept, and made into a snapshot again. Pure.

A container is kept in two parts: its configuration, once for each content, and what may change from
one scan to the next. What surrounds the containers is one document for each host. What is not kept
reads as unread: a rule that needs it says unknown, as it would where nobody could read it.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET
from msgspec.structs import asdict, astuple, replace

from scanner import Container, PartialContainer, Snapshot
from scanner.model import Host, PartialHost, with_members

# What belongs to a container's momentary state, or changes when it is made anew as it was.
_STATE = (
    *("created", "status", "pid", "started_at", "finished_at", "exit_code", "oom_killed"),
    *("restart_count", "health", "processes", "uid", "unread"),
)
_CONTAINER = msgspec.json.Decoder(Container)
_SURROUNDINGS = msgspec.json.Decoder(Snapshot)


class Kept(NamedTuple):
    """`config` and `state` are JSON; `digest` is the SHA-256 of `config`."""

    config: bytes
    digest: bytes
    state: bytes


def kept(container: Container) -> Kept:
    facts: dict[str, Any] = msgspec.to_builtins(container)
    del facts["id"], facts["name"]
    state = {name: facts.pop(name) for name in _STATE if name in facts}
    if container.id.startswith(str(facts.get("hostname") or "-")):
        state["hostname"] = facts.pop("hostname")  # made up by the engine from the id
    health = state.get("health")
    if health and health["status"] != "unhealthy":
        health.pop("output", None)  # of a probe that succeeds it may be another each time
    config = msgspec.json.encode(facts, order="sorted")
    return Kept(config, hashlib.sha256(config).digest(), msgspec.json.encode(state))


def container(engine_id: str, name: str, config: bytes, state: bytes) -> Container:
    """Raises msgspec.DecodeError where it cannot be understood."""
    document = _joined(msgspec.json.encode({"id": engine_id, "name": name}), config, state)
    found = _CONTAINER.decode(document)
    return PartialContainer(**asdict(found)) if UNSET in astuple(found) else found


def surroundings(snapshot: Snapshot) -> bytes:
    """JSON of the snapshot without its host, its containers, its time and its gaps."""
    networks = snapshot.networks
    if networks is not None:  # whose members follow from the containers
        networks = tuple(replace(network, members=()) for network in networks)
    bare = replace(snapshot, containers=(), gaps=(), taken_at="", networks=networks)
    facts: dict[str, Any] = msgspec.to_builtins(bare, str_keys=True)
    del facts["host"]
    return msgspec.json.encode(facts, order="sorted")


def engine(facts: Mapping[str, Any]) -> bytes:
    """JSON of scanner.model.Host as plain values, without what may be another at each scan: how
    full its storage is, and the words in which something could not be read."""
    kept = {name: value for name, value in facts.items() if name != "unread"}
    if status := kept.get("storage_status"):
        kept["storage_status"] = {
            name: value for name, value in status.items() if not value[:1].isdigit()
        }
    return msgspec.json.encode(kept, order="sorted")


def snapshot(
    engine: Mapping[str, Any],
    surrounding: bytes,
    containers: Iterable[Container],
    taken_at: str,
) -> Snapshot:
    """`engine` is scanner.model.Host as plain values. Raises msgspec.DecodeError or
    msgspec.ValidationError where something cannot be understood."""
    found = _SURROUNDINGS.decode(_joined(b'{"host":{}}', surrounding))
    host = msgspec.convert(engine, Host)
    if UNSET in astuple(host):
        host = msgspec.convert(engine, PartialHost)
    ordered = tuple(sorted(containers, key=lambda each: (each.name, each.id)))
    return replace(
        found,
        host=host,
        containers=ordered,
        networks=with_members(found.networks, ordered),
        taken_at=taken_at,
    )


def _joined(*documents: bytes) -> bytes:
    """JSON objects without a key in common, as one."""
    return b"{%s}" % b",".join(document[1:-1] for document in documents if len(document) > 2)
