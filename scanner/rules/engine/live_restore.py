"""Whether containers keep running while the daemon does not."""

from collections.abc import Iterator

from scanner.context import Context
from scanner.model import Host
from scanner.rule import Family, Fix, Flaw, NoParameters, NotApplicable, Rule, Severity, flaw

FACT = "info: LiveRestoreEnabled"


def check(host: Host, context: Context, parameters: NoParameters) -> Iterator[Flaw]:
    if host.engine == "podman":
        raise NotApplicable("Podman has no daemon: its containers run without the service")
    if host.live_restore:
        return
    if host.swarm_state != "inactive":
        raise NotApplicable("the engine does not allow live restore in swarm mode")
    yield flaw(FACT, False, "true")


RULE = Rule(
    slug="live-restore",
    title="Containers stop whenever the daemon does",
    subject=Host,
    severity=Severity.LOW,
    family=Family.ENGINE,
    report="",
    cis=("2.15",),
    reads=(FACT, "info: Swarm.LocalNodeState"),
    why=(
        "Without live restore, every restart of the daemon takes all containers down, and so does "
        "its crash. Updates of the engine are then put off, and its known holes stay open."
    ),
    links=("https://docs.docker.com/engine/daemon/live-restore/",),
    check=check,
    fix=Fix(
        summary="Switch live restore on. A reload of the daemon is enough.",
        side_effects=(
            "It holds for patch releases of the engine, not for every change of the daemon's "
            "options, and cannot be combined with swarm mode."
        ),
        daemon={"live-restore": True},
        commands=(
            "systemctl reload docker",
            "docker info --format '{{.LiveRestoreEnabled}}'",
        ),
    ),
)
