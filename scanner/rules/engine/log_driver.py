"""Where the output of containers goes that name no log driver of their own."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from scanner.context import Context
from scanner.model import Host, Unread
from scanner.rule import Family, Fix, Flaw, Rule, Severity, Shown, flaw, shown

FACT = "info: LoggingDriver"


class Parameters(msgspec.Struct, frozen=True):
    local: Annotated[
        tuple[str, ...],
        msgspec.Meta(
            description="Log drivers that keep what containers say on the host alone, or nowhere"
        ),
    ] = ("json-file", "local", "none", "k8s-file", "passthrough")


def check(host: Host, context: Context, parameters: Parameters) -> Iterator[Flaw | Shown]:
    if not host.logging_driver:
        raise Unread(FACT, "the engine gives no name for it")
    if host.logging_driver in parameters.local:
        yield flaw(FACT, host.logging_driver, "a driver that sends logs on")
    else:
        yield shown(FACT, host.logging_driver)


RULE = Rule(
    slug="log-driver",
    title="Logs of containers stay on the host",
    subject=Host,
    severity=Severity.LOW,
    family=Family.ENGINE,
    report="",
    cis=("2.13",),
    reads=(FACT,),
    why=(
        "Logs in files of the engine go with the container that wrote them, and whoever takes the "
        "host over can rewrite them. Sent on at once, they tell afterwards what happened."
    ),
    links=("https://docs.docker.com/engine/logging/configure/",),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary=(
            "Make a driver the default that sends logs to where they are kept, or list json-file "
            "no more in the policy where an agent collects its files."
        ),
        side_effects=(
            "It holds for containers made afterwards. A driver that cannot reach its server may "
            "keep containers from starting; the address is an example."
        ),
        daemon={"log-driver": "syslog", "log-opts": {"syslog-address": "udp://192.0.2.10:514"}},
        commands=("systemctl restart docker", "docker info --format '{{.LoggingDriver}}'"),
    ),
)
