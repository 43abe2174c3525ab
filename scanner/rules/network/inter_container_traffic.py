"""The default bridge lets the containers on it talk to each other."""

from collections.abc import Iterator

from scanner.context import Context
from scanner.model import Host
from scanner.rule import Family, Fix, Flaw, NoParameters, NotApplicable, Rule, Severity, flaw

OPTION = "com.docker.network.bridge.enable_icc"


def check(host: Host, context: Context, parameters: NoParameters) -> Iterator[Flaw]:
    bridges = [network for network in context.networks if network.default_bridge]
    if not bridges:
        raise NotApplicable("the engine has no default bridge")
    for network in bridges:
        found = network.options.get(OPTION)  # the engine's default is true
        if found != "false":
            yield flaw(f"network {network.name}: Options.{OPTION}", found, "false")


RULE = Rule(
    slug="inter-container-traffic",
    title="Containers on the default bridge may talk to each other freely",
    subject=Host,
    severity=Severity.MEDIUM,
    family=Family.NETWORK,
    report="1.3(2)",
    cis=("2.2",),
    reads=("networks: Options",),
    why=(
        "Every container that names no network can open connections to every other one there, "
        "published port or not. A container that is taken over thus reaches its neighbours' "
        "databases and debugging ports."
    ),
    links=(
        "https://docs.docker.com/engine/network/drivers/bridge/",
        "https://docs.docker.com/reference/cli/dockerd/",
    ),
    check=check,
    fix=Fix(
        summary=(
            "Switch traffic between containers off on the default bridge, and give applications "
            "that belong together a network of their own."
        ),
        side_effects=(
            "Containers on the default bridge reach each other only by --link or by published "
            "ports. The engine must be restarted, and must manage the firewall (iptables)."
        ),
        daemon={"icc": False},
        commands=(
            "systemctl restart docker",
            f"docker network inspect bridge --format '{{{{index .Options \"{OPTION}\"}}}}'",
        ),
    ),
)
