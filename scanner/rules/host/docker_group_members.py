"""Users who may use the engine, and so are root."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from scanner.context import Context
from scanner.host_files import daemon_of
from scanner.model import Host
from scanner.rule import Family, Fix, Flaw, NotApplicable, Rule, Severity, Shown, flaw, shown


class Parameters(msgspec.Struct, frozen=True):
    allowed: Annotated[
        tuple[str, ...], msgspec.Meta(description="Users who may be in the group, beside root")
    ] = ()


def check(host: Host, context: Context, parameters: Parameters) -> Iterator[Flaw | Shown]:
    daemon, machine = daemon_of(host, context), context.machine
    if daemon.rootless:
        raise NotApplicable("A rootless engine's socket is its user's own; no group shares it.")
    files = [file for path in daemon.sockets if (file := machine.file(path))]
    if not files:
        raise NotApplicable("The engine listens on no unix socket that a group could open.")
    for gid in sorted({file.gid for file in files}):
        group = machine.group(gid)
        fact = f"/etc/group: {group.name}"
        allowed = {"root", *parameters.allowed}
        strangers = [member for member in group.members if member not in allowed]
        for member in strangers:
            yield flaw(fact, member, "only users whom the policy allows", sub_object=member)
        if not strangers:
            yield shown(fact, list(group.members))


RULE = Rule(
    slug="docker-group-members",
    title="User may use the engine, and with it is root on the host",
    subject=Host,
    severity=Severity.HIGH,
    family=Family.HOST,
    report="2.1(1)",
    cis=("1.1.2",),
    reads=("/etc/group", "/etc/passwd", "host files: the engine's socket"),
    why=(
        "The engine asks nobody for a password: whoever is in the group of its socket can mount "
        "the host's / into a container and change it as root, past sudo and its log."
    ),
    links=(
        "https://docs.docker.com/engine/install/linux-postinstall/",
        "https://docs.docker.com/engine/security/#docker-daemon-attack-surface",
    ),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary=(
            "Take users who need no root out of the group, and name those who do in the policy. A "
            "rootless engine gives a user containers without root."
        ),
        side_effects=(
            "They can use the engine no more from their next login on; what runs under their "
            "account, a scan over SSH too, is refused."
        ),
        commands=("getent group docker", 'gpasswd --delete "$USER_TO_REMOVE" docker'),
    ),
)
