"""Capabilities that were given on top of the engine's own."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec.structs import replace

from scanner.capabilities import DANGEROUS_CAPABILITIES, DEFAULT_CAPABILITIES, normalise
from scanner.context import Context
from scanner.model import Container
from scanner.rule import Family, Fix, Flaw, Rule, Severity, flaw


class Parameters(msgspec.Struct, frozen=True):
    allowed: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="Capabilities that may be added, with or without CAP_"),
    ] = tuple(sorted(DEFAULT_CAPABILITIES))


def check(container: Container, context: Context, parameters: Parameters) -> Iterator[Flaw]:
    allowed = {normalise(name) for name in parameters.allowed}
    for name in sorted(set(container.cap_add) - allowed):
        worst = name == "ALL" or name in DANGEROUS_CAPABILITIES
        yield flaw(
            "HostConfig.CapAdd",
            name,
            f"only {', '.join(sorted(allowed))}" if allowed else "none",
            sub_object=name,
            severity=Severity.CRITICAL if worst else None,
        )


def change(container: Container) -> Container:
    kept = tuple(name for name in container.cap_add if name in DEFAULT_CAPABILITIES)
    return replace(container, cap_add=kept)


RULE = Rule(
    slug="added-capabilities",
    title="Container is given capabilities beyond the defaults",
    subject=Container,
    severity=Severity.HIGH,
    family=Family.ISOLATION,
    report="1.1(3)",
    cis=("5.4",),
    reads=("HostConfig.CapAdd",),
    why=(
        "Each capability is a part of the power of the host's root. With SYS_ADMIN, SYS_MODULE or "
        "SYS_PTRACE, say, code in the container can leave it; others let it read every file or "
        "reconfigure the network."
    ),
    links=(
        "https://docs.docker.com/engine/containers/run/#runtime-privilege-and-linux-capabilities",
        "https://man7.org/linux/man-pages/man7/capabilities.7.html",
    ),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Take the capability away; if the program cannot do without, add it to the policy.",
        side_effects=(
            'What the program did with it now fails with "operation not permitted". Often a '
            "narrower way exists: a sysctl, a device, a group."
        ),
        change=change,
        bad=("--cap-add=SYS_ADMIN",),
    ),
)
