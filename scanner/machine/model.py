"""What was read of a machine: immutable values in our own words. No I/O.

What could not be read raises Unread when it is asked for. Nothing here changes from one reading to
the next unless the machine did: no process ids, no ages.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from scanner import paths
from scanner.machine import audit
from scanner.machine.commands import SYSCTLS
from scanner.machine.options import OPTIONS, Value
from scanner.unread import Unread


class File(msgspec.Struct, frozen=True):
    """A file as it is after every symbolic link. `kind` is "file", "directory", "socket" or
    "other", `mode` the permission bits, `changed` seconds since 1970."""

    path: str
    kind: str
    mode: int
    uid: int
    gid: int
    owner: str = ""
    group: str = ""
    changed: int = 0
    real_path: str = ""

    @property
    def changed_at(self) -> str:
        """ISO 8601, UTC."""
        return datetime.fromtimestamp(self.changed, UTC).isoformat()

    @property
    def permissions(self) -> str:
        """As chmod takes it, e.g. "0644"."""
        return f"{self.mode:04o}"

    @property
    def ownership(self) -> str:
        """As chown takes it, e.g. "root:docker"."""
        return f"{self.owner or self.uid}:{self.group or self.gid}"

    def exceeds(self, mode: int) -> bool:
        """True where it grants anything that `mode` does not."""
        return bool(self.mode & ~mode)


class FileSystem(msgspec.Struct, frozen=True):
    """A mount. `device` is "major:minor", `root` what of the device is mounted."""

    device: str
    root: str
    mount_point: str
    kind: str


class Group(msgspec.Struct, frozen=True):
    """`members` has those by /etc/group and those whose primary group it is."""

    gid: int
    name: str
    members: tuple[str, ...] = ()


class Option(msgspec.Struct, frozen=True):
    """What a daemon's option is set to, and where that stands: "flag", "file" or "default"."""

    name: str
    value: Value
    source: str
    place: str = ""
    """Of a file its path."""

    @property
    def fact(self) -> str:
        """For evidence."""
        if self.source == "flag":
            return f"dockerd --{OPTIONS[self.name].flag}"
        return f"{self.place}: {self.name}" if self.source == "file" else f"default: {self.name}"


class Daemon(msgspec.Struct, frozen=True, kw_only=True):
    """The process of the engine that was asked: its flags and what its configuration file says.

    `flags` and `settings` have the names of daemon.json, and no secrets. `uid` and `home` are of
    the user that runs it, `folder` is where its configuration belongs, `unit` its service, `socket`
    where it was asked.
    """

    uid: int = 0
    home: str = ""
    folder: str = "/etc/docker"
    runtime_folder: str = "/run"
    usual_data_root: str = "/var/lib/docker"
    program: str = ""
    unit: str = "docker.service"
    socket: str = ""
    flags: dict[str, Value] = {}
    config_file: str = ""
    settings: dict[str, Value] | None = None
    """None where there is no such file, or none that could be read."""
    unread: str = ""
    """Why the configuration file could not be read."""
    broken: bool = False
    """It could, and is none."""
    stale: bool = False
    """The configuration file was changed after the daemon had started."""

    def option(self, name: str) -> Option:
        """By its name in daemon.json. Raises Unread where neither flag nor file could be read,
        KeyError for a name that the table of options lacks."""
        default = OPTIONS[name].default
        if name in self.flags:
            return Option(name, self.flags[name], "flag")
        if self.unread:
            raise Unread(f"{self.config_file}: {name}", self.unread)
        if self.stale:
            reason = "the file was changed after the daemon started; what is in force is not seen"
            raise Unread(f"{self.config_file}: {name}", reason)
        if self.settings and name in self.settings:
            return Option(name, self.settings[name], "file", self.config_file)
        return Option(name, default, "default")

    def told(self, name: str) -> Value:
        """What flag or file say, in force or not; the default where they say nothing. For places:
        what lies there must be safe either way. Raises Unread as `option` does."""
        if name not in self.flags and self.unread:
            raise Unread(f"{self.config_file}: {name}", self.unread)
        default = OPTIONS[name].default
        return self.flags.get(name, (self.settings or {}).get(name, default))

    @property
    def rootless(self) -> bool:
        return self.uid != 0

    @property
    def data_root(self) -> str:
        """As it was told. A file that was changed since still says it: data do not move while the
        daemon runs."""
        named = self.flags.get("data-root") or (self.settings or {}).get("data-root")
        return paths.normalise(str(named or self.usual_data_root))

    @property
    def sockets(self) -> tuple[str, ...]:
        """The unix sockets that it listens on, by its flags and its file, and the asked one."""
        named = self.flags.get("hosts") or (self.settings or {}).get("hosts") or ()
        hosts = named if isinstance(named, tuple) else ()
        found = [paths.normalise(host[7:]) for host in hosts if host.startswith("unix://")]
        if not hosts or any(host.startswith("fd:") for host in hosts):
            found.append(f"{self.runtime_folder}/docker.sock")
        return tuple(sorted({*found, *([self.socket] if self.socket else [])}))


