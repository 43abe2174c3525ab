"""Features of the engine that are not finished."""

from collections.abc import Iterator

from scanner.context import Context
from scanner.model import Host
from scanner.rule import Family, Fix, Flaw, NoParameters, NotApplicable, Rule, Severity, flaw

FACT = "info: ExperimentalBuild"


def check(host: Host, context: Context, parameters: NoParameters) -> Iterator[Flaw]:
    if host.engine == "podman":
        raise NotApplicable("Podman has no such mode, and says so of itself always")
    if host.experimental:
        yield flaw(FACT, True, "false")


RULE = Rule(
    slug="experimental-off",
    title="Engine runs with its experimental features",
    subject=Host,
    severity=Severity.LOW,
    family=Family.ENGINE,
    report="",
    cis=("2.18",),
    reads=(FACT,),
    why=(
        "Experimental features are not held to what is promised of the rest: they change without "
        "notice, and are tested and hardened less. On a host that serves others they are a risk "
        "without a use."
    ),
    links=("https://docs.docker.com/reference/cli/dockerd/",),
    check=check,
    fix=Fix(
        summary="Switch the experimental features off, and restart the daemon.",
        side_effects="Whatever uses one of them stops working, such as checkpoints of containers.",
        daemon={"experimental": False},
        commands=("systemctl restart docker", "docker info --format '{{.ExperimentalBuild}}'"),
    ),
)
