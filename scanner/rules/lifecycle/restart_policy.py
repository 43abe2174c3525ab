"""A restart policy without an end lets a broken container take the host with it."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container, RestartPolicy, Service
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
        yield from _by_the_swarm(context.service(container), limit)


def _by_the_swarm(service: Service, limit: int) -> Iterator[Flaw]:
    """The swarm makes a new task in place of one that ended, whatever the container's own says."""
    policy = service.restart_policy
    if policy.name != "none" and not 1 <= policy.maximum_retries <= limit:
        found = {"condition": policy.name, "max_attempts": policy.maximum_retries}
        wanted = f"none, or at most {limit} attempts"
        yield flaw(f"service {service.name}: Spec.TaskTemplate.RestartPolicy", found, wanted)


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
    reads=(
        "HostConfig.RestartPolicy",
        "Config.Labels",
        "service: Spec.TaskTemplate.RestartPolicy",
    ),
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
            "host if it had ended without an error. Start it from a service manager if it must. "
            "For a service of a swarm: docker service update --restart-max-attempts 5 SERVICE."
        ),
        change=change,
        bad=("--restart=always",),
    ),
)
