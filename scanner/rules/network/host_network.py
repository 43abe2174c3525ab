"""A container without a network of its own: it uses the host's."""

from collections.abc import Iterator

from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container
from scanner.rule import Evidence, Family, Fix, Flaw, NoParameters, Rule, Severity

FACT = "HostConfig.NetworkMode"


def check(container: Container, context: Context, parameters: NoParameters) -> Iterator[Flaw]:
    owner, mode = context.namespace_owner(container, "network_mode")
    if mode == "host":
        own = Evidence(FACT, container.network_mode, "a network of its own")
        joined = (Evidence(f"{FACT} of {owner.name}", mode),) if owner.id != container.id else ()
        yield Flaw((own, *joined))


def change(container: Container) -> Container:
    name = container.network_of_its_own
    return replace(container, network_mode=name, networks=(name,))


RULE = Rule(
    slug="host-network",
    title="Container uses the host's network",
    subject=Container,
    severity=Severity.HIGH,
    family=Family.NETWORK,
    report="1.3(1)",
    cis=("5.10",),
    reads=(FACT,),
    why=(
        "On the host's network a container sees every interface and all traffic to services that "
        "listen on the host alone, D-Bus and databases on 127.0.0.1 among them. It can also open "
        "any port of the host, which no published port then tells."
    ),
    links=("https://docs.docker.com/engine/network/drivers/host/",),
    check=check,
    fix=Fix(
        summary=(
            "Put the container on a network of its own, or of its application, and publish the "
            "ports that must be reached from outside."
        ),
        side_effects=(
            "Ports are reached only where they are published, and 127.0.0.1 is the container "
            "itself from then on: reach services of the host by the host's address. What needs "
            "the host's interfaces, such as a DHCP server or a network monitor, needs an exception."
        ),
        change=change,
        bad=("--network=host",),
        commands=("docker network create {name}-net  # unless its network is there",),
    ),
)
