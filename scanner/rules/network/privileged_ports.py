"""Ports of the host that belong to its system services, or that administer machines."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container, Port
from scanner.rule import Family, Fix, Flaw, Rule, Severity, flaw

FIRST_UNPRIVILEGED = 1024
Number = Annotated[int, msgspec.Meta(ge=1, le=65535)]


class Parameters(msgspec.Struct, frozen=True):
    allowed: Annotated[
        tuple[Number, ...],
        msgspec.Meta(
            description="Ports of the host that may be published although they are below 1024 or "
            "serve remote administration"
        ),
    ] = (80, 443)
    remote_administration: Annotated[
        tuple[Number, ...],
        msgspec.Meta(
            description="Ports of the host, by their number there and not in the container, that "
            "are critical: they fail above 1023 too, over TCP"
        ),
    ] = (21, 22, 23, 25, 110, 2375, 3389, 5900)


def check(container: Container, context: Context, parameters: Parameters) -> Iterator[Flaw]:
    for fact, port in context.published_ports(container):
        numbers, remote = _wrong(port, parameters)
        if numbers:
            listed = ", ".join(map(str, sorted(parameters.allowed))) or "none"
            wanted = f"a port from {FIRST_UNPRIVILEGED} on; below, only: {listed}"
            severity = Severity.CRITICAL if remote else None
            yield flaw(fact, port.facts, wanted, sub_object=str(port), severity=severity)


def _wrong(port: Port, parameters: Parameters) -> tuple[set[int], set[int]]:
    """What it may be bound to and should not, and what of that administers machines."""
    numbers = set(port.host_ports) - set(parameters.allowed)
    remote = numbers & set(parameters.remote_administration) if port.protocol == "tcp" else set()
    return {number for number in numbers if number < FIRST_UNPRIVILEGED} | remote, remote


def change(container: Container) -> Container:
    """Ports of remote administration go, the others move up."""
    kept = []
    for port in container.ports:
        numbers, remote = _wrong(port, Parameters())
        if not numbers:
            kept.append(port)
        elif not remote:
            kept.append(replace(port, host_port=8000 + min(numbers), choice=""))
    return replace(container, ports=tuple(kept))


RULE = Rule(
    slug="privileged-ports",
    title="Container is published on a privileged or administrative port",
    subject=Container,
    severity=Severity.HIGH,
    family=Family.NETWORK,
    report="1.3(3)",
    cis=("5.8",),
    reads=("NetworkSettings.Ports", "HostConfig.PortBindings", "HostConfig.NetworkMode"),
    why=(
        "Below 1024 callers expect services that the host's administrator has set up, so a "
        "container there can pass for one of them and receive what was meant for it. Ports of "
        "remote administration are what attackers try first."
    ),
    links=("https://docs.docker.com/engine/network/port-publishing/",),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary=(
            "Publish on a port from 1024 on, behind a proxy on 80 or 443 where need be, and do not "
            "publish remote administration at all: `docker exec` reaches the container."
        ),
        side_effects=(
            "Callers must use the new port; the number is an example. Where the container joins "
            "another one's network, change the ports of that one."
        ),
        change=change,
        bad=("--publish=22:22", "--publish=636:1636"),
    ),
)
