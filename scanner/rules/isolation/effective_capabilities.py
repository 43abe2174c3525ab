"""What the container can do in the end: defaults, minus what is dropped, plus what is added."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec.structs import replace

from scanner.capabilities import DEFAULT_CAPABILITIES, normalise
from scanner.context import Context
from scanner.model import Container
from scanner.rule import Evidence, Family, Fix, Flaw, Rule, Severity

RARELY_NEEDED = frozenset({"AUDIT_WRITE", "MKNOD", "NET_RAW", "SETFCAP", "SYS_CHROOT"})
ALLOWED = DEFAULT_CAPABILITIES - RARELY_NEEDED


class Parameters(msgspec.Struct, frozen=True):
    allowed: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="Capabilities that a container may end up with"),
    ] = tuple(sorted(ALLOWED))


def check(container: Container, context: Context, parameters: Parameters) -> Iterator[Flaw]:
    allowed = {normalise(name) for name in parameters.allowed}
    excess = container.effective_capabilities - allowed
    if excess:
        wanted = f"at most {', '.join(sorted(allowed))}" if allowed else "none"
        yield Flaw(
            (
                Evidence("effective capabilities", sorted(excess), wanted),
                Evidence("HostConfig.CapAdd", list(container.cap_add)),
                Evidence("HostConfig.CapDrop", list(container.cap_drop)),
                Evidence("HostConfig.Privileged", container.privileged),
            )
        )


def change(container: Container) -> Container:
    added = tuple(name for name in container.cap_add if name in ALLOWED)
    dropped = container.cap_drop
    if "ALL" not in dropped:
        dropped = tuple(sorted({*dropped, *RARELY_NEEDED}))
    return replace(container, privileged=False, cap_add=added, cap_drop=dropped)


RULE = Rule(
    slug="effective-capabilities",
    title="Container keeps capabilities that programs rarely need",
    subject=Container,
    severity=Severity.LOW,
    family=Family.ISOLATION,
    report="1.4(4)",
    cis=("5.4",),
    reads=("HostConfig.CapAdd", "HostConfig.CapDrop", "HostConfig.Privileged"),
    why=(
        "Among the engine's defaults are capabilities that few programs use but attacks do: with "
        "NET_RAW an intruder forges packets to the neighbours, with MKNOD he makes device files, "
        "with SETFCAP files that carry rights."
    ),
    links=("https://docs.docker.com/engine/security/#linux-kernel-capabilities",),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Drop the capabilities that are named here, or drop ALL and add what is needed.",
        side_effects=(
            "Without NET_RAW some versions of ping fail, without SYS_CHROOT programs that lock "
            "themselves in, such as sshd; without AUDIT_WRITE logins by PAM."
        ),
        change=change,
        bad=("--cap-add=NET_RAW",),
    ),
)
