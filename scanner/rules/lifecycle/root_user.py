"""Root in a container is root for the host's kernel, unless the engine remaps users."""

from collections.abc import Iterator

from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container, Process, Unread
from scanner.rule import Family, Fix, Flaw, NoParameters, Rule, Severity, Shown, flaw, shown


def check(
    container: Container, context: Context, parameters: NoParameters
) -> Iterator[Flaw | Shown]:
    host = context.host
    if host.rootless or (host.remaps_users and container.userns_mode != "host"):
        yield shown("info: SecurityOptions", "the engine remaps users: root inside is not root")
    elif host.engine == "podman" and container.userns_mode == "private":
        yield shown("HostConfig.UsernsMode", "private: root inside is not root")
    elif processes := _processes(container):
        roots = sorted({process.name for process in processes if process.uid == 0})
        if roots:
            yield flaw("top: processes", {"uid": 0, "programs": roots}, "no process with uid 0")
    elif container.uid == 0:
        yield flaw("Config.User", container.user, "a user other than root, best by number")


def _processes(container: Container) -> tuple[Process, ...]:
    """What really runs decides; a stopped container, or one without a list, has none."""
    try:
        return container.processes
    except Unread:
        return ()


def change(container: Container) -> Container:
    return replace(container, user="1000:1000", uid=1000, processes=())


RULE = Rule(
    slug="root-user",
    title="Container runs as root",
    subject=Container,
    severity=Severity.HIGH,
    family=Family.LIFECYCLE,
    report="1.4(2)",
    cis=("4.1",),
    reads=("top: processes", "Config.User", "HostConfig.UsernsMode", "info: SecurityOptions"),
    why=(
        "A program that runs as root in the container is root for the kernel as well: whoever "
        "breaks out of it owns the host. It can also change every file of its image and of the "
        "volumes that it mounts."
    ),
    links=(
        "https://docs.docker.com/build/building/best-practices/#user",
        "https://docs.docker.com/engine/security/userns-remap/",
    ),
    check=check,
    fix=Fix(
        summary="Run the program as a user of its own, in the image or for the container.",
        side_effects=(
            "Files that the program writes must belong to that user, and ports below 1024 may "
            "need `--sysctl net.ipv4.ip_unprivileged_port_start=0`. The number 1000 is an example."
        ),
        change=change,
        bad=("--user=0",),
        dockerfile=(
            "RUN addgroup --gid 1000 app && adduser --uid 1000 --gid 1000 --disabled-password app\n"
            "USER 1000:1000\n"
        ),
    ),
)
