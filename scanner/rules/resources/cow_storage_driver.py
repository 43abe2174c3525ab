"""The storage driver that lays a container's writable layer over the image's."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from scanner.context import Context
from scanner.model import Host, Unread
from scanner.rule import Evidence, Family, Fix, Flaw, Rule, Severity, Shown, flaw, shown

DRIVER, STATUS = "info: Driver", "info: DriverStatus"
REFUSED = {
    "vfs": "it copies the whole image for every container",
    "native": "it copies the whole image for every container",
    "aufs": "it is deprecated and no longer in the kernel",
    "overlay": "it is deprecated in favour of overlay2",
}
LOOPBACK = "Data loop file"


class Parameters(msgspec.Struct, frozen=True):
    accepted: Annotated[
        tuple[str, ...], msgspec.Meta(description="Storage drivers that copy on write")
    ] = (
        *("overlay2", "overlayfs", "fuse-overlayfs", "btrfs", "zfs", "stargz", "devmapper"),
        *("windowsfilter", "windows"),
    )


def check(host: Host, context: Context, parameters: Parameters) -> Iterator[Flaw | Shown]:
    driver = host.storage_driver
    # Podman calls overlay what the Docker engine calls overlay2.
    if driver in parameters.accepted or (driver == "overlay" and host.engine == "podman"):
        yield shown(DRIVER, driver)
    elif driver in REFUSED:
        yield flaw(DRIVER, driver, f"overlay2: {REFUSED[driver]}")
    elif driver != "devicemapper":
        raise Unread(DRIVER, f"whether {driver or 'no name'} copies on write is not known")
    elif not host.storage_status:
        raise Unread(STATUS, "the engine does not say whether devicemapper lies on loop devices")
    elif LOOPBACK in host.storage_status:
        loop = Evidence(f"{STATUS}: {LOOPBACK}", host.storage_status[LOOPBACK], "a block device")
        yield Flaw((Evidence(DRIVER, driver, "overlay2"), loop))
    else:
        yield shown(DRIVER, driver)


RULE = Rule(
    slug="cow-storage-driver",
    title="Storage driver does not copy on write, or is deprecated",
    subject=Host,
    severity=Severity.MEDIUM,
    family=Family.RESOURCES,
    report="1.2(3)",
    cis=("2.6",),
    reads=(DRIVER, STATUS),
    why=(
        "With copy-on-write, containers share the image's files and each keeps only what it "
        "changes, apart from the others. A driver that copies everything soon fills the disk, and "
        "one that nobody maintains gets no fixes for the isolation that it provides."
    ),
    links=("https://docs.docker.com/engine/storage/drivers/select-storage-driver/",),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Move the engine to overlay2, on ext4 or on xfs with ftype=1.",
        side_effects=(
            "The engine must be restarted and no longer sees its images and containers: save or "
            "push them first. Volumes stay."
        ),
        daemon={"storage-driver": "overlay2"},
        commands=("docker info --format '{{.Driver}} {{.DriverStatus}}'",),
    ),
)
