"""A port that is published on every interface of the host, towards every network it is in."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container
from scanner.rule import Family, Fix, Flaw, Rule, Severity, flaw

Number = Annotated[int, msgspec.Meta(ge=1, le=65535)]


class Parameters(msgspec.Struct, frozen=True):
    allowed: Annotated[
        tuple[Number, ...],
        msgspec.Meta(description="Ports of the host that may be open on every interface"),
    ] = ()


def check(container: Container, context: Context, parameters: Parameters) -> Iterator[Flaw]:
    for fact, port in context.published_ports(container):
        numbers = set(port.host_ports)
        if port.everywhere and not (numbers and numbers <= set(parameters.allowed)):
            yield flaw(fact, port.facts, "one address of the host", sub_object=str(port))


def change(container: Container) -> Container:
    ports = (
        replace(port, host_ip="127.0.0.1") if port.everywhere else port for port in container.ports
    )
    return replace(container, ports=tuple(dict.fromkeys(ports)), publish_all=False)


RULE = Rule(
    slug="port-interface",
    title="Port is published on every interface of the host",
    subject=Container,
    severity=Severity.MEDIUM,
    family=Family.NETWORK,
    report="1.3(3)",
    cis=("5.14",),
    reads=(
        "NetworkSettings.Ports",
        "HostConfig.PortBindings",
        "HostConfig.PublishAllPorts",
        "HostConfig.NetworkMode",
    ),
    why=(
        "A port without an address is open on all interfaces, over IPv4 and IPv6: towards the "
        "management network and the internet as much as towards the callers it is meant for. The "
        "engine's own firewall rules let it past those of the host."
    ),
    links=(
        "https://docs.docker.com/engine/network/port-publishing/",
        "https://docs.docker.com/engine/network/packet-filtering-firewalls/",
    ),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Name the address of the host on which the port is to be open.",
        side_effects=(
            "Callers on other interfaces are cut off. 127.0.0.1 is an example that fits a proxy on "
            "the same host. The daemon's setting holds for the default bridge and for ports "
            "published without an address; containers must be started again."
        ),
        change=change,
        bad=("--publish=8080:80", "--publish=[::]:8081:81", "--publish=8090-8095:90"),
        daemon={"ip": "127.0.0.1"},
    ),
)
