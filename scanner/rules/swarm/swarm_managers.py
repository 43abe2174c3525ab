"""How many nodes decide about the swarm."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from scanner.context import Context
from scanner.model import Host, Unread
from scanner.rule import Family, Fix, Flaw, Rule, Severity, Shown, flaw, shown
from scanner.swarm_members import leave_out_others, leave_out_workers

FACT = "info: Swarm.Managers"
NODES = "info: Swarm.Nodes"


class Parameters(msgspec.Struct, frozen=True):
    minimum: Annotated[
        int, msgspec.Meta(ge=1, description="Managers that a swarm with as many nodes must have")
    ] = 3
    maximum: Annotated[
        int, msgspec.Meta(ge=1, description="Managers that a swarm may have at most")
    ] = 7


def check(host: Host, context: Context, parameters: Parameters) -> Iterator[Flaw | Shown]:
    leave_out_others(host)
    if host.swarm_state != "active":
        raise Unread(FACT, f"the node's state is {host.swarm_state!r}")
    leave_out_workers(host, "this node is no manager: the swarm is judged on its managers")
    managers, nodes = host.swarm_managers, host.swarm_nodes
    if managers < 1 or nodes < managers:
        raise Unread(FACT, f"the engine counts {managers} managers among {nodes} nodes")
    least = min(parameters.minimum, nodes - (nodes + 1) % 2)
    found = {"managers": managers, "nodes": nodes}
    if managers % 2 == 0 or not least <= managers <= parameters.maximum:
        wanted = f"an odd number from {least} to {parameters.maximum}"
        yield flaw(FACT, found, wanted)
    else:
        yield shown(FACT, found)


RULE = Rule(
    slug="swarm-managers",
    title="Swarm has too few, too many or an even number of managers",
    subject=Host,
    severity=Severity.MEDIUM,
    family=Family.SWARM,
    report="",
    cis=("7.1",),
    reads=("info: Swarm.LocalNodeState", "info: Swarm.ControlAvailable", FACT, NODES),
    why=(
        "Managers decide by a majority: one alone is lost with its host, and of two both must "
        "live. Each holds the swarm's keys and secrets, so that every one more than needed is one "
        "more host to guard."
    ),
    links=("https://docs.docker.com/engine/swarm/admin_guide/",),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Have three or five managers, on hosts that do not fail together.",
        side_effects="A manager that is demoted goes on as a worker; its tasks stay.",
        commands=("docker node ls", "docker node promote NODE", "docker node demote NODE"),
    ),
)
