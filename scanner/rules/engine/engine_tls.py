"""Whoever reaches an engine without showing who they are owns the host."""

import re
from collections.abc import Iterator

from scanner.context import Context
from scanner.model import Host, Unread
from scanner.rule import Family, Fix, Flaw, NoParameters, Rule, Severity, Shown, flaw, shown

ADDRESS = "address"
WARNINGS = "info: Warnings"
OPEN = re.compile(
    r"accessible on (https?://\S+) without (encryption|TLS client verification)", re.IGNORECASE
)
WANTED = "TLS with client certificates, SSH, or a socket file"
TELLS = (1, 40)  # the first version of the API in which engines are known to warn


def check(host: Host, context: Context, parameters: NoParameters) -> Iterator[Flaw | Shown]:
    plain = context.reached == "tcp"
    if plain:
        yield flaw(ADDRESS, "plain TCP", WANTED)
    if host.engine == "podman":
        raise Unread(WARNINGS, "Podman does not tell where else its service can be reached")
    found = [match for warning in host.warnings for match in OPEN.finditer(warning)]
    if not found and host.api < TELLS:
        raise Unread(WARNINGS, "an engine this old does not warn of listeners without TLS")
    for match in found:
        if plain and match[1].startswith("http:"):
            continue  # how it was reached, most likely
        yield flaw(WARNINGS, f"{match[1]} without {match[2]}", WANTED, sub_object=match[1])
    yield shown(ADDRESS, context.reached)


RULE = Rule(
    slug="engine-tls",
    title="Engine can be reached by anybody, without a client certificate",
    subject=Host,
    severity=Severity.CRITICAL,
    family=Family.ENGINE,
    report="",
    cis=("2.7",),
    reads=(ADDRESS, WARNINGS, "version: ApiVersion"),
    why=(
        "The engine's API starts any container with any of the host's files, so that whoever may "
        "call it is root on the host. Over plain TCP, and over TLS that asks for no client "
        "certificate, that is everybody who reaches the port; worms look for it."
    ),
    links=(
        "https://docs.docker.com/engine/security/protect-access/",
        "https://docs.docker.com/engine/security/#docker-daemon-attack-surface",
    ),
    check=check,
    fix=Fix(
        summary=(
            "Let the engine listen on its socket file alone and reach it over SSH, or demand "
            "client certificates of your own CA."
        ),
        side_effects=(
            "Whoever used the open port needs a certificate or an SSH key. Where the service unit "
            "gives -H flags, take them out there: flags and file must not both name hosts."
        ),
        daemon={
            "hosts": ["unix:///var/run/docker.sock", "tcp://0.0.0.0:2376"],
            "tlsverify": True,
            "tlscacert": "/etc/docker/tls/ca.pem",
            "tlscert": "/etc/docker/tls/cert.pem",
            "tlskey": "/etc/docker/tls/key.pem",
        },
        commands=(
            "systemctl restart docker",
            "docker -H ssh://USER@HOST version",
        ),
    ),
)
