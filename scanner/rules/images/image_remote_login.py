"""SSH, Telnet and their like in an image: every container of it is a machine to log in to."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from scanner import packages, programs
from scanner.context import Context
from scanner.model import Image, Layer, Unread
from scanner.rule import Evidence, Family, Fix, Flaw, Rule, Severity

HISTORY = "history: CreatedBy"


class Parameters(msgspec.Struct, frozen=True):
    services: Annotated[
        dict[str, tuple[str, ...]],
        msgspec.Meta(
            description="What betrays each service: whole names of programs that the image starts, "
            "in which * stands for any text, and ports that it exposes, like 22/tcp"
        ),
    ] = msgspec.field(default_factory=lambda: programs.LOGIN_SERVICES)
    packages: Annotated[
        dict[str, tuple[str, ...]],
        msgspec.Meta(description="Packages that bring each service, where a layer installs them"),
    ] = msgspec.field(default_factory=lambda: packages.LOGIN_PACKAGES)


def check(image: Image, context: Context, parameters: Parameters) -> Iterator[Flaw]:
    sources = {
        "Config.Entrypoint, Config.Cmd": set(programs.started((*image.entrypoint, *image.command))),
        "Config.ExposedPorts": set(image.exposed_ports),
    }
    evidence: dict[str, list[Evidence]] = {}
    for fact, names in sources.items():
        for name in sorted(names):
            if service := programs.login_service(name, parameters.services):
                evidence.setdefault(service, []).append(Evidence(fact, name, "none of it"))
    unread = None
    try:
        for layer in image.history:
            for name in _installed(layer):
                if service := programs.login_service(name, parameters.packages):
                    found = Evidence(HISTORY, f"the package {name}", "none of it")
                    evidence.setdefault(service, []).append(found)
            if layer.truncated:
                reason = f"only the beginning of this was read: {layer.instruction}"
                unread = Unread(HISTORY, reason)
    except Unread as error:
        unread = error
    for service, facts in evidence.items():
        yield Flaw(tuple(dict.fromkeys(facts)), service)
    if unread:
        raise unread


def _installed(layer: Layer) -> Iterator[str]:
    if layer.keyword in {"RUN", ""}:
        for name, *words in programs.commands(layer.text):
            yield from packages.installed(name, words)


def rebuild(image: Image) -> Iterator[str]:
    for port in image.exposed_ports:
        if programs.login_service(port, programs.LOGIN_SERVICES):
            yield f"-EXPOSE {port}"
    started = list(programs.started((*image.entrypoint, *image.command)))
    if any(programs.login_service(name, programs.LOGIN_SERVICES) for name in started):
        yield f"-CMD {msgspec.json.encode([*image.entrypoint, *image.command]).decode()}"
        yield '+CMD ["the program itself"]'


RULE = Rule(
    slug="image-remote-login",
    title="Image installs a service for remote login",
    subject=Image,
    severity=Severity.MEDIUM,
    family=Family.IMAGES,
    report="1.3(4)",
    cis=("5.7",),
    reads=("Config.Entrypoint", "Config.Cmd", "Config.ExposedPorts", HISTORY),
    why=(
        "Every container of the image gets a way in that the engine neither controls nor records, "
        "with keys, passwords and a program to keep up to date. The application does not need it."
    ),
    links=(
        "https://docs.docker.com/build/building/best-practices/#decouple-applications",
        "https://docs.docker.com/reference/cli/docker/container/exec/",
    ),
    check=check,
    parameters=Parameters,
    fix=Fix(
        summary=(
            "Leave the service out of the image; `docker exec` gives a shell to those who may "
            "have one."
        ),
        side_effects=(
            "Nobody can log in over the network any more. Hand files over by volumes, and read "
            "logs with `docker logs`."
        ),
        bad_dockerfile='EXPOSE 22\nCMD ["/usr/sbin/sshd", "-D"]\n',
        rebuild=rebuild,
    ),
)
