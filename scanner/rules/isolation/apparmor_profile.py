"""Without an AppArmor profile the kernel does not confine what the container's root may touch."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container
from scanner.rule import Family, Fix, Flaw, NotApplicable, Rule, Severity, Shown, flaw, shown

ENGINES_OWN = "docker-default"


class Parameters(msgspec.Struct, frozen=True):
    accepted: Annotated[
        tuple[str, ...], msgspec.Meta(description="Profiles that count; empty: any that confines")
    ] = ()


def check(container: Container, context: Context, parameters: Parameters) -> Iterator[Flaw | Shown]:
    if not context.host.has_apparmor:
        raise NotApplicable("The host's kernel offers no AppArmor to the engine.")
    profile = _profile(container)
    if profile in {"", "unconfined"}:
        yield flaw("AppArmorProfile", profile, "a profile that confines the container")
    elif parameters.accepted and profile not in parameters.accepted:
        yield flaw("AppArmorProfile", profile, f"one of {', '.join(parameters.accepted)}")
    else:
        yield shown("AppArmorProfile", profile)


def _profile(container: Container) -> str:
    """Until its first start the engine has chosen no profile: then its configuration tells."""
    if container.apparmor_profile or container.status != "created":
        return container.apparmor_profile
    if asked := container.security_options("apparmor"):
        return asked[-1]
    return "unconfined" if container.privileged else ENGINES_OWN


def change(container: Container) -> Container:
    options = tuple(o for o in container.security_opt if not o.strip().startswith("apparmor"))
    return replace(
        container,
        # Said aloud, for a privileged container would get none by itself.
        security_opt=(*options, f"apparmor={ENGINES_OWN}"),
        apparmor_profile=ENGINES_OWN,
    )


RULE = Rule(
    slug="apparmor-profile",
    title="Container runs without an AppArmor profile",
    subject=Container,
    severity=Severity.HIGH,
    family=Family.ISOLATION,
    report="1.1(1)",
    cis=("5.2",),
    reads=("AppArmorProfile", "HostConfig.SecurityOpt", "info: SecurityOptions"),
    why=(
        "AppArmor keeps even root in the container from mounting file systems and from writing to "
        "the kernel's own files. Without a profile, one flaw in the program is a step closer to "
        "the host."
    ),
    links=("https://docs.docker.com/engine/security/apparmor/",),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Use the engine's own profile, or load one that was written for the program.",
        side_effects=(
            "The profile forbids mount and writes below /proc and /sys. The kernel's log names "
            "what it denied; a program that needs more gets a profile of its own."
        ),
        change=change,
        bad=("--security-opt=apparmor=unconfined",),
    ),
)
