"""Who may change the units by which systemd starts the engine."""

import posixpath
from collections.abc import Iterator
from typing import Annotated

import msgspec

from scanner.context import Context
from scanner.host_files import MODE, as_they_are, daemon_of, flaws
from scanner.machine import Daemon, File, Machine
from scanner.model import Host, Unread
from scanner.rule import Family, Fix, Flaw, NotApplicable, Rule, Severity, Shown


class Parameters(msgspec.Struct, frozen=True):
    mode: Annotated[
        str, msgspec.Meta(description="What a unit's file may grant at most", pattern=MODE)
    ] = "0644"


def places(daemon: Daemon) -> tuple[str, ...]:
    if daemon.rootless:
        user = f"{posixpath.dirname(daemon.folder)}/systemd/user"
        return (user, "/etc/systemd/user", "/usr/lib/systemd/user")
    folders = ("/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib")
    return tuple(f"{folder}/systemd/system" for folder in folders)


def units(daemon: Daemon, machine: Machine) -> Iterator[File]:
    """What systemd reads of the engine's service and socket: the unit, and what is dropped in.
    Raises Unread at the end where some of it may not be looked at."""
    unread = None
    for folder in places(daemon):
        for name in (daemon.unit, f"{daemon.unit.removesuffix('.service')}.socket"):
            try:
                if file := machine.file(f"{folder}/{name}"):
                    yield file
                yield from machine.below(f"{folder}/{name}.d")
            except Unread as error:
                unread = error
    if unread:
        raise unread


def check(host: Host, context: Context, parameters: Parameters) -> Iterator[Flaw | Shown]:
    daemon, seen = daemon_of(host, context), dict[str, File]()
    for file in units(daemon, context.machine):
        if file.real_path not in seen:
            seen[file.real_path] = file
            yield from flaws(file, daemon, mode=parameters.mode, groups=("root",))
    if not seen:
        raise NotApplicable("systemd has no unit of this engine.")
    yield as_they_are(seen.values())


RULE = Rule(
    slug="service-unit-permissions",
    title="Others may change the units that start the engine",
    subject=Host,
    severity=Severity.HIGH,
    family=Family.HOST,
    report="2.1(1)",
    cis=("3.1", "3.2", "3.3", "3.4"),
    reads=("host files: docker.service", "host files: docker.socket"),
    why=(
        "systemd runs what stands in the unit as root. Whoever can write to it, or owns it, is "
        "root at the engine's next start, and can take every protection out of its command line."
    ),
    links=(
        "https://docs.docker.com/engine/daemon/",
        "https://www.freedesktop.org/software/systemd/man/latest/systemd.unit.html",
    ),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Let root own the units, and let nobody else write to them.",
        side_effects="None for the engine; tools that write the units must run as root.",
        commands=(
            "for folder in /etc /run /usr/local/lib /usr/lib; do",
            '    [ ! -d "$folder/systemd/system" ] || find "$folder/systemd/system" -type f \\',
            "        '(' -path '*/docker.service*' -o -path '*/docker.socket*' ')' \\",
            "        -exec chown root:root {} + -exec chmod 0644 {} +",
            "done",
            "systemctl daemon-reload",
        ),
    ),
)
