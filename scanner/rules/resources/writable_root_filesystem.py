"""A root filesystem that whoever breaks in can change."""

from collections.abc import Iterator

from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container
from scanner.rule import Family, Fix, Flaw, NoParameters, Rule, Severity, flaw

FACT = "HostConfig.ReadonlyRootfs"


def check(container: Container, context: Context, parameters: NoParameters) -> Iterator[Flaw]:
    if not container.read_only:
        yield flaw(FACT, False, "true")


def change(container: Container) -> Container:
    taken = {*container.tmpfs, *(mount.destination for mount in container.mounts)}
    scratch = {} if "/tmp" in taken else {"/tmp": ""}  # noqa: S108 - inside the container
    return replace(container, read_only=True, tmpfs={**container.tmpfs, **scratch})


RULE = Rule(
    slug="writable-root-filesystem",
    title="Container's root filesystem is writable",
    subject=Container,
    severity=Severity.MEDIUM,
    family=Family.RESOURCES,
    report="1.2(3)",
    cis=("5.13",),
    reads=(FACT,),
    why=(
        "An intruder can change the program, put tools beside it, or fill the host's disk through "
        "the container's layer. On a read-only root none of that is possible, and all that is "
        "meant to be kept has a volume."
    ),
    links=("https://docs.docker.com/reference/cli/docker/container/run/#read-only",),
    check=check,
    fix=Fix(
        summary="Make the root filesystem read-only and give the program places where it writes.",
        side_effects=(
            'A program that writes elsewhere fails with "read-only file system". docker diff '
            "shows where it has written so far: give those places a volume, or a tmpfs where "
            "nothing must be kept."
        ),
        change=change,
        bad=("--read-only=false",),
        commands=("docker diff {name}",),
    ),
)
