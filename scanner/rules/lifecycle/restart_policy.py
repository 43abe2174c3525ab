"""A restart policy without an end lets a broken container take the host with it."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container, RestartPolicy, Unread
from scanner.rule import Family, Fix, Flaw, Rule, Severity, flaw


class Parameters(msgspec.Struct, frozen=True):
    maximum_retries: Annotated[
        int, msgspec.Meta(ge=1, description="How often a failing container may be restarted")
    ] = 5


def check(container: Container, context: Context, parameters: Parameters) -> Iterator[Flaw]:
    policy = container.restart_policy
    limit = parameters.maximum_retries
    unlimited = policy.name != "no" and (policy.name != "on-failure" or policy.maximum_retries < 1)
    if unlimited or policy.maximum_retries > limit:
        found = {"name": policy.name, "maximum_retries": policy.maximum_retries}
        wanted = f"no, or on-failure with at most {limit} retries"
        yield flaw("HostConfig.RestartPolicy", found, wanted)
    elif "com.docker.swarm.service.name" in container.labels:
        raise Unread(
            "service: Spec.TaskTemplate.RestartPolicy",
            "the swarm restarts its tasks by the service's policy, which is not read",
        )


def change(container: Container) -> Container:
    return replace(container, restart_policy=RestartPolicy("on-failure", 5))


RULE = Rule(
    slug="restart-policy",
    title="Container is restarted without a limit",
    subject=Container,
    severity=Severity.MEDIUM,
    family=Family.LIFECYCLE,
    report="1.4(1)",
    cis=("5.15",),
    reads=("HostConfig.RestartPolicy", "Config.Labels"),
    why=(
        "A container that fails at every start is started again for ever, which can load the host "
        "until its neighbours fail too. Endless restarts also hide the cause: an attack that "
        "crashes the program may be tried as often as it takes."
    ),
    links=("https://docs.docker.com/engine/containers/start-containers-automatically/",),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Restart on failure only, five times at most, and look for the cause after that.",
        side_effects=(
            "With on-failure the engine does not start the container again after a restart of the "
            "host if it had ended without an error. Start it from a service manager if it must."
        ),
        change=change,
        bad=("--restart=always",),
    ),
)
