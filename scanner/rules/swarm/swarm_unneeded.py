"""Swarm mode on a host that runs nothing by it."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from scanner.context import Context
from scanner.model import Host, Unread
from scanner.rule import Family, Fix, Flaw, NotApplicable, Rule, Severity, Shown, flaw, shown

FACT = "info: Swarm.LocalNodeState"
LABEL = "com.docker.swarm.service.name"


class Parameters(msgspec.Struct, frozen=True):
    needed: Annotated[
        bool, msgspec.Meta(description="Whether these hosts are meant to be in a swarm")
    ] = False


def check(host: Host, context: Context, parameters: Parameters) -> Iterator[Flaw | Shown]:
    if host.engine == "podman":
        raise NotApplicable("Podman has no swarm mode")
    if host.swarm_state == "inactive" or parameters.needed:
        return
    if host.swarm_state != "active":
        raise Unread(FACT, f"the state is {host.swarm_state!r}: what the swarm runs is not told")
    if tasks := sum(LABEL in container.labels for container in context.containers):
        yield shown("containers: tasks of the swarm", tasks)
    elif not host.swarm_manager:
        raise Unread("services", "no task runs here, and only a manager tells of the services")
    elif services := len(context.swarm.services):
        yield shown("services", services)
    else:
        yield flaw(FACT, "active, without any service", "inactive")


RULE = Rule(
    slug="swarm-unneeded",
    title="Swarm mode is on though no service uses it",
    subject=Host,
    severity=Severity.LOW,
    family=Family.SWARM,
    report="",
    cis=("5.1",),
    reads=(FACT, "info: Swarm.ControlAvailable", "services"),
    why=(
        "In swarm mode the engine opens ports to other hosts and obeys what a manager says. Where "
        "nothing is run by it, that is a way in that serves nobody."
    ),
    links=("https://docs.docker.com/engine/swarm/swarm-mode/",),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Leave the swarm, or say in the policy that these hosts are meant to be in one.",
        side_effects=(
            "Leaving with the last manager loses the swarm's services, networks, secrets and "
            "configurations."
        ),
        commands=("docker swarm leave --force",),
    ),
)
