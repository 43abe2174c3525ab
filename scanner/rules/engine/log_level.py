"""How much the daemon itself writes into its log."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from scanner.context import Context
from scanner.model import Host
from scanner.rule import Family, Fix, Flaw, NotApplicable, Rule, Severity, Shown, flaw, shown

DEBUG = "info: Debug"


class Parameters(msgspec.Struct, frozen=True):
    accepted: Annotated[
        tuple[str, ...], msgspec.Meta(description="Levels that the daemon may log at")
    ] = ("info",)


def check(host: Host, context: Context, parameters: Parameters) -> Iterator[Flaw | Shown]:
    if host.engine == "podman":
        raise NotApplicable("Podman has no daemon that would log")
    wanted = " or ".join(parameters.accepted)
    if host.debug and "debug" not in parameters.accepted:
        yield flaw(DEBUG, True, f"false, and the level {wanted}")
        return
    option = context.machine.daemon.option("log-level")
    level = "debug" if host.debug else option.value or "info"
    if level in parameters.accepted:
        yield shown(option.fact, level)
    else:
        yield flaw(option.fact, level, wanted)


RULE = Rule(
    slug="log-level",
    title="Daemon logs too little or too much",
    subject=Host,
    severity=Severity.LOW,
    family=Family.ENGINE,
    report="",
    cis=("2.3",),
    reads=(DEBUG, "dockerd: log-level"),
    why=(
        "Above the level info the log no longer tells what was done to containers and when. At "
        "debug it fills the disk, and holds details of requests that nobody meant to keep."
    ),
    links=("https://docs.docker.com/engine/daemon/logs/",),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Set the level to info, and debug off.",
        side_effects="Turn debug on for the time of a search only.",
        daemon={"debug": False, "log-level": "info"},
        commands=("systemctl restart docker", "docker info --format '{{.Debug}}'"),
    ),
)
