"""Limits for processes of containers that set none themselves."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from scanner.context import Context
from scanner.model import Container, Host, Unread
from scanner.rule import Family, Fix, Flaw, NotApplicable, Rule, Severity, flaw

OPTION = "default-ulimits"
LIMITS = "HostConfig.Ulimits"  # of any container: the daemon's defaults are added there


class Parameters(msgspec.Struct, frozen=True):
    required: Annotated[
        tuple[str, ...], msgspec.Meta(description="Limits that the daemon must give by default")
    ] = ("nofile", "nproc")


def check(host: Host, context: Context, parameters: Parameters) -> Iterator[Flaw]:
    if host.engine == "podman":
        raise NotApplicable("Podman has no daemon whose default it could be")
    for name in parameters.required:
        if any(_known_to_lack(container, name) for container in context.containers):
            # The engine adds its defaults to what it tells of a container: it has none of these.
            # Which container shows it is left out, for that would change with every deployment.
            yield flaw(f"{LIMITS} of containers", f"some without {name}", "all", sub_object=name)
            continue
        option = context.machine.daemon.option(OPTION)
        given = option.value if isinstance(option.value, tuple) else ()
        if not any(limit.partition("=")[0] == name for limit in given):
            yield flaw(option.fact, list(given), f"{name}=SOFT:HARD", sub_object=name)


def _known_to_lack(container: Container, name: str) -> bool:
    try:
        return all(limit.name != name for limit in container.ulimits)
    except Unread:
        return False  # the container's own rules say unknown


RULE = Rule(
    slug="default-ulimits",
    title="Daemon sets no limits for processes of containers",
    subject=Host,
    severity=Severity.LOW,
    family=Family.ENGINE,
    report="1.1(5)",
    cis=("2.8",),
    reads=(LIMITS, f"dockerd: {OPTION}"),
    why=(
        "A container without limits of its own has those of the daemon itself, which are made for "
        "the whole host. One that opens files or starts processes without end then takes its "
        "neighbours down."
    ),
    links=("https://docs.docker.com/reference/cli/dockerd/",),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Give the daemon defaults for the limits, and restart it.",
        side_effects=(
            "A program that needs more files or processes fails until its container sets more. "
            "nproc counts all processes of the same user number on the host."
        ),
        daemon={
            OPTION: {
                "nofile": {"Name": "nofile", "Soft": 1024, "Hard": 4096},
                "nproc": {"Name": "nproc", "Soft": 1024, "Hard": 2048},
            }
        },
        commands=("systemctl restart docker",),
    ),
)
