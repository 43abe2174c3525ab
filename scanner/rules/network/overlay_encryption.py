"""An overlay network carries the containers' traffic between hosts in the clear."""

from collections.abc import Iterator

from scanner.context import Context
from scanner.model import Network, Unread
from scanner.rule import (
    Family,
    Fix,
    Flaw,
    NoParameters,
    NotApplicable,
    Rule,
    Severity,
    Shown,
    flaw,
    shown,
)

FACT = "networks: Options.encrypted"


def check(network: Network, context: Context, parameters: NoParameters) -> Iterator[Flaw | Shown]:
    if not network.driver:
        raise Unread("networks: Driver", "the engine does not name the network's driver")
    if network.driver != "overlay":
        raise NotApplicable(f"the driver is {network.driver}, not overlay")
    if network.ingress:
        raise NotApplicable("the engine does not encrypt the swarm's ingress network, by design")
    if network.encrypted:
        yield shown(FACT, network.options["encrypted"])
    else:
        yield flaw(FACT, network.options.get("encrypted"), "the option is set")


RULE = Rule(
    slug="overlay-encryption",
    title="Overlay network is not encrypted",
    subject=Network,
    severity=Severity.MEDIUM,
    family=Family.NETWORK,
    report="1.3(2)",
    cis=("7.3",),
    reads=("networks: Driver", "networks: Ingress", FACT),
    why=(
        "An overlay carries what containers say to each other over the network between the hosts, "
        "and without this option in the clear. Whoever can listen there reads it, and can send "
        "packets into the containers' network."
    ),
    links=("https://docs.docker.com/engine/network/drivers/overlay/",),
    check=check,
    fix=Fix(
        summary="Make the network again with encryption, and move its services to it.",
        side_effects=(
            "The option cannot be added to a network that is there. Encryption costs processor "
            "time and throughput, and the hosts must let IPsec (ESP, protocol 50) through."
        ),
        commands=(
            "docker network create --driver overlay --opt encrypted NEW",
            "docker service update --network-rm OLD --network-add NEW SERVICE",
            "docker network rm OLD",
        ),
    ),
)
