"""A container with no more claim and no less than any other to all processors of the host."""

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container
from scanner.rule import Evidence, Family, Fix, Flaw, Rule, Severity, Shown

ONE_CPU = 1_000_000_000


class Parameters(msgspec.Struct, frozen=True):
    accepted: Annotated[
        tuple[Literal["quota", "shares", "cpuset"], ...],
        msgspec.Meta(
            description="What counts as a limit: a quota (also as a number of CPUs), a relative "
            "weight (shares) other than the default, or a set of CPUs",
            min_length=1,
        ),
    ] = ("quota", "shares", "cpuset")


def limits(container: Container, kind: str) -> Iterator[tuple[bool, Evidence]]:
    """Whether each fact of that kind is a limit. A period says nothing without a quota."""
    if kind == "quota":
        cpus, quota = container.nano_cpus, container.cpu_quota
        yield cpus > 0, Evidence("HostConfig.NanoCpus", cpus, "above 0")
        yield quota > 0, Evidence("HostConfig.CpuQuota", quota, "above 0")
    elif kind == "shares":
        shares = container.cpu_shares
        wanted = "neither 0 nor 1024, the default"
        yield shares not in (0, 1024), Evidence("HostConfig.CpuShares", shares, wanted)
    else:
        cpus_named = container.cpuset_cpus
        wanted = "a list of CPUs"
        yield cpus_named != "", Evidence("HostConfig.CpusetCpus", cpus_named, wanted)


def check(container: Container, context: Context, parameters: Parameters) -> Iterator[Flaw | Shown]:
    found = [fact for kind in parameters.accepted for fact in limits(container, kind)]
    if given := tuple(fact for limiting, fact in found if limiting):
        yield Shown(given)
    else:
        yield Flaw(tuple(fact for _, fact in found))


def change(container: Container) -> Container:
    if container.nano_cpus > 0 or container.cpu_quota > 0:
        return container
    # The engine takes a number of CPUs or a quota and its period, but not both.
    return replace(container, nano_cpus=ONE_CPU, cpu_quota=0, cpu_period=0)


RULE = Rule(
    slug="cpu-limit",
    title="Container has no CPU limit",
    subject=Container,
    severity=Severity.MEDIUM,
    family=Family.RESOURCES,
    report="1.2(2)",
    cis=("5.12",),
    reads=(
        *("HostConfig.NanoCpus", "HostConfig.CpuQuota"),
        *("HostConfig.CpuShares", "HostConfig.CpusetCpus"),
    ),
    why=(
        "A busy or hijacked container may use every processor of the host, and those beside it "
        "get what is left. Crypto miners live from that."
    ),
    links=("https://docs.docker.com/engine/containers/resource_constraints/#cpu",),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Say how many CPUs the container may use, or give it a weight of its own.",
        side_effects=(
            "The number is an example. At its limit a container is slowed down, not ended: watch "
            "response times, and the throttled periods in its cpu.stat."
        ),
        change=change,
        bad=("--cpu-shares=1024",),
    ),
)
