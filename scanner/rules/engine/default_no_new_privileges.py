"""Whether containers may gain rights by default that they were not started with."""

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

FACT = "info: SecurityOptions"
NAME = "no-new-privileges"
TELLS = (1, 43)  # the first version of the API that says so


def check(host: Host, context: Context, parameters: NoParameters) -> Iterator[Flaw | Shown]:
    if host.engine == "podman":
        raise NotApplicable("Podman has no daemon whose default it could be")
    if host.security_option(NAME) is not None:
        yield shown(FACT, f"name={NAME}")
    elif host.api >= TELLS:
        yield flaw(FACT, f"no {NAME}", f"name={NAME}")
    else:
        option = context.machine.daemon.option(NAME)
        if option.value is True:
            yield shown(option.fact, True)
        else:
            yield flaw(option.fact, option.value, "true")


RULE = Rule(
    slug="default-no-new-privileges",
    title="Containers may gain privileges unless each forbids it",
    subject=Host,
    severity=Severity.MEDIUM,
    family=Family.ENGINE,
    report="1.1(3)",
    cis=("2.14",),
    reads=(FACT, "version: ApiVersion", f"dockerd: {NAME}"),
    why=(
        "A setuid program in an image makes its caller root in the container, whatever user it "
        "was started with. As a default of the daemon the option takes that way from every "
        "container that nobody thought of."
    ),
    links=("https://docs.docker.com/reference/cli/dockerd/",),
    check=check,
    fix=Fix(
        summary="Make no-new-privileges the daemon's default, and restart it.",
        side_effects=(
            "sudo, su and ping with a setuid bit stop working in containers. A container that "
            "needs them can say --security-opt no-new-privileges=false."
        ),
        daemon={NAME: True},
        commands=("systemctl restart docker", "docker info --format '{{.SecurityOptions}}'"),
    ),
)
