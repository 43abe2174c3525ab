"""Whether anything decides who may ask the engine for what."""

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

FACT = "info: Plugins.Authorization"


def check(host: Host, context: Context, parameters: NoParameters) -> Iterator[Flaw | Shown]:
    if host.engine == "podman":
        raise NotApplicable("Podman has no authorization plugins")
    if host.authorization_plugins:
        yield shown(FACT, list(host.authorization_plugins))
    else:
        yield flaw(FACT, [], "a plugin that decides on every request")


RULE = Rule(
    slug="authorization-plugin",
    title="Whoever may call the engine may do everything",
    subject=Host,
    severity=Severity.LOW,
    family=Family.ENGINE,
    report="",
    cis=("2.12",),
    reads=(FACT,),
    why=(
        "Without an authorization plugin the engine knows no rights: one who may list containers "
        "may also start one that owns the host. A plugin can allow reading alone to those who "
        "need no more."
    ),
    links=("https://docs.docker.com/engine/extend/plugins_authorization/",),
    check=check,
    fix=Fix(
        summary=(
            "Install an authorization plugin and name it to the daemon, where several people or "
            "programs reach the engine; switch the rule off where only root does."
        ),
        side_effects=(
            "Every request waits for the plugin, and where it does not answer, the engine refuses. "
            "NAME stands for the plugin of your choice."
        ),
        daemon={"authorization-plugins": ["NAME"]},
        commands=(
            "systemctl reload docker",
            "docker info --format '{{.Plugins.Authorization}}'",
        ),
    ),
)
