"""Whether root in a container is root on the host."""

from collections.abc import Iterator

from scanner.context import Context
from scanner.model import Host, Unread
from scanner.rule import Family, Fix, Flaw, NoParameters, Rule, Severity, Shown, flaw, shown

FACT = "info: SecurityOptions"


def check(host: Host, context: Context, parameters: NoParameters) -> Iterator[Flaw | Shown]:
    if host.rootless:
        yield shown(FACT, "name=rootless")
    elif host.remaps_users:
        yield shown(FACT, "name=userns")
    elif host.engine == "podman":
        raise Unread("containers.conf: userns", "Podman does not tell what its containers get")
    else:
        yield flaw(FACT, "neither name=userns nor name=rootless", "one of the two")


RULE = Rule(
    slug="userns-remap",
    title="Root in a container is root on the host",
    subject=Host,
    severity=Severity.MEDIUM,
    family=Family.ENGINE,
    report="1.1(6)",
    cis=("2.9",),
    reads=(FACT,),
    why=(
        "The engine runs as root and gives containers the host's own user numbers. Whoever breaks "
        "out of a container as root, by a flaw of the kernel or a careless mount, is root on the "
        "host at once."
    ),
    links=(
        "https://docs.docker.com/engine/security/userns-remap/",
        "https://docs.docker.com/engine/security/rootless/",
    ),
    check=check,
    fix=Fix(
        summary="Let the daemon remap users, or run it without root.",
        side_effects=(
            "Images and containers that are there are out of sight afterwards and must be made "
            "again; files in mounts must belong to the remapped users. Privileged containers and "
            "those on the host's network or processes need --userns=host."
        ),
        daemon={"userns-remap": "default"},
        commands=("systemctl restart docker", "docker info --format '{{.SecurityOptions}}'"),
    ),
)
