"""Answers of real engines, recorded by `make record` and never edited by hand.

`container("privileged")` is the container of that name as the scanner sees it. Names and flags are
in cases_<family>.py; the answers lie in <engine version>/<name>.json, and some of them of other
kinds of engine in podman-<version>/, <version>-rootless/ and so on.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from scanner import parse
from scanner.context import Context
from scanner.model import Container, Host, Image, Network, Snapshot, Swarm, Volume

HERE = Path(__file__).parent
ENGINE = "20.10"


class Case(NamedTuple):
    """How a recorded container is made: flags of `docker create` or `docker run -d`."""

    flags: tuple[str, ...] = ()
    image: str = "plimsoll/busybox:1"
    command: tuple[str, ...] = ("sleep", "100000")
    run: bool = False
    """Created only, unless the case needs a running container."""
    then: tuple[str, ...] = ()
    """Commands of `docker` that make it what it is: "network connect bridge web"."""


def answer(name: str, engine: str = ENGINE) -> Any:
    """The raw answer: a container's inspect document, or "_info", "_version", "_networks", ..."""
    return json.loads((HERE / engine / f"{name}.json").read_bytes())


def container(name: str, engine: str = ENGINE) -> Container:
    body = (HERE / engine / f"{name}.json").read_bytes()
    return parse.container(body, volumes(json.loads(body)), host(engine))


def volumes(document: Any) -> tuple[Volume, ...]:
    """What the engine listed of a container's volumes: they have no options but those that its own
    document tells."""
    asked = {mount.get("Source") for mount in document["HostConfig"].get("Mounts") or ()}
    names = [mount.get("Name") for mount in document["Mounts"] if mount["Type"] == "volume"]
    return tuple(Volume(name, "local", {}) for name in names if name and name not in asked)


def host(engine: str = ENGINE, info: str = "_info") -> Host:
    """ "_swarm_info" is that of a swarm's manager."""
    version = (HERE / engine / "_version.json").read_bytes()
    return parse.host(version, (HERE / engine / f"{info}.json").read_bytes())


def swarm(engine: str = ENGINE) -> Swarm:
    """What that manager tells."""
    names = ("_swarm", "_swarm_nodes", "_swarm_services", "_swarm_secrets")
    return parse.swarm(*((HERE / engine / f"{name}.json").read_bytes() for name in names))


def networks(name: str = "_networks", engine: str = ENGINE) -> tuple[Network, ...]:
    return parse.networks((HERE / engine / f"{name}.json").read_bytes())


def image(name: str, engine: str = ENGINE, **changes: Any) -> Image:
    """One of cases_images.py, with its history; `changes` are fields that are otherwise."""
    document = answer(f"_image_{name}", engine)
    found = parse.image(json.dumps(document["inspect"]).encode(), host(engine))
    layers = parse.history(json.dumps(document["history"]).encode())
    return msgspec.structs.replace(found, **{"history": layers, **changes})


def context(*containers: Container, **snapshot: Any) -> Context:
    """What a rule sees: the recorded engine with these containers on it."""
    values: dict[str, Any] = {"images": (), "networks": (), "volumes": (), "host": host()}
    return Context(Snapshot(containers=containers, **{**values, **snapshot}))


def without(known: Container, *facts: str) -> Container:
    """The container as the scanner sees it where the engine's answer lacks these facts."""
    values = {name: object.__getattribute__(known, name) for name in known.__struct_fields__}
    return parse.make(**values | dict.fromkeys(facts, UNSET))
