"""Whether the engine runs by what its configuration file says."""

from collections.abc import Iterator

from scanner.context import Context
from scanner.host_files import daemon_of
from scanner.model import Host, Unread
from scanner.rule import Family, Fix, Flaw, NoParameters, NotApplicable, Rule, Severity, flaw

READABLE = "a file that the engine accepts: with this one it does not start again"
IN_FORCE = "a restart of the engine after each change"


def check(host: Host, context: Context, parameters: NoParameters) -> Iterator[Flaw]:
    daemon = daemon_of(host, context)
    path = daemon.config_file
    file = context.machine.file(path)
    if file is None:
        raise NotApplicable("The engine has no configuration file; its defaults are in force.")
    if daemon.broken:
        yield flaw(path, daemon.unread, READABLE, sub_object=path)
    elif daemon.unread:
        raise Unread(path, daemon.unread)
    elif daemon.stale:
        yield flaw(f"{path}: changed", file.changed_at, IN_FORCE, sub_object=path)
    for name in sorted(set(daemon.flags) & set(daemon.settings or {})):
        yield flaw(f"{path}: {name}", "set by a flag too", READABLE, sub_object=name)


RULE = Rule(
    slug="configuration-in-force",
    title="Engine does not run by what its configuration file says",
    subject=Host,
    severity=Severity.MEDIUM,
    family=Family.HOST,
    report="2.1(1)",
    reads=("host files: daemon.json", "host files: docker.pid", "dockerd: its flags"),
    why=(
        "Whoever reads the file believes in protections that are not there. One that the engine "
        "refuses keeps it, and all that runs on it, down after the next restart."
    ),
    links=("https://docs.docker.com/engine/daemon/troubleshoot/",),
    check=check,
    fix=Fix(
        summary=(
            "Mend the file: it must be valid JSON, and say nothing that a flag of dockerd says. "
            "Then restart the engine."
        ),
        side_effects=(
            "Containers stop with the engine unless live-restore is on. What had been changed "
            "comes into force: look at the file first."
        ),
        commands=(
            "systemctl show --property=ExecStart docker.service",
            "python3 -m json.tool /etc/docker/daemon.json",
            "systemctl restart docker.service",
        ),
    ),
)
