"""A privileged container is root on the host."""

from collections.abc import Iterator

from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container
from scanner.rule import Family, Fix, Flaw, NoParameters, Rule, Severity, flaw


def check(container: Container, context: Context, parameters: NoParameters) -> Iterator[Flaw]:
    if container.privileged:
        yield flaw("HostConfig.Privileged", found=True, wanted="false")


def change(container: Container) -> Container:
    return replace(container, privileged=False, cap_drop=("ALL",))


RULE = Rule(
    slug="privileged",
    title="Container runs privileged",
    subject=Container,
    severity=Severity.CRITICAL,
    family=Family.ISOLATION,
    report="1.1(3)",
    cis=("5.5",),
    reads=("HostConfig.Privileged",),
    why=(
        "A privileged container has every capability and every device, and neither seccomp nor "
        "AppArmor confines it. Code in it can mount the host's disk and become root there."
    ),
    links=(
        "https://docs.docker.com/engine/containers/run/#runtime-privilege-and-linux-capabilities",
    ),
    check=check,
    fix=Fix(
        summary="Take the flag away and give only the capabilities or devices the program needs.",
        side_effects=(
            "A scan cannot know which capabilities the program needs. Start with none and add "
            "what it reports missing."
        ),
        change=change,
        bad=("--privileged",),
    ),
)
