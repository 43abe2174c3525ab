"""A container that sees the host's tree of control groups, or lies outside the engine's."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Annotated

import msgspec
from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container, Unread
from scanner.rule import Family, Fix, Flaw, NotApplicable, Rule, Severity, flaw

PARENT = "HostConfig.CgroupParent"


class Parameters(msgspec.Struct, frozen=True):
    allowed_parents: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="Cgroup parents that may be set, as patterns: /kubepods/*"),
    ] = ()


def check(container: Container, context: Context, parameters: Parameters) -> Iterator[Flaw]:
    # API 1.41 brought the choice; a container made before it, or by an older engine, has none.
    chosen = context.host.api >= (1, 41) and container.cgroupns_mode != ""
    if chosen and container.cgroupns_mode == "host":
        yield flaw("HostConfig.CgroupnsMode", "host", "private")
    parent, allowed = container.cgroup_parent, parameters.allowed_parents
    if parent and not any(fnmatchcase(parent, pattern) for pattern in allowed):
        wanted = ", ".join(("the engine's own", *allowed))
        yield flaw(PARENT, parent, wanted, sub_object=parent)
    elif not chosen and context.host.engine == "podman":
        raise Unread("HostConfig.CgroupnsMode", "this version of Podman does not tell it")
    elif not chosen:
        raise NotApplicable("This engine gives every container the host's cgroup namespace.")


def change(container: Container) -> Container:
    return replace(container, cgroupns_mode="private", cgroup_parent="")


RULE = Rule(
    slug="host-cgroup-namespace",
    title="Container shares the host's cgroup namespace or has its own parent",
    subject=Container,
    severity=Severity.LOW,
    family=Family.ISOLATION,
    report="1.1(6)",
    cis=("5.25",),
    reads=("HostConfig.CgroupnsMode", PARENT, "version: ApiVersion"),
    why=(
        "In the host's cgroup namespace the container sees where every other container runs, which "
        "helps an intruder to find a way out. Under a parent of its own it escapes the limits that "
        "are set for all containers together."
    ),
    links=(
        "https://docs.docker.com/reference/cli/docker/container/run/",
        "https://man7.org/linux/man-pages/man7/cgroup_namespaces.7.html",
    ),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Give the container a private cgroup namespace and the engine's own parent.",
        side_effects=(
            "Agents that read the host's tree of control groups see only their own. On cgroup v1 "
            "the engine's default is the host's namespace: say private for each container, or set "
            "`default-cgroupns-mode` for the daemon."
        ),
        change=change,
        bad=("--cgroupns=host",),
        daemon={"default-cgroupns-mode": "private"},
    ),
)
