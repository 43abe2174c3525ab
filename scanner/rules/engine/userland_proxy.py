"""The process that the daemon starts for every published port, where the kernel could do it."""

from collections.abc import Iterator

from scanner import lifecycles
from scanner.context import Context
from scanner.model import Host
from scanner.rule import (
    Family,
    Fix,
    Flaw,
    NoParameters,
    NotApplicable,
    Rule,
    Severity,
    Shown,
    flaw,
    shown,
)

FACT = "info: FirewallBackend.Info"
NAME = "EnableUserlandProxy"
TELLS = (29, 5)  # the first release that says so in its answer, and only where it is on


def check(host: Host, context: Context, parameters: NoParameters) -> Iterator[Flaw | Shown]:
    if host.engine == "podman":
        raise NotApplicable("Podman has no userland proxy")
    release = lifecycles.release(host.version)
    if release is not None and release >= TELLS:
        told = host.firewall.get(NAME)
        fact, on = f"{FACT}: {NAME}", told is not None and told != "false"
    else:
        option = context.machine.daemon.option("userland-proxy")
        fact, on = option.fact, option.value is not False
    yield flaw(fact, True, "false") if on else shown(fact, False)


RULE = Rule(
    slug="userland-proxy",
    title="Published ports go through the userland proxy",
    subject=Host,
    severity=Severity.LOW,
    family=Family.ENGINE,
    report="",
    cis=("2.16",),
    reads=("version: Version", FACT, "dockerd: userland-proxy"),
    why=(
        "For every published port the daemon starts a process that passes bytes on, where the "
        "kernel's own forwarding is enough. It is one more program in the way of every "
        "connection, and hides the caller's address from the container."
    ),
    links=("https://docs.docker.com/reference/cli/dockerd/",),
    check=check,
    fix=Fix(
        summary="Switch the userland proxy off, and restart the daemon.",
        side_effects=(
            "Without hairpin NAT a container cannot reach itself by the host's address, and "
            "published ports may not be reached over the host's own IPv6 loopback."
        ),
        daemon={"userland-proxy": False},
        commands=("systemctl restart docker", "pgrep -a docker-proxy"),
    ),
)
