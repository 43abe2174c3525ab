"""A container that shares memory and queues with the host, or with another workload."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container
from scanner.rule import Evidence, Family, Fix, Flaw, Rule, Severity, Shown

FACT = "HostConfig.IpcMode"


class Parameters(msgspec.Struct, frozen=True):
    within_project: Annotated[
        bool,
        msgspec.Meta(
            description="Whether the services of a Compose project may share a namespace; the "
            "containers of a pod always may"
        ),
    ] = False


def check(container: Container, context: Context, parameters: Parameters) -> Iterator[Flaw | Shown]:
    owner, mode = context.namespace_owner(container, "ipc_mode")
    own = Evidence(FACT, container.ipc_mode, "private")
    if mode == "host":
        joined = (Evidence(f"{FACT} of {owner.name}", mode),) if owner.id != container.id else ()
        yield Flaw((own, *joined))
        return
    # The engine lets nobody into a private namespace, whatever others ask for.
    sharers = [] if mode in {"private", "none"} else context.namespace_sharers(owner, "ipc_mode")
    members = [owner, *sharers]
    others = [other for other in members if other.id != container.id]
    within = parameters.within_project
    strangers = sorted(
        {c.workload for c in others if not container.belongs_with(c, within_project=within)}
    )
    if strangers:
        yield Flaw((own, Evidence("shared with workloads", strangers)))
    elif others:
        yield Shown((own, Evidence("shared within", container.pod_or_project)))


def change(container: Container) -> Container:
    return replace(container, ipc_mode="private")


RULE = Rule(
    slug="host-ipc-namespace",
    title="Container shares the IPC namespace of the host or another workload",
    subject=Container,
    severity=Severity.HIGH,
    family=Family.ISOLATION,
    report="1.1(6)",
    cis=("5.17",),
    reads=(FACT, "Config.Labels"),
    why=(
        "Programs keep data in shared memory and trust what lies in their message queues. In a "
        "shared IPC namespace the container can read and change both, for the host's programs or "
        "for those of another workload."
    ),
    links=("https://docs.docker.com/engine/containers/run/#ipc-settings---ipc",),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Give the container a private IPC namespace.",
        side_effects=(
            "Programs that exchange data by System V or POSIX shared memory no longer find each "
            "other. Put those that must into one pod or Compose project."
        ),
        change=change,
        bad=("--ipc=host",),
    ),
)
