"""A container on the default bridge, docker0, which all containers share that name no network."""

from collections.abc import Iterator

from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container, Unread
from scanner.rule import Evidence, Family, Fix, Flaw, NoParameters, Rule, Severity

MODE, ATTACHED = "HostConfig.NetworkMode", "NetworkSettings.Networks"
UNNAMED = {"", "default"}
WANTED = "a network made for the application, or none"


def check(container: Container, context: Context, parameters: NoParameters) -> Iterator[Flaw]:
    owner, mode = context.namespace_owner(container, "network_mode")
    bridges = _default_bridges(context)
    evidence = Evidence(MODE, mode, WANTED)
    if ("bridge" if mode in UNNAMED else mode) not in bridges:
        attached = sorted(bridges.intersection(owner.networks))
        if not attached:
            return
        evidence = Evidence(ATTACHED, attached, WANTED)
    if owner.id != container.id:
        joined = Evidence(f"{evidence.fact} of {owner.name}", evidence.found)
        yield Flaw((Evidence(MODE, container.network_mode, WANTED), joined))
    else:
        yield Flaw((evidence,))


def _default_bridges(context: Context) -> set[str]:
    """Names and ids; nothing where the engine runs without one."""
    try:
        bridges = [network for network in context.networks if network.default_bridge]
    except Unread:
        return {"bridge"}  # so it is called on every engine
    return {name for network in bridges for name in (network.name, network.id)}


def change(container: Container) -> Container:
    mode, name = container.network_mode, container.network_of_its_own
    if mode.startswith("container:"):
        return container  # the one that it joins has to be changed
    kept = tuple(network for network in container.networks if network != "bridge")
    if mode in UNNAMED | {"bridge"}:
        mode = next(iter(kept), name)
    return replace(container, network_mode=mode, networks=kept or (mode,))


RULE = Rule(
    slug="default-bridge",
    title="Container is on the default bridge network",
    subject=Container,
    severity=Severity.MEDIUM,
    family=Family.NETWORK,
    report="1.3(2)",
    cis=("5.30",),
    reads=(MODE, ATTACHED, "networks: Options"),
    why=(
        "All containers that name no network share the default bridge, docker0, and by default "
        "reach each other there. One that is taken over can redirect the others' traffic by forged "
        "ARP answers, read it, or flood the segment."
    ),
    links=(
        "https://docs.docker.com/engine/network/drivers/bridge/",
        "https://docs.docker.com/reference/cli/docker/network/create/",
    ),
    check=check,
    fix=Fix(
        summary="Make a network for each application, and run its containers on that one alone.",
        side_effects=(
            "Containers on different networks do not reach each other any more. --link is not "
            "needed: on a network of their own, containers find each other by name."
        ),
        change=change,
        bad=("--network=bridge",),
        commands=("docker network create {name}-net  # unless its network is there",),
    ),
)
