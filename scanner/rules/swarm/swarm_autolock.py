"""Whether the swarm's keys lie on the managers' disks for everybody who reads those."""

from collections.abc import Iterator

from scanner.context import Context
from scanner.model import Host
from scanner.rule import (
    Family,
    Fix,
    Flaw,
    NoParameters,
    Rule,
    Severity,
    Shown,
    flaw,
    shown,
)
from scanner.swarm_members import leave_out_others, leave_out_workers

STATE = "info: Swarm.LocalNodeState"
FACT = "swarm: Spec.EncryptionConfig.AutoLockManagers"


def check(host: Host, context: Context, parameters: NoParameters) -> Iterator[Flaw | Shown]:
    leave_out_others(host)
    if host.swarm_state == "locked":
        yield shown(STATE, "locked: it waits for its unlock key")
        return
    leave_out_workers(host, "this node is no manager and keeps none of the swarm's keys")
    if not context.swarm.autolock:
        yield flaw(FACT, False, "true")


RULE = Rule(
    slug="swarm-autolock",
    title="Swarm's keys lie unprotected on its managers",
    subject=Host,
    severity=Severity.MEDIUM,
    family=Family.SWARM,
    report="",
    cis=("7.5",),
    reads=(STATE, "info: Swarm.ControlAvailable", FACT),
    why=(
        "Managers keep the key to the swarm's log, in which its secrets are, and their own TLS "
        "key on disk. Unlocked, whoever gets hold of the disk or a backup of it has both."
    ),
    links=("https://docs.docker.com/engine/swarm/swarm_manager_locking/",),
    check=check,
    fix=Fix(
        summary="Lock the managers, and keep the unlock key where it is not lost.",
        side_effects=(
            "After every restart of its engine a manager waits until somebody unlocks it. Without "
            "the key it must be made anew."
        ),
        commands=("docker swarm update --autolock=true", "docker swarm unlock-key"),
    ),
)
