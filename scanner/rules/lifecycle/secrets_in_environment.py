"""What stands in the environment is read by everybody who may look at the container."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container
from scanner.rule import Family, Fix, Flaw, Rule, Severity, flaw


class Parameters(msgspec.Struct, frozen=True):
    allowed: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="Names of variables that are known to hold no credential"),
    ] = ()


def check(container: Container, context: Context, parameters: Parameters) -> Iterator[Flaw]:
    suspects = {variable.name: variable.suspicion for variable in container.environment}
    for name, suspicion in sorted(suspects.items()):
        if suspicion and name not in parameters.allowed:
            found = {"name": name, "why": suspicion}
            wanted = "no credential; a file that only the program can read"
            yield flaw("Config.Env", found, wanted, sub_object=name)


def change(container: Container) -> Container:
    harmless = tuple(variable for variable in container.environment if not variable.suspicion)
    return replace(container, environment=harmless)


RULE = Rule(
    slug="secrets-in-environment",
    title="Environment holds what looks like a credential",
    subject=Container,
    severity=Severity.HIGH,
    family=Family.LIFECYCLE,
    report="",
    cis=("4.10",),
    reads=("Config.Env",),
    why=(
        "Everybody who may inspect the container reads its environment, and so does every process "
        "in it. It ends up in crash reports, in logs and in images that are committed from it."
    ),
    links=(
        "https://docs.docker.com/compose/how-tos/use-secrets/",
        "https://docs.docker.com/engine/swarm/secrets/",
    ),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary=(
            "Give the credential to the program as a file below /run/secrets, by a Compose or "
            "swarm secret or a read-only mount. Change the credential: it has been readable."
        ),
        side_effects=(
            "The program must read the file; many images take its path from a variable with "
            "`_FILE` at the end of its name."
        ),
        change=change,
        bad=("--env=DATABASE_PASSWORD=for-the-tests-only",),
    ),
)
