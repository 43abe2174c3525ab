"""Whether the daemon may set the host's packet filter."""

from collections.abc import Iterator

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


def check(host: Host, context: Context, parameters: NoParameters) -> Iterator[Flaw | Shown]:
    if host.engine == "podman":
        raise NotApplicable("Podman has no such setting")
    option = context.machine.daemon.option("iptables")
    if option.value is True:
        yield shown(option.fact, True)
    else:
        yield flaw(option.fact, option.value, "true")


RULE = Rule(
    slug="iptables",
    title="Daemon may not set the packet filter",
    subject=Host,
    severity=Severity.MEDIUM,
    family=Family.ENGINE,
    report="1.3(2)",
    cis=("2.4",),
    reads=("dockerd: iptables",),
    why=(
        "The daemon's own rules keep networks of containers apart and publish only what was asked "
        "for. Without them nothing does, unless somebody writes every rule by hand for every "
        "container that comes and goes."
    ),
    links=("https://docs.docker.com/engine/network/packet-filtering-firewalls/",),
    check=check,
    fix=Fix(
        summary="Let the daemon set its rules, and put your own into the chain DOCKER-USER.",
        side_effects=(
            "Rules written by hand for containers may now come twice or contradict the daemon's."
        ),
        daemon={"iptables": True},
        commands=("systemctl restart docker", "iptables --list DOCKER-USER"),
    ),
)
