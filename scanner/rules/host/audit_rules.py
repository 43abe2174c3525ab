"""The kernel's audit of what happens to the engine's files."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from scanner.context import Context
from scanner.host_files import daemon_of
from scanner.machine import AuditRules, Daemon, File, Machine
from scanner.model import Host, Unread
from scanner.rule import Family, Fix, Flaw, NotApplicable, Rule, Severity, Shown, flaw, shown

FOLDERS = ("/run/containerd", "/etc/docker")
FILES = (
    *("/run/containerd/containerd.sock", "/run/docker/containerd/containerd.sock"),
    *("/etc/default/docker", "/etc/docker/daemon.json"),
    *("/etc/containerd/config.toml", "/etc/sysconfig/docker", "/usr/bin/containerd"),
    *("/usr/bin/containerd-shim", "/usr/bin/containerd-shim-runc-v1"),
    *("/usr/bin/containerd-shim-runc-v2", "/usr/bin/runc", "/usr/sbin/runc"),
    *("/usr/bin/dockerd", "/usr/sbin/dockerd"),
    *("/usr/lib/systemd/system/docker.service", "/usr/lib/systemd/system/docker.socket"),
    *("/etc/systemd/system/docker.service", "/etc/systemd/system/docker.socket"),
)


class Parameters(msgspec.Struct, frozen=True):
    permissions: Annotated[
        str,
        msgspec.Meta(
            description="What must be recorded: r(ead), w(rite), x (execute), a(ttributes)",
            pattern="^[rwxa]+$",
        ),
    ] = "wa"
    more: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="Further paths, of those that the host is asked for"),
    ] = ()


def watched(daemon: Daemon, machine: Machine, more: tuple[str, ...]) -> dict[str, File]:
    """What must be watched and is there, each once, however many paths lead to it."""
    found: dict[str, File] = {}
    for path in (*FOLDERS, daemon.data_root, *FILES, daemon.config_file, *more):
        if file := machine.file(path):
            found.setdefault(file.real_path, file)
    return found


def check(host: Host, context: Context, parameters: Parameters) -> Iterator[Flaw | Shown]:
    daemon, machine = daemon_of(host, context), context.machine
    if daemon.rootless:
        raise NotApplicable("A rootless engine's files belong to its user, whom they give nothing.")
    rules = machine.audit_rules
    files = watched(daemon, machine, parameters.more)
    missed = [f for f in files.values() if not rules.cover(f, parameters.permissions)]
    for file in missed:
        fact, wanted = f"audit of {file.real_path}", f"a watch for {parameters.permissions}"
        yield flaw(fact, f"none: {seen_by(rules)}", wanted, sub_object=file.real_path)
    if rules.loaded is None and len(missed) < len(files):
        raise Unread("auditctl -l", "whether the rules that are written are loaded was not seen")
    yield shown("auditctl -l", f"{len(files)} files and directories are watched")


def seen_by(rules: AuditRules) -> str:
    if not rules.installed:
        return "auditctl is not installed"
    if rules.off:
        return "auditctl -s says that auditing is off"
    return "by auditctl -l" if rules.loaded is not None else "by the files below /etc/audit"


RULE = Rule(
    slug="audit-rules",
    title="What happens to the engine's files is not audited",
    subject=Host,
    severity=Severity.MEDIUM,
    family=Family.HOST,
    report="2.1(1)",
    cis=tuple(f"1.1.{number}" for number in range(3, 19)),
    reads=("auditctl -l", "auditctl -s", "/etc/audit/rules.d"),
    why=(
        "The engine and its files are a way to root. Without an audit nobody can tell afterwards "
        "who changed its configuration, replaced its programs or reached into containers' data."
    ),
    links=("https://man7.org/linux/man-pages/man8/auditctl.8.html",),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Install auditd, and watch the engine's files, programs and data for changes.",
        side_effects=(
            "Watching the data writes a record for each change in a container's file system: give "
            "the log a disk of its own and a limit, or leave the data out by an exception."
        ),
        commands=(
            "apt-get install auditd",
            "while read -r path; do",
            '    if [ -e "$path" ]; then echo "-w $path -p wa -k docker"; fi',
            "done > /etc/audit/rules.d/docker.rules << END",
            *("/var/lib/docker", *FOLDERS, *FILES, "END"),
            "augenrules --load",
        ),
    ),
)
