"""A container that is restarted again and again: it never does its work, and loads the host."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from scanner.context import Context
from scanner.model import Container
from scanner.rule import Family, Fix, Flaw, Rule, Severity, flaw


class Parameters(msgspec.Struct, frozen=True):
    maximum_restarts: Annotated[
        int,
        msgspec.Meta(
            ge=0, description="How often the engine may have restarted it since it was last started"
        ),
    ] = 5


def check(container: Container, context: Context, parameters: Parameters) -> Iterator[Flaw]:
    if container.status == "restarting":
        yield flaw("State.Status", container.status, "a container that keeps running")
    elif container.restart_count > parameters.maximum_restarts:
        wanted = f"at most {parameters.maximum_restarts} restarts"
        yield flaw("RestartCount", container.restart_count, wanted)


RULE = Rule(
    slug="restart-loop",
    title="Container restarts again and again",
    subject=Container,
    severity=Severity.HIGH,
    family=Family.LIFECYCLE,
    report="1.4(1)",
    reads=("State.Status", "RestartCount"),
    why=(
        "The container does not do its work, and each attempt costs the host a start. In extreme "
        "situations a loop of restarts brings the host down, and it may be the trace of an attack."
    ),
    links=("https://docs.docker.com/engine/containers/start-containers-automatically/",),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary=(
            "Find out from its log why it ends, mend that, and limit the restarts with "
            "`--restart on-failure:5`."
        ),
        side_effects="While its policy is off, the container stays down once it has ended.",
        commands=(
            "docker update --restart no {name}",
            "docker logs --tail 100 {name}",
            "docker inspect --format '{{.State.ExitCode}} {{.State.Error}}' {name}",
        ),
    ),
)
