"""The socket of a container engine, within a container."""

import posixpath
from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container
from scanner.paths import holds, normalise, under
from scanner.rule import Evidence, Family, Fix, Flaw, Rule, Severity

ROOTLESS = ("/run/user/*/docker.sock", "/run/user/*/podman/podman.sock")


class Parameters(msgspec.Struct, frozen=True):
    sockets: Annotated[
        tuple[str, ...],
        msgspec.Meta(
            description="Sockets of engines on the host; a file of such a name counts too"
        ),
    ] = (
        *("/run/docker.sock", "/run/containerd/containerd.sock", "/run/crio/crio.sock"),
        *(
            "/run/podman/podman.sock",
            "/run/cri-dockerd.sock",
            "/run/k3s/containerd/containerd.sock",
        ),
        "/run/docker/containerd/containerd.sock",
    )


def socket_in(path: str, sockets: tuple[str, ...]) -> str | None:
    sockets = tuple(normalise(socket) for socket in sockets)
    if posixpath.basename(path) in {posixpath.basename(socket) for socket in sockets}:
        return path  # moved, but an engine's all the same
    return next((socket for socket in sockets if holds(path, socket)), None)


def check(container: Container, context: Context, parameters: Parameters) -> Iterator[Flaw]:
    # What only an engine without root decides comes last: the host need not be asked before.
    for path, mounts in sorted(
        container.host_mounts.items(), key=lambda item: under(item[0], "/run/user")
    ):
        socket = socket_in(path, parameters.sockets)
        if socket is None and (at := socket_in(path, ROOTLESS)) and context.host.rootless:
            socket = at
        if socket is not None:
            facts = (Evidence("Mounts", mount.facts, f"without {socket}") for mount in mounts)
            yield Flaw(tuple(facts), sub_object=path)


def change(container: Container) -> Container:
    usual = Parameters()
    return replace(
        container,
        mounts=tuple(
            mount
            for mount in container.mounts
            if mount.host_path is None or socket_in(mount.host_path, usual.sockets) is None
        ),
    )


RULE = Rule(
    slug="engine-socket-mount",
    title="Container can control the container engine through its socket",
    subject=Container,
    severity=Severity.CRITICAL,
    family=Family.RESOURCES,
    report="1.2(3)",
    cis=("5.32",),
    reads=("Mounts", "HostConfig.Mounts", "volumes: Options", "info: SecurityOptions"),
    why=(
        "Who can speak to the engine can start a privileged container with the host's disk in it, "
        "and so is root on the host. A read-only mount does not help: it protects the file, not "
        "what is said through it."
    ),
    links=(
        "https://docs.docker.com/engine/security/#docker-daemon-attack-surface",
        "https://docs.docker.com/engine/security/protect-access/",
    ),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary=(
            "Take the socket away. A program that only needs to know what runs can ask a proxy "
            "that passes on a few harmless requests."
        ),
        side_effects=(
            "Dashboards, build agents and reverse proxies that find containers by themselves need "
            "such a proxy, or a build that works without an engine."
        ),
        change=change,
        bad=("--volume=/var/run/docker.sock:/var/run/docker.sock",),
    ),
)
