"""A writable layer that may grow until the disk is full."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container, Host, Unread
from scanner.rule import Evidence, Family, Fix, Flaw, NotApplicable, Rule, Severity, Shown, shown

FACT, DRIVER = "HostConfig.StorageOpt", "info: Driver"
FILESYSTEM, BASE_SIZE = "Backing Filesystem", "Base Device Size"


class Parameters(msgspec.Struct, frozen=True):
    project_quotas: Annotated[
        bool,
        msgspec.Meta(
            description="Whether the hosts' xfs is mounted with pquota, and the engine has no "
            "default size for all; it does not tell, so without this the verdict is unknown"
        ),
    ] = False


def check(container: Container, context: Context, parameters: Parameters) -> Iterator[Flaw | Shown]:
    options = container.storage_options
    size = options.get("size", "")
    if any(digit in "123456789" for digit in size):  # 0 is no limit
        yield shown(f"{FACT}: size", size)
        return
    host = context.host
    driver = Evidence(DRIVER, host.storage_driver)
    if host.storage_driver == "devicemapper" and (bound := host.storage_status.get(BASE_SIZE)):
        yield Shown((driver, Evidence(f"info: DriverStatus: {BASE_SIZE}", bound)))
        return
    facts = (driver, *_support(host, parameters))
    yield Flaw((Evidence(FACT, dict(options), "size=..."), *facts))


def _support(host: Host, parameters: Parameters) -> Iterator[Evidence]:
    """Returns where the storage driver can bound a layer, with the facts that say so."""
    driver = host.storage_driver
    if driver in {"btrfs", "zfs", "windowsfilter", "devicemapper"}:
        return
    if driver != "overlay2" and not (driver == "overlay" and host.engine == "podman"):
        raise NotApplicable(f"the storage driver {driver} cannot limit the size of a layer")
    filesystem = host.storage_status.get(FILESYSTEM)
    if filesystem is None:
        raise Unread("info: DriverStatus", f"the engine does not say on what {driver} lies")
    if filesystem != "xfs":
        reason = f"{driver} can limit the size of a layer only on xfs with pquota, not on"
        raise NotApplicable(f"{reason} {filesystem}")
    fact = f"info: DriverStatus: {FILESYSTEM}"
    if not parameters.project_quotas:
        reason = "the engine does not say whether its xfs is mounted with pquota, nor whether"
        raise Unread(fact, f"{reason} it has a default size for all containers")
    yield Evidence(fact, filesystem)


def change(container: Container) -> Container:
    return replace(container, storage_options={**container.storage_options, "size": "10G"})


RULE = Rule(
    slug="storage-quota",
    title="Container's writable layer has no size limit",
    subject=Container,
    severity=Severity.LOW,
    family=Family.RESOURCES,
    report="1.2(3)",
    reads=(FACT, DRIVER, "info: DriverStatus"),
    why=(
        "All containers write to the same disk. One that logs to a file, or is made to write, "
        "fills it, and then every container on the host and the engine itself fail."
    ),
    links=(
        "https://docs.docker.com/reference/cli/docker/container/run/#storage-opt",
        "https://docs.docker.com/engine/storage/drivers/overlayfs-driver/",
    ),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Give the writable layer a size, and let data that grows go to a volume.",
        side_effects=(
            "The number is an example. The engine refuses the option where the storage driver "
            "cannot limit a layer: overlay2 needs xfs mounted with pquota. When the layer is full, "
            'writes fail with "no space left on device".'
        ),
        change=change,
        bad=("--read-only=false",),  # every container without the option is bad
        commands=("docker ps --all --size --filter name={name}",),
    ),
)
