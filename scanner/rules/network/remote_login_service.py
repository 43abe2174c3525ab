"""SSH, Telnet and their like in a container, as if it were a machine to log in to."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from scanner import programs
from scanner.context import Context
from scanner.model import Container, Unread
from scanner.rule import Evidence, Family, Fix, Flaw, Rule, Severity


class Parameters(msgspec.Struct, frozen=True):
    services: Annotated[
        dict[str, tuple[str, ...]],
        msgspec.Meta(
            description="What betrays each service: whole names of programs, in which * stands "
            "for any text, and ports of the container that are exposed, like 22/tcp"
        ),
    ] = msgspec.field(default_factory=lambda: programs.LOGIN_SERVICES)


def check(container: Container, context: Context, parameters: Parameters) -> Iterator[Flaw]:
    unread = None
    sources = {
        "Config.Entrypoint, Config.Cmd": set(
            programs.started((*container.entrypoint, *container.command))
        ),
        "Config.ExposedPorts": set(container.exposed_ports),
    }
    try:
        sources["top: processes"] = {process.name for process in container.processes}
    except Unread as error:
        unread = error
    evidence: dict[str, list[Evidence]] = {}
    for fact, names in sources.items():
        for name in sorted(names):
            if service := programs.login_service(name, parameters.services):
                evidence.setdefault(service, []).append(Evidence(fact, name, "none of it"))
    for service, found in evidence.items():
        yield Flaw(tuple(found), service)
    if unread:
        raise unread  # another one may run unseen


RULE = Rule(
    slug="remote-login-service",
    title="Container runs a service for remote login",
    subject=Container,
    severity=Severity.HIGH,
    family=Family.NETWORK,
    report="1.3(4)",
    cis=("5.7",),
    reads=("top: processes", "Config.Entrypoint", "Config.Cmd", "Config.ExposedPorts"),
    why=(
        "A login service adds keys, passwords and a program to keep up to date to every container "
        "that has it, and a way in that the engine neither controls nor records. The application "
        "does not need it."
    ),
    links=(
        "https://docs.docker.com/build/building/best-practices/#decouple-applications",
        "https://docs.docker.com/reference/cli/docker/container/exec/",
    ),
    check=check,
    parameters=Parameters,
    fix=Fix(
        summary=(
            "Take the service out of the image and of what the container starts; `docker exec` "
            "gives a shell to those who may have one."
        ),
        side_effects=(
            "Nobody can log in over the network any more. Hand files over by volumes, and read "
            "logs with `docker logs`."
        ),
        commands=("docker top {name}", "docker exec --interactive --tty {name} sh"),
    ),
)
