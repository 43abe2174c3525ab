"""What the rules about a host's files have in common: whose a file is, and who may write to it."""

from collections.abc import Iterable, Iterator

from scanner.context import Context
from scanner.machine import Daemon, File
from scanner.model import Host
from scanner.rule import Evidence, Flaw, NotApplicable, Severity, Shown

MODE = "^0?[0-7]{3}$"
"""The pattern of a parameter that names a file's mode."""


def daemon_of(host: Host, context: Context) -> Daemon:
    """The engine's process. Raises NotApplicable for Podman, which has none, and Unread."""
    if host.engine == "podman":
        raise NotApplicable("Podman has no daemon whose files these would be.")
    return context.machine.daemon


def flaws(
    file: File,
    daemon: Daemon,
    *,
    mode: str,
    groups: Iterable[str] = (),
    read: Severity | None = Severity.LOW,
    worst: Severity | None = None,
) -> Iterator[Flaw]:
    """At most one: what the file grants beyond `mode`, and an owner other than the engine's user.

    `groups` are the names that its group may have, where that matters. The severity is `read`
    where others gain no more than reading, `worst` where everybody may write, else the rule's own.
    """
    owner = "root" if not daemon.rootless else f"the engine's user, uid {daemon.uid}"
    path = file.real_path or file.path
    allowed = int(mode, 8)
    found = []
    if file.exceeds(allowed):
        found.append(Evidence(f"{path}: mode", file.permissions, f"{mode} or stricter"))
    wrong_owner = file.uid not in {0, daemon.uid}
    if wrong_owner:
        found.append(Evidence(f"{path}: owner", file.owner or file.uid, owner))
    names = tuple(groups)
    wrong_group = bool(names) and not daemon.rootless and file.group not in names
    if wrong_group:
        wanted = f"group {' or '.join(names)}"
        found.append(Evidence(f"{path}: group", file.group or file.gid, wanted))
    if not found:
        return
    excess = file.mode & ~allowed
    severity = None
    if excess & 0o002:
        severity = worst
    elif not wrong_owner and not excess & 0o020 and not (wrong_group and file.mode & 0o020):
        severity = read
    yield Flaw(tuple(found), path, severity)


def as_they_are(files: Iterable[File]) -> Shown:
    """To be shown with a pass."""
    return Shown(tuple(Evidence(f.real_path, f"{f.permissions} {f.ownership}") for f in files))
