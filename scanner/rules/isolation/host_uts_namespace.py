"""A container that can rename the host."""

from collections.abc import Iterator

from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container
from scanner.rule import Family, Fix, Flaw, NoParameters, Rule, Severity, flaw


def check(container: Container, context: Context, parameters: NoParameters) -> Iterator[Flaw]:
    if container.uts_mode == "host":
        yield flaw("HostConfig.UTSMode", "host", "a UTS namespace of its own")


def change(container: Container) -> Container:
    return replace(container, uts_mode="")


RULE = Rule(
    slug="host-uts-namespace",
    title="Container shares the host's UTS namespace",
    subject=Container,
    severity=Severity.MEDIUM,
    family=Family.ISOLATION,
    report="1.1(6)",
    cis=("5.21",),
    reads=("HostConfig.UTSMode",),
    why=(
        "The UTS namespace holds the name of the machine. With enough rights the container can "
        "rename the host, which misleads logs, monitoring and everything else that goes by names."
    ),
    links=("https://docs.docker.com/engine/containers/run/#uts-settings---uts",),
    check=check,
    fix=Fix(
        summary="Leave the container its own UTS namespace; give it a name with `--hostname`.",
        side_effects=(
            "The program sees the container's name instead of the host's. Pass the host's name as "
            "a variable where it is wanted."
        ),
        change=change,
        bad=("--uts=host",),
    ),
)
