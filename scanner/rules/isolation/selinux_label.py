"""Without an SELinux label the kernel does not tell this container from the host."""

from collections.abc import Iterator

from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container
from scanner.rule import (
    Evidence,
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


def check(
    container: Container, context: Context, parameters: NoParameters
) -> Iterator[Flaw | Shown]:
    if not container.process_label and not context.host.has_selinux:
        raise NotApplicable("The engine does not use SELinux.")
    options = container.security_options("label")
    if "disable" in options or container.security_options("disable"):
        by_engine = options == ("disable",) and _loses_its_label(container)
        found = [o for o in container.security_opt if o.strip().startswith(("label", "disable"))]
        evidence = [Evidence("HostConfig.SecurityOpt", found, "no label=disable")]
        if by_engine:
            reason = "the engine itself adds label=disable for privileged, host PID and host IPC"
            evidence.append(Evidence("set by", reason))
        yield Flaw(tuple(evidence))
    elif not container.process_label:
        yield flaw("ProcessLabel", "", "a process label")
    else:
        yield shown("ProcessLabel", container.process_label)


def _loses_its_label(container: Container) -> bool:
    return container.privileged or "host" in (container.pid_mode, container.ipc_mode)


def change(container: Container) -> Container:
    options = tuple(
        o for o in container.security_opt if o.replace(":", "=") not in {"label=disable", "disable"}
    )
    # Any label of the user's own keeps the engine from disabling it.
    if _loses_its_label(container) and not any(o.startswith("label") for o in options):
        options = (*options, "label=type:container_t")
    return replace(
        container, security_opt=options, process_label="system_u:system_r:container_t:s0"
    )


RULE = Rule(
    slug="selinux-label",
    title="Container runs without an SELinux label",
    subject=Container,
    severity=Severity.HIGH,
    family=Family.ISOLATION,
    report="1.1(2)",
    cis=("5.3",),
    reads=("HostConfig.SecurityOpt", "ProcessLabel", "info: SecurityOptions"),
    why=(
        "SELinux gives every container a label of its own, so that none can reach the files of the "
        "host or of another container. Without the label, root in the container is stopped by "
        "ordinary file permissions only."
    ),
    links=("https://docs.docker.com/reference/cli/docker/container/run/#security-opt",),
    check=check,
    fix=Fix(
        summary="Take `label=disable` away; give the container a type of its own if it needs more.",
        side_effects=(
            "Directories of the host that it mounts need the label too: mount them with :z or :Z. "
            "The audit log names what was denied."
        ),
        change=change,
        bad=("--security-opt=label=disable",),
    ),
)
