"""A mount of the host's own directories."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container, Mount, Unread
from scanner.paths import normalise, touches, within
from scanner.rule import Evidence, Family, Fix, Flaw, Rule, Severity


class Parameters(msgspec.Struct, frozen=True):
    sensitive: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="Paths of the host; what lies above or below one is one too"),
    ] = (
        *("/", "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/root"),
        *("/sbin", "/sys", "/usr", "/var/run", "/var/spool/cron"),
        *("/var/lib/docker", "/var/lib/containerd", "/var/lib/containers"),
    )
    harmless: Annotated[
        tuple[str, ...], msgspec.Meta(description="Narrow paths that may be mounted read-only")
    ] = (
        *("/etc/hostname", "/etc/hosts", "/etc/localtime", "/etc/os-release", "/etc/resolv.conf"),
        *("/etc/timezone", "/etc/ssl/certs/ca-certificates.crt", "/usr/share/zoneinfo"),
    )
    harmless_writable: Annotated[
        tuple[str, ...], msgspec.Meta(description="Narrow paths that may be mounted read-write")
    ] = ("/dev/full", "/dev/null", "/dev/random", "/dev/urandom", "/dev/zero")


def harmful(mounts: list[Mount], parameters: Parameters) -> list[Mount]:
    writable = parameters.harmless_writable
    narrow = {True: writable, False: writable + parameters.harmless}
    return [m for m in mounts if not within(str(m.host_path), narrow[m.writable])]


def touched(path: str, places: tuple[str, ...]) -> str | None:
    return next((place for place in places if touches(path, normalise(place))), None)


def check(container: Container, context: Context, parameters: Parameters) -> Iterator[Flaw]:
    left = []
    for path, mounts in container.host_mounts.items():
        if found := harmful(mounts, parameters):
            if place := touched(path, parameters.sensitive):
                yield _flaw(path, place, found)
            else:
                left.append((path, found))
    for path, found in left:
        if not context.host.data_root:
            raise Unread("info: DockerRootDir", "the engine does not say where its data lie")
        if touched(path, (context.host.data_root,)):
            yield _flaw(path, f"{context.host.data_root}, the engine's own data", found)


def _flaw(path: str, place: str, mounts: list[Mount]) -> Flaw:
    worst = Severity.CRITICAL if any(mount.writable for mount in mounts) else None
    evidence = tuple(Evidence("Mounts", mount.facts, f"nothing of {place}") for mount in mounts)
    return Flaw(evidence, path, worst)


def change(container: Container) -> Container:
    usual, kept = Parameters(), []
    for mount in container.mounts:
        forms = [mount, replace(mount, writable=False)]
        if mount.host_path and touched(mount.host_path, usual.sensitive):
            forms = [form for form in forms if not harmful([form], usual)]
        kept += forms[:1]
    return replace(container, mounts=tuple(kept))


RULE = Rule(
    slug="sensitive-host-mount",
    title="Sensitive path of the host is mounted",
    subject=Container,
    severity=Severity.HIGH,
    family=Family.RESOURCES,
    report="1.2(3)",
    cis=("5.6",),
    reads=("Mounts", "HostConfig.Mounts", "volumes: Options", "info: DockerRootDir"),
    why=(
        "Whoever can write to the host's system directories owns the host: one line in a crontab "
        "or a unit file will do. Reading alone gives password hashes, keys and the data of others."
    ),
    links=("https://docs.docker.com/engine/storage/bind-mounts/",),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Mount the one file or directory that is needed, read-only, or use a volume.",
        side_effects=(
            "Agents that watch or configure the host lose sight of it. Give them the narrowest "
            "path that does, and allow that by an exception."
        ),
        change=change,
        bad=("--volume=/etc:/host/etc",),
    ),
)
