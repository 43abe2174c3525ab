"""Who may read or change the engine's certificates and keys."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from scanner.context import Context
from scanner.host_files import MODE, as_they_are, daemon_of, flaws
from scanner.machine import Daemon, File, Machine
from scanner.model import Host, Unread
from scanner.rule import Family, Fix, Flaw, NotApplicable, Rule, Severity, Shown


class Parameters(msgspec.Struct, frozen=True):
    certificate_mode: Annotated[
        str, msgspec.Meta(description="What a certificate's file may grant at most", pattern=MODE)
    ] = "0444"
    key_mode: Annotated[
        str, msgspec.Meta(description="What a private key's file may grant at most", pattern=MODE)
    ] = "0400"


def own(daemon: Daemon, machine: Machine) -> Iterator[tuple[File, bool]]:
    """The engine's own, where it speaks TLS, and whether each is a key."""
    names = (("tlscacert", "ca"), ("tlscert", "cert"), ("tlskey", "key"))
    set_up = [str(daemon.told(option)) for option, _ in names]
    if any(set_up) or daemon.told("tls") or daemon.told("tlsverify"):
        for path, (_, usual) in zip(set_up, names, strict=True):
            if file := machine.file(path or f"{daemon.home}/.docker/{usual}.pem"):
                yield file, usual == "key"


def of_registries(daemon: Daemon, machine: Machine) -> Iterator[tuple[File, bool]]:
    for file in machine.below(f"{daemon.folder}/certs.d"):
        if file.kind == "file" and file.path.endswith((".crt", ".cert", ".pem", ".key")):
            yield file, file.path.endswith(".key")


def check(host: Host, context: Context, parameters: Parameters) -> Iterator[Flaw | Shown]:
    daemon, machine = daemon_of(host, context), context.machine
    seen: dict[str, File] = {}
    unread = None
    for files in (own(daemon, machine), of_registries(daemon, machine)):
        try:
            for file, key in files:
                if file.real_path in seen:
                    continue
                seen[file.real_path] = file
                mode = parameters.key_mode if key else parameters.certificate_mode
                read = None if key and file.mode & 0o077 else Severity.LOW
                yield from flaws(file, daemon, mode=mode, groups=("root",), read=read)
        except Unread as error:
            unread = error
    if unread:
        raise unread
    if not seen:
        raise NotApplicable("The engine uses no TLS, and has no certificates of registries.")
    yield as_they_are(seen.values())


RULE = Rule(
    slug="certificate-permissions",
    title="Others may read the engine's keys or change its certificates",
    subject=Host,
    severity=Severity.HIGH,
    family=Family.HOST,
    report="2.1(1)",
    cis=("3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14"),
    reads=("host files: certs.d", "dockerd --tlscacert, --tlscert, --tlskey"),
    why=(
        "With the key anybody can stand in for the engine; with a CA of theirs in place anybody "
        "can be its client, or a registry from which it takes images."
    ),
    links=(
        "https://docs.docker.com/engine/security/protect-access/",
        "https://docs.docker.com/engine/security/certificates/",
    ),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary=(
            "Let root own them; keys are for root's reading alone, certificates for reading. The "
            "commands are for /etc/docker: do the same where the engine's flags name other places."
        ),
        side_effects="What renews certificates must run as root and set the modes again.",
        commands=(
            "find /etc/docker -type f '(' -name '*.crt' -o -name '*.cert' -o -name '*.pem' ')' \\",
            "    -exec chown root:root {} + -exec chmod 0444 {} +",
            "find /etc/docker -type f '(' -name '*.key' -o -name '*key.pem' ')' \\",
            "    -exec chown root:root {} + -exec chmod 0400 {} +",
        ),
    ),
)
