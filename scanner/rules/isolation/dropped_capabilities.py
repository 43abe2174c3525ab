"""The good practice: drop every capability, then add the few that the program needs."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec.structs import replace

from scanner.capabilities import DEFAULT_CAPABILITIES, PODMAN_CAPABILITIES, normalise
from scanner.context import Context
from scanner.model import Container, Unread
from scanner.rule import Evidence, Family, Fix, Flaw, Rule, Severity, Shown


class Parameters(msgspec.Struct, frozen=True):
    accepted: Annotated[
        tuple[str, ...],
        msgspec.Meta(
            description="A container whose effective capabilities are all of these passes"
        ),
    ] = ()


def check(container: Container, context: Context, parameters: Parameters) -> Iterator[Flaw | Shown]:
    effective = container.effective_capabilities
    remains = Evidence("effective capabilities", sorted(effective))
    accepted = {normalise(name) for name in parameters.accepted}
    dropped = list(container.cap_drop)
    if container.privileged:
        wanted = "false: a privileged container keeps all, whatever it drops"
        yield Flaw((Evidence("HostConfig.Privileged", True, wanted), remains))
    elif "ALL" in container.cap_add:
        wanted = "not ALL: it undoes dropping them"
        yield Flaw((Evidence("HostConfig.CapAdd", list(container.cap_add), wanted), remains))
    elif _drops_all(container) or (accepted and effective <= accepted):
        yield Shown((Evidence("HostConfig.CapDrop", dropped), remains))
    elif context.host.engine == "podman" and not PODMAN_CAPABILITIES.isdisjoint(dropped):
        reason = (
            "Podman counts what was added again as never dropped, so that ALL cannot be told from "
            "a list of names; the policy can accept what remains"
        )
        raise Unread("HostConfig.CapDrop", reason)
    else:
        yield Flaw((Evidence("HostConfig.CapDrop", dropped, "ALL"), remains))


def _drops_all(container: Container) -> bool:
    """Also where each default is named."""
    return "ALL" in container.cap_drop or set(container.cap_drop) >= DEFAULT_CAPABILITIES


def change(container: Container) -> Container:
    added = tuple(name for name in container.cap_add if name != "ALL")
    return replace(container, privileged=False, cap_drop=("ALL",), cap_add=added)


RULE = Rule(
    slug="dropped-capabilities",
    title="Container does not drop all capabilities first",
    subject=Container,
    severity=Severity.MEDIUM,
    family=Family.ISOLATION,
    report="1.1(3), 1.4(4)",
    cis=("5.4",),
    reads=("HostConfig.CapDrop", "HostConfig.CapAdd", "HostConfig.Privileged"),
    why=(
        "The engine gives fourteen capabilities to every container, and few programs need one of "
        "them. Whatever is left over serves nobody but an intruder, who may change owners of "
        "files, forge packets or switch users with it."
    ),
    links=(
        "https://docs.docker.com/engine/security/#linux-kernel-capabilities",
        "https://man7.org/linux/man-pages/man7/capabilities.7.html",
    ),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Drop ALL and add back, one by one, the capabilities that the program needs.",
        side_effects=(
            "A scan cannot know which it needs. Programs that start as root and give it up want "
            "SETUID, SETGID and CHOWN; those on ports below 1024 NET_BIND_SERVICE."
        ),
        change=change,
        bad=("--cap-drop=MKNOD",),
    ),
)
