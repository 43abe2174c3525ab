"""A file system of its own for the engine's data."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from scanner.context import Context
from scanner.model import Host
from scanner.rule import Family, Fix, Flaw, Rule, Severity, Shown, flaw, shown


class Parameters(msgspec.Struct, frozen=True):
    shared: Annotated[
        bool,
        msgspec.Meta(description="A file system that holds more, such as /var, is enough"),
    ] = False


def check(host: Host, context: Context, parameters: Parameters) -> Iterator[Flaw | Shown]:
    path = host.data_root
    own = context.machine.mount_of(path)
    root = context.machine.mount_of("/")
    fact = f"/proc/self/mountinfo: {path}"
    found = f"{own.kind} on {own.mount_point}"
    if own.mount_point == "/" or own.device == root.device:
        # A part of the root's file system that is mounted once more fills up with it.
        yield flaw(fact, found, "a file system other than that of /")
    elif not parameters.shared and not holds_nothing_else(own.mount_point, path):
        yield flaw(fact, found, f"a file system mounted on {path}")
    else:
        yield shown(fact, found)


def holds_nothing_else(mount_point: str, data_root: str) -> bool:
    """An engine that remaps users has its data one level down, in a directory called by ids."""
    above, _, last = data_root.rpartition("/")
    return mount_point == data_root or (
        mount_point == above and last.replace(".", "", 1).isdigit() and "." in last
    )


RULE = Rule(
    slug="separate-partition",
    title="Engine's data share a file system with the host",
    subject=Host,
    severity=Severity.MEDIUM,
    family=Family.HOST,
    report="2.1(1)",
    cis=("1.1.1",),
    reads=("info: DockerRootDir", "/proc/self/mountinfo"),
    why=(
        "Containers, images and logs grow without a limit. On the host's own file system they "
        "fill it, and then neither the host's services nor its logs can write."
    ),
    links=(
        "https://docs.docker.com/engine/daemon/#daemon-data-directory",
        "https://docs.docker.com/engine/storage/",
    ),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Move the engine's data to a partition or logical volume of their own.",
        side_effects=(
            "The engine stands still while the data are copied, and its containers with it. The "
            "old data stay below the new mount until they are removed."
        ),
        commands=(
            "DEVICE=/dev/sdX1  # an empty partition of your own choice: it is formatted",
            "systemctl stop docker.socket docker.service",
            'mkfs.ext4 -q "$DEVICE"',
            'mount "$DEVICE" /mnt && cp --archive /var/lib/docker/. /mnt/ && umount /mnt',
            'echo "$DEVICE /var/lib/docker ext4 defaults,nodev 0 2" >> /etc/fstab',
            "mount /var/lib/docker",
            "systemctl start docker.service",
        ),
    ),
)
