"""Without a health check, a container that hangs looks just like one that works."""

from collections.abc import Iterator

from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container, Healthcheck
from scanner.rule import Family, Fix, Flaw, NoParameters, Rule, Severity, flaw

SECOND = 1_000_000_000


def check(container: Container, context: Context, parameters: NoParameters) -> Iterator[Flaw]:
    health = container.healthcheck
    if health is None:
        yield flaw("Config.Healthcheck", None, "a health check, from the image or the container")
    elif health.disabled:
        yield flaw("Config.Healthcheck.Test", list(health.test), "a command that checks")


def change(container: Container) -> Container:
    probe = Healthcheck(
        ("CMD-SHELL", "wget -q -O /dev/null http://127.0.0.1:8080/ || exit 1"),
        interval=30 * SECOND,
        timeout=5 * SECOND,
        retries=3,
    )
    return replace(container, healthcheck=probe)


RULE = Rule(
    slug="healthcheck",
    title="Container has no health check",
    subject=Container,
    severity=Severity.MEDIUM,
    family=Family.LIFECYCLE,
    report="1.4(3)",
    cis=("4.6", "5.27"),
    reads=("Config.Healthcheck",),
    why=(
        "The engine only sees whether the process exists. A program that hangs or has been "
        "tampered with goes on as running, and nobody is told."
    ),
    links=(
        "https://docs.docker.com/reference/dockerfile/#healthcheck",
        "https://docs.docker.com/engine/containers/run/#healthchecks",
    ),
    check=check,
    fix=Fix(
        summary="Give the image or the container a command that asks the program itself.",
        side_effects=(
            "The probe here is an example: it needs wget in the image and a server on port 8080. "
            "The command runs in the container every 30 seconds, with the container's limits."
        ),
        change=change,
        bad=("--no-healthcheck",),
        dockerfile=(
            "HEALTHCHECK --interval=30s --timeout=5s --retries=3 \\\n"
            "  CMD wget -q -O /dev/null http://127.0.0.1:8080/ || exit 1\n"
        ),
    ),
)
