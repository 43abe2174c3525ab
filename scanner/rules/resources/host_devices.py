"""Devices of the host, given to a container."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container, Unread
from scanner.paths import normalise, under, within
from scanner.rule import Evidence, Family, Fix, Flaw, Rule, Severity

DEVICES, REQUESTS = "HostConfig.Devices", "HostConfig.DeviceRequests"
RULES = "HostConfig.DeviceCgroupRules"


class Parameters(msgspec.Struct, frozen=True):
    allowed: Annotated[
        tuple[str, ...], msgspec.Meta(description="Paths on the host, and all that lies in them")
    ] = (
        *("/dev/full", "/dev/null", "/dev/random", "/dev/tty", "/dev/urandom", "/dev/zero"),
        *("/dev/hugepages", "/dev/log", "/dev/mqueue", "/dev/shm"),  # noqa: S108 - no devices
    )
    allowed_rules: Annotated[
        tuple[str, ...], msgspec.Meta(description='Device cgroup rules, like "c 10:229 rw"')
    ] = ()
    allowed_requests: Annotated[
        tuple[str, ...], msgspec.Meta(description="Names that device requests give: driver or CDI")
    ] = ()
    gpus: Annotated[bool, msgspec.Meta(description="Whether containers may have GPUs")] = False


def check(container: Container, context: Context, parameters: Parameters) -> Iterator[Flaw]:
    found: dict[str, tuple[Severity | None, list[Evidence]]] = {}
    missing: Unread | None = None
    try:
        for name, worst, evidence in _given(container, parameters):
            severity, facts = found.get(name, (None, []))
            found[name] = (Severity.CRITICAL if worst else severity, [*facts, evidence])
    except Unread as error:
        missing = error  # what was found by then stands
    for name, (severity, facts) in found.items():
        yield Flaw(tuple(facts), name, severity)
    if missing is not None:
        raise missing


def _given(container: Container, parameters: Parameters) -> Iterator[tuple[str, bool, Evidence]]:
    """The name of what the policy does not allow, and whether it may be written or made anew."""
    for rule in container.device_cgroup_rules:
        if rule not in parameters.allowed_rules:
            yield rule, not {"w", "m"}.isdisjoint(rule.split()[-1]), Evidence(RULES, rule, "none")
    for path, mounts in container.host_mounts.items():
        if under(path, "/dev") and not within(path, parameters.allowed):
            for mount in mounts:
                yield path, mount.writable, Evidence("Mounts", mount.facts, "nothing of /dev")
    for request in container.device_requests:
        for name, gpu in request.wanted:
            if not (parameters.gpus if gpu else name in parameters.allowed_requests):
                yield name, False, Evidence(REQUESTS, name, "none")
    for device in container.devices:
        rights = device.permissions or "rwm"
        facts = {"host": device.host_path, "container": device.container_path, "rights": rights}
        path = normalise(device.host_path)
        if not within(path, parameters.allowed):
            yield path, not {"w", "m"}.isdisjoint(rights), Evidence(DEVICES, facts, "none")


def change(container: Container) -> Container:
    refused = {name for name, _, _ in _given(container, Parameters())}
    return replace(
        container,
        devices=tuple(d for d in container.devices if normalise(d.host_path) not in refused),
        device_requests=(),
        device_cgroup_rules=(),
        mounts=tuple(mount for mount in container.mounts if mount.host_path not in refused),
    )


RULE = Rule(
    slug="host-devices",
    title="Container has devices of the host",
    subject=Container,
    severity=Severity.HIGH,
    family=Family.RESOURCES,
    report="1.2(3)",
    cis=("5.18",),
    reads=(DEVICES, REQUESTS, RULES, "Mounts"),
    why=(
        "A device is the host's hardware without anything in between: a disk gives all its files, "
        "whatever their owner. By default the container may also write to it and make nodes."
    ),
    links=("https://docs.docker.com/reference/cli/docker/container/run/#device",),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Take the devices away; if one is needed, give that one alone and only to read.",
        side_effects="Programs that use it fail. --device=/dev/NAME:/dev/NAME:r allows reading.",
        change=change,
        bad=("--device=/dev/fuse", "--device-cgroup-rule=b 8:* rwm"),
    ),
)
