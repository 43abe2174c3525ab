"""Credentials that services are given where everybody with access to the engine reads them."""

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
from scanner.swarm_members import leave_out_others, leave_out_workers

FACT = "service: Spec.TaskTemplate.ContainerSpec.Env"
SECRETS = "secrets"


def check(host: Host, context: Context, parameters: NoParameters) -> Iterator[Flaw | Shown]:
    leave_out_others(host)
    leave_out_workers(host, "this node is no manager: services are judged on the managers")
    if not context.swarm.services:
        raise NotApplicable("the swarm has no services")
    for service in context.swarm.services:
        names = sorted({v.name for v in service.environment if v.suspicion})
        if names:
            yield flaw(FACT, names, "a secret of the swarm", sub_object=service.name)
    yield shown(SECRETS, len(context.swarm.secrets))


RULE = Rule(
    slug="swarm-secrets",
    title="Service gets credentials in its environment, not as secrets",
    subject=Host,
    severity=Severity.MEDIUM,
    family=Family.SWARM,
    report="",
    cis=("7.4",),
    reads=("info: Swarm.LocalNodeState", "info: Swarm.ControlAvailable", FACT, SECRETS),
    why=(
        "What stands in a service's environment is shown to whoever may inspect the service or "
        "one of its containers, and goes into logs and crash reports. The swarm's secrets are "
        "encrypted where they are kept, and reach only the tasks that need them."
    ),
    links=("https://docs.docker.com/engine/swarm/secrets/",),
    check=check,
    fix=Fix(
        summary="Make a secret of it, and let the program read it from /run/secrets.",
        side_effects=(
            "The program must be able to read it from a file. Change the credential: it has been "
            "readable."
        ),
        commands=(
            "docker secret create NAME FILE",
            "docker service update --secret-add NAME --env-rm VARIABLE SERVICE",
        ),
    ),
)