class AuditRules(msgspec.Struct, frozen=True):
    """What the kernel's audit records. `loaded` is what the kernel has, `written` what files say;
    None where not seen. `installed` is False where the machine has no auditctl, `off` is True where
    the kernel has rules but records nothing."""

    loaded: tuple[str, ...] | None = None
    written: tuple[str, ...] | None = None
    installed: bool = True
    off: bool = False

    def cover(self, file: File, permissions: str) -> bool:
        """Whether the rules as loaded record what is done to it; where those were not seen, the
        rules as written."""
        rules = (self.written or ()) if self.loaded is None else self.loaded
        places = {file.path, file.real_path, paths.normalise(file.path)}
        watches = () if self.off else audit.watches(rules)
        return any(watch.covers(place, permissions) for place in places for watch in watches)


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """The machine on which the engine runs, as far as `user` may see it.

    `files` has what was looked for, by the path that was asked for; None is what is not there.
    `unread` says why, by fact or path.
    """

    user: str = ""
    operating_system: str = ""
    kernel: str = ""
    security_modules: tuple[str, ...] | None = None
    sysctls: dict[str, str] = {}
    """By their names with dots; what this kernel does not have is missing."""
    mounts: tuple[FileSystem, ...] = ()
    """Of the engine's data: the mount that it lies in, and those above."""
    groups: dict[int, Group] = {}
    files: dict[str, File | None] = {}
    found_audit_rules: AuditRules = AuditRules()
    found_daemon: Daemon | None = None
    unread: dict[str, str] = {}

    def _know(self, fact: str) -> None:
        if fact in self.unread:
            raise Unread(fact, self.unread[fact])

    @property
    def daemon(self) -> Daemon:
        """Raises Unread where no process could be told to be the engine that was asked."""
        self._know("dockerd")
        if self.found_daemon is None:
            raise Unread("dockerd", "its process was not seen")
        return self.found_daemon

    def file(self, path: str) -> File | None:
        """None where there is no such file. Raises Unread where it may not be looked at."""
        self._know("files")
        path = paths.normalise(path)
        self._know(path)
        if path not in self.files:
            raise Unread(path, "it was not looked at")
        return self.files[path]

    def below(self, folder: str) -> Iterator[File]:
        """The files that were seen in a folder, each once, however many links lead to it. Raises
        Unread at the end where some may not be looked at."""
        self._know("files")
        folder, seen = paths.normalise(folder), set()
        for path, file in sorted(self.files.items()):
            if file and path.startswith(folder + "/") and file.real_path not in seen:
                seen.add(file.real_path)
                yield file
        for path, reason in self.unread.items():
            if path.startswith(folder + "/"):
                raise Unread(path, reason)

    def group(self, gid: int) -> Group:
        if gid not in self.groups:
            raise Unread("/etc/group", f"group {gid} was not read")
        return self.groups[gid]

    def sysctl(self, name: str) -> str | None:
        """None where this kernel has no such value. Raises Unread for one that was not asked."""
        self._know("sysctl")
        self._know(name)
        if name.replace(".", "/") not in SYSCTLS:
            raise Unread(f"sysctl: {name}", "it was not looked at")
        return self.sysctls.get(name)

    def mount_of(self, path: str) -> FileSystem:
        """The file system that a path lies on. Only for the engine's data and what is above."""
        self._know("/proc/self/mountinfo")
        found = [m for m in self.mounts if paths.under(path, m.mount_point)]
        if not found:
            raise Unread("/proc/self/mountinfo", f"no mount holds {path}")
        return max(found, key=lambda mount: len(mount.mount_point))

    @property
    def audit_rules(self) -> AuditRules:
        self._know("audit")
        return self.found_audit_rules
