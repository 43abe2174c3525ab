"""How long a node's certificate is good for."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from scanner.context import Context
from scanner.model import Host, Unread
from scanner.rule import Family, Fix, Flaw, Rule, Severity, Shown, flaw, shown
from scanner.swarm_members import leave_out_others, leave_out_workers

FACT = "swarm: Spec.CAConfig.NodeCertExpiry"
HOUR = 3600


class Parameters(msgspec.Struct, frozen=True):
    maximum_days: Annotated[
        int, msgspec.Meta(ge=1, description="Days that a node's certificate may be valid for")
    ] = 90


def check(host: Host, context: Context, parameters: Parameters) -> Iterator[Flaw | Shown]:
    leave_out_others(host)
    leave_out_workers(host, "this node is no manager: the swarm is judged on its managers")
    lifetime = context.swarm.certificate_lifetime
    if lifetime <= 0:
        raise Unread(FACT, f"the engine says {lifetime} seconds")
    found, most = f"{lifetime // HOUR} h", parameters.maximum_days * 24
    if lifetime > most * HOUR:
        yield flaw(FACT, found, f"at most {most} h")
    else:
        yield shown(FACT, found)


RULE = Rule(
    slug="swarm-certificate-expiry",
    title="Certificates of the swarm's nodes live too long",
    subject=Host,
    severity=Severity.LOW,
    family=Family.SWARM,
    report="",
    cis=("7.7",),
    reads=("info: Swarm.LocalNodeState", "info: Swarm.ControlAvailable", FACT),
    why=(
        "By its certificate a node takes part in the swarm and gets its tasks with their secrets. "
        "A stolen one is of use until it ends; nodes renew theirs by themselves, so that a short "
        "life costs nothing."
    ),
    links=("https://docs.docker.com/engine/swarm/how-swarm-mode-works/pki/",),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Let certificates of nodes end after 90 days, or sooner.",
        side_effects="A node that is away for longer must join again.",
        commands=("docker swarm update --cert-expiry 2160h0m0s",),
    ),
)
