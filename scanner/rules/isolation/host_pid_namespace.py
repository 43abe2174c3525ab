"""A container that sees the processes of the host, or of another workload."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container
from scanner.rule import Evidence, Family, Fix, Flaw, Rule, Severity, Shown

FACT = "HostConfig.PidMode"


class Parameters(msgspec.Struct, frozen=True):
    within_project: Annotated[
        bool,
        msgspec.Meta(
            description="Whether the services of a Compose project may share a namespace; the "
            "containers of a pod always may"
        ),
    ] = False


def check(container: Container, context: Context, parameters: Parameters) -> Iterator[Flaw | Shown]:
    owner, mode = context.namespace_owner(container, "pid_mode")
    own = Evidence(FACT, container.pid_mode, "a PID namespace of its own")
    if mode == "host":
        joined = (Evidence(f"{FACT} of {owner.name}", mode),) if owner.id != container.id else ()
        yield Flaw((own, *joined))
    elif owner.id != container.id:
        if container.belongs_with(owner, within_project=parameters.within_project):
            yield Shown((own, Evidence("shared within", owner.pod_or_project)))
        else:
            yield Flaw((own, Evidence("workload that it joins", owner.workload)))


def change(container: Container) -> Container:
    return replace(container, pid_mode="")


RULE = Rule(
    slug="host-pid-namespace",
    title="Container shares the PID namespace of the host or another workload",
    subject=Container,
    severity=Severity.HIGH,
    family=Family.ISOLATION,
    report="1.1(6)",
    cis=("5.16",),
    reads=(FACT, "Config.Labels"),
    why=(
        "In the host's PID namespace a container sees every process of the host with its command "
        "line, and root in it can signal or even trace them. Joined to another workload, it can do "
        "the same to that one."
    ),
    links=("https://docs.docker.com/engine/containers/run/#pid-settings---pid",),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Leave the container its own PID namespace.",
        side_effects=(
            "Agents that watch the host's processes see only their own. Run such an agent on the "
            "host itself, or allow it by an exception."
        ),
        change=change,
        bad=("--pid=host",),
    ),
)
