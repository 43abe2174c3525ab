"""Who may open the sockets of the engine and of containerd."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from scanner.context import Context
from scanner.host_files import MODE, as_they_are, daemon_of, flaws
from scanner.machine import Daemon, File, Machine
from scanner.model import Host
from scanner.rule import Family, Fix, Flaw, NotApplicable, Rule, Severity, Shown


class Parameters(msgspec.Struct, frozen=True):
    mode: Annotated[
        str, msgspec.Meta(description="What a socket may grant at most", pattern=MODE)
    ] = "0660"
    groups: Annotated[
        tuple[str, ...], msgspec.Meta(description="Groups that the engine's socket may belong to")
    ] = ("docker", "root")


def containerd_socket(daemon: Daemon, machine: Machine) -> File | None:
    """The one that the engine uses: as it was told, the system's, or of a containerd of its own."""
    named = str(daemon.told("containerd"))
    places = [named] if named else [f"{daemon.runtime_folder}/docker/containerd/containerd.sock"]
    if not named and not daemon.rootless:
        places.insert(0, "/run/containerd/containerd.sock")
    return next((file for place in places if (file := machine.file(place))), None)


def check(host: Host, context: Context, parameters: Parameters) -> Iterator[Flaw | Shown]:
    daemon, machine = daemon_of(host, context), context.machine
    seen = []
    for path in daemon.sockets:
        if file := machine.file(path):
            seen.append(file)
            yield from flaws(
                file,
                daemon,
                mode=parameters.mode,
                groups=parameters.groups,
                worst=Severity.CRITICAL,
            )
    if file := containerd_socket(daemon, machine):
        seen.append(file)
        yield from flaws(
            file, daemon, mode=parameters.mode, groups=("root",), worst=Severity.CRITICAL
        )
    if not seen:
        raise NotApplicable("The engine listens on no unix socket.")
    yield as_they_are(seen)


RULE = Rule(
    slug="socket-permissions",
    title="Socket of the engine or of containerd is open to others",
    subject=Host,
    severity=Severity.HIGH,
    family=Family.HOST,
    report="2.1(1)",
    cis=("3.15", "3.16", "3.23", "3.24"),
    reads=("host files: sockets", "dockerd --host", "dockerd --containerd"),
    why=(
        "Whoever may open the engine's socket can start a container with the whole host mounted "
        "in it, and is root. containerd's socket gives as much, past all that the engine checks."
    ),
    links=(
        "https://docs.docker.com/engine/install/linux-postinstall/",
        "https://docs.docker.com/engine/security/protect-access/",
    ),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary=(
            "Give the engine's socket to root and the group docker, containerd's to root alone, "
            "and let nobody else open them."
        ),
        side_effects=(
            "Users and programs outside the group lose the engine. systemd makes the socket anew "
            "at every start: set SocketMode, SocketUser and SocketGroup in docker.socket too."
        ),
        commands=(
            "chown root:docker /var/run/docker.sock",
            "chmod 0660 /var/run/docker.sock",
            "for socket in /run/containerd /run/docker/containerd; do",
            "    socket=$socket/containerd.sock",
            '    if [ -S "$socket" ]; then chown root:root "$socket"; chmod 0660 "$socket"; fi',
            "done",
        ),
    ),
)
