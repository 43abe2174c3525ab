"""The control group under which the daemon puts containers."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from scanner.context import Context
from scanner.model import Host
from scanner.rule import Family, Fix, Flaw, NotApplicable, Rule, Severity, Shown, flaw, shown

OPTION = "cgroup-parent"


class Parameters(msgspec.Struct, frozen=True):
    accepted: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="Control groups that the daemon may put containers under"),
    ] = ("/docker", "docker", "system.slice")


def check(host: Host, context: Context, parameters: Parameters) -> Iterator[Flaw | Shown]:
    if host.engine == "podman":
        raise NotApplicable("Podman has no daemon whose default it could be")
    option = context.machine.daemon.option(OPTION)
    if option.value and option.value not in parameters.accepted:
        yield flaw(option.fact, option.value, "the engine's own, or one that the policy accepts")
    else:
        yield shown(option.fact, option.value or "the engine's own")


RULE = Rule(
    slug="default-cgroup-parent",
    title="Daemon puts containers under an unusual control group",
    subject=Host,
    severity=Severity.LOW,
    family=Family.ENGINE,
    report="1.1(6)",
    cis=("2.10",),
    reads=(f"dockerd: {OPTION}",),
    why=(
        "Limits of a control group hold for all that is below it. Under another parent than the "
        "engine's own, containers share the budget of whatever else is there, or escape the one "
        "that was meant for them."
    ),
    links=("https://docs.docker.com/reference/cli/dockerd/",),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Take the setting out, or list the control group in the policy.",
        side_effects="It holds for containers that are started afterwards.",
        daemon={OPTION: ""},
        commands=("systemctl restart docker",),
    ),
)
