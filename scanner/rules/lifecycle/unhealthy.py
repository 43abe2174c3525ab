"""A container whose own health check says that it does not work."""

from collections.abc import Iterator

from scanner.context import Context
from scanner.model import Container, Unread
from scanner.rule import Evidence, Family, Fix, Flaw, NoParameters, NotApplicable, Rule, Severity


def check(container: Container, context: Context, parameters: NoParameters) -> Iterator[Flaw]:
    if container.healthcheck is None or container.healthcheck.disabled:
        raise NotApplicable("the container has no health check")
    # The engine ends the probes of a container that is stopped or paused, and then calls it
    # unhealthy, whatever the last probe said.
    if container.status != "running":
        raise Unread("State.Health", f"no probe runs while the container is {container.status}")
    health = container.health
    if health is None or health.status not in {"healthy", "unhealthy"}:
        raise Unread("State.Health", "no probe has decided yet")
    if health.status == "unhealthy":
        yield Flaw(
            (
                Evidence("State.Health.Status", health.status, "healthy"),
                Evidence("State.Health.FailingStreak", health.failing_streak),
                Evidence("State.Health.Log", health.output),
            )
        )


RULE = Rule(
    slug="unhealthy",
    title="Container reports that it is unhealthy",
    subject=Container,
    severity=Severity.MEDIUM,
    family=Family.LIFECYCLE,
    report="1.4(3)",
    cis=("5.27",),
    reads=("State.Health", "State.Status", "Config.Healthcheck"),
    why=(
        "The program's own check says that it does not do its work, and the engine does nothing "
        "about that: it neither restarts the container nor takes it out of service. What depends "
        "on it fails, or falls back to something less safe."
    ),
    links=("https://docs.docker.com/reference/dockerfile/#healthcheck",),
    check=check,
    fix=Fix(
        summary="Look at what the last probes said and at the container's log, and mend the cause.",
        side_effects="Reading logs changes nothing. A restart may lose what the cause was.",
        commands=(
            "docker inspect --format '{{json .State.Health}}' {name}",
            "docker logs --tail 100 {name}",
        ),
    ),
)
