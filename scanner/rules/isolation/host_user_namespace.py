"""A container that steps out of the remapping of users."""

from collections.abc import Iterator

from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container
from scanner.rule import Family, Fix, Flaw, NoParameters, NotApplicable, Rule, Severity, flaw


def check(container: Container, context: Context, parameters: NoParameters) -> Iterator[Flaw]:
    # In a rootless engine the host's user namespace is still that of the engine's own user.
    if context.host.security_option("userns") is None:
        raise NotApplicable("The engine does not remap users.")
    if container.userns_mode == "host":
        yield flaw("HostConfig.UsernsMode", "host", "the engine's remapped user namespace")


def change(container: Container) -> Container:
    return replace(container, userns_mode="")


RULE = Rule(
    slug="host-user-namespace",
    title="Container opts out of the engine's remapping of users",
    subject=Container,
    severity=Severity.MEDIUM,
    family=Family.ISOLATION,
    report="1.1(6)",
    cis=("5.31",),
    reads=("HostConfig.UsernsMode", "info: SecurityOptions"),
    why=(
        "This engine makes root in a container an ordinary user of the host. A container in the "
        "host's user namespace is left out of that: its root is the host's root."
    ),
    links=("https://docs.docker.com/engine/security/userns-remap/",),
    check=check,
    fix=Fix(
        summary="Leave the container in the remapped user namespace.",
        side_effects=(
            "Files on volumes that belong to the host's root are then not its own; change their "
            "owner. Privileged mode and the host's namespaces cannot be had at the same time."
        ),
        change=change,
        bad=("--userns=host",),
    ),
)
