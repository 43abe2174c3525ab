"""Who may change what the engine is configured by."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from scanner.context import Context
from scanner.host_files import MODE, as_they_are, daemon_of, flaws
from scanner.model import Host, Unread
from scanner.rule import Family, Fix, Flaw, NotApplicable, Rule, Severity, Shown

DEFAULTS = ("/etc/default/docker", "/etc/sysconfig/docker", "/etc/conf.d/docker")


class Parameters(msgspec.Struct, frozen=True):
    file_mode: Annotated[
        str, msgspec.Meta(description="What a configuration file may grant at most", pattern=MODE)
    ] = "0644"
    directory_mode: Annotated[
        str,
        msgspec.Meta(
            description="What the configuration's directory may grant at most", pattern=MODE
        ),
    ] = "0755"


def check(host: Host, context: Context, parameters: Parameters) -> Iterator[Flaw | Shown]:
    daemon, machine = daemon_of(host, context), context.machine
    seen, unread = [], None
    for path in (daemon.folder, daemon.config_file, *(() if daemon.rootless else DEFAULTS)):
        try:
            file = machine.file(path)
        except Unread as error:
            unread = error
            continue
        if file:
            seen.append(file)
            folder = file.kind == "directory"
            mode = parameters.directory_mode if folder else parameters.file_mode
            yield from flaws(file, daemon, mode=mode, groups=("root",))
    if unread:
        raise unread
    if not seen:
        raise NotApplicable("The engine has no configuration file; its defaults are in force.")
    yield as_they_are(seen)


RULE = Rule(
    slug="configuration-permissions",
    title="Others may change the engine's configuration",
    subject=Host,
    severity=Severity.HIGH,
    family=Family.HOST,
    report="2.1(1)",
    cis=("3.5", "3.6", "3.17", "3.18", "3.19", "3.20", "3.21", "3.22"),
    reads=("host files: /etc/docker", "host files: daemon.json", "host files: /etc/default/docker"),
    why=(
        "Whoever can write to the engine's configuration can open it to the network, let it run "
        "a program of theirs as a runtime, or take every default protection from all containers."
    ),
    links=(
        "https://docs.docker.com/engine/daemon/",
        "https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file",
    ),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Let root own the configuration, and let nobody else write to it.",
        side_effects="None for the engine; tools that write the configuration must run as root.",
        commands=(
            "chown root:root /etc/docker && chmod 0755 /etc/docker",
            "for file in /etc/docker/daemon.json " + " ".join(DEFAULTS) + "; do",
            '    if [ -f "$file" ]; then chown root:root "$file"; chmod 0644 "$file"; fi',
            "done",
        ),
    ),
)
