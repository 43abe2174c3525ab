"""Runs the commands and understands what they print. Believes nothing: every text is bounded, and
what was cut, refused or not understood is unread, with the reason.
"""

import posixpath
import re
import stat
from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from scanner import paths, redact
from scanner.errors import AnswerError
from scanner.machine import commands, options
from scanner.machine.model import AuditRules, Daemon, File, FileSystem, Group, Machine
from scanner.unread import Unread

_TEXT_LIMIT = 4096
_ENTRIES_LIMIT = 5000
_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFSOCK: "socket"}
_ID_LIMIT = 2**32


class Shell(Protocol):
    """Runs a command on the machine; what it prints is bounded in bytes and time. Raises
    AnswerError where it is not run to its end, another EngineError where the connection is lost."""

    def run(self, command: str) -> tuple[int, bytes]:
        """The exit status and standard output."""


class _Records:
    """What one command printed: by kind and name, the state and the content."""

    def __init__(self, shell: Shell, command: str) -> None:
        self.reason = ""
        try:
            status, output = shell.run(command)
        except AnswerError as error:
            status, output, self.reason = 0, b"", str(error)
        fields = output.split(b"\0")
        self.found: list[tuple[str, str, str, bytes]] = [
            (_text(fields[at]), _text(fields[at + 1]), _text(fields[at + 2]), fields[at + 3])
            for at in range(0, len(fields) - 4, 4)
        ]
        if not self.reason and (not self.found or self.found[-1][0] != "end"):
            self.reason = (
                "the answer of the host's shell was cut off"
                if self.found
                else f"the host's shell did not run the reading command (exit status {status})"
            )

    def of(self, kind: str) -> Iterator[tuple[str, str, bytes]]:
        return ((name, state, body) for found, name, state, body in self.found if found == kind)

    def one(self, kind: str, name: str) -> str | None:
        """The text; None where it is not there or was not read."""
        return next(
            (_line(b) for n, state, b in self.of(kind) if n == name and state == "read"), None
        )


def read(shell: Shell, *, data_root: str = "", socket: str = "") -> Machine:
    """What this user may see of the machine. `data_root` and `socket` are those of the engine that
    was asked: by them its process is told from others'.

    Raises EngineError where the connection is lost.
    """
    system = _Records(shell, commands.SYSTEM)
    engine = _Records(shell, commands.ENGINE)
    user = system.one("user", "") or ""
    unread: dict[str, str] = {}
    denied = f"permission denied for {_user(user)}"
    denied += ", as to everybody" if user.endswith(" 0") else "; as root it could be read"
    for facts, records in ((_SYSTEM_FACTS, system), (("dockerd", "files"), engine)):
        unread |= {fact: records.reason for fact in facts if records.reason}

    files = _files(engine, unread, denied)
    machine = Machine(
        user=user,
        operating_system=_operating_system(system),
        kernel=system.one("kernel", "") or "",
        security_modules=_modules(system),
        sysctls=_sysctls(system, unread, denied),
        mounts=_mounts(system, data_root, unread),
        groups=dict(_groups(engine)),
        files=files,
        found_audit_rules=_audit(system, unread, denied),
        unread=unread,
    )
    try:
        daemon = _daemon(engine, machine, data_root, socket, denied)
    except Unread as why:
        return msgspec.structs.replace(machine, unread={"dockerd": why.reason, **unread})
    return msgspec.structs.replace(machine, found_daemon=daemon)


_SYSTEM_FACTS = ("sysctl", "/proc/self/mountinfo", "audit", "security modules")


def _text(raw: bytes) -> str:
    """Bounded, and fit to be shown: what is no character, or none that can be seen, is written by
    its number."""
    text = raw[:_TEXT_LIMIT].decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _line(raw: bytes) -> str:
    return _text(raw.strip())


def _user(user: str) -> str:
    name, _, uid = user.rpartition(" ")
    return f"user {name}" if name else f"uid {uid}" if uid else "this user"


def _operating_system(system: _Records) -> str:
    release = next((body for _, _, body in system.of("release")), b"")
    found = re.search(rb"^PRETTY_NAME=[\"']?([^\"'\n]*)", release, re.MULTILINE)
    return _text(found[1])[:200] if found else ""


def _modules(system: _Records) -> tuple[str, ...] | None:
    listed = system.one("modules", "/sys/kernel/security/lsm")
    return None if listed is None else tuple(listed[:500].split(","))


def _sysctls(system: _Records, unread: dict[str, str], denied: str) -> dict[str, str]:
    found = {}
    for path, state, body in system.of("sysctl"):
        name = path.removeprefix("/proc/sys/").replace("/", ".")
        if state == "read":
            found[name] = _text(b" ".join(body.split()))[:200]
        elif state != "absent":
            unread[name] = denied
    return found


def _mounts(system: _Records, data_root: str, unread: dict[str, str]) -> tuple[FileSystem, ...]:
    """Only those that hold the engine's data: mounts of containers come and go."""
    wanted = {data_root, *paths.above(data_root)} if data_root.startswith("/") else {"/"}
    found: dict[str, FileSystem] = {}
    for _, _, body in system.of("mounts"):
        if len(body) > commands.FILE_LIMIT:
            unread["/proc/self/mountinfo"] = "the list of mounts is too long"
        for line in body.splitlines():
            fields = [_text(_unescaped(field)) for field in line.split(b" ")]
            if len(fields) == 4 and fields[2] in wanted:
                # The last one that was mounted there is the one that is seen.
                found[fields[2]] = FileSystem(*fields)
    return tuple(mount for _, mount in sorted(found.items()))


def _unescaped(field: bytes) -> bytes:
    return re.sub(rb"\\([0-3][0-7]{2})", lambda match: bytes([int(match[1], 8)]), field)


def _audit(system: _Records, unread: dict[str, str], denied: str) -> AuditRules:
    loaded: tuple[str, ...] | None = None
    written: list[str] | None = []
    off = False
    installed = False
    for name, state, body in system.of("audit"):
        if len(body) > commands.FILE_LIMIT:
            unread["audit"] = f"the audit rules in {name} are too long"
        lines = [line for line in map(_line, body.splitlines()) if line and line[0] != "#"]
        if name == "loaded":
            installed = state != "absent"
            loaded = tuple(lines[:_ENTRIES_LIMIT]) if state == "read" else None
        elif name == "status":
            off = lines == ["0"]
        elif state == "read" and written is not None:
            written += lines[:_ENTRIES_LIMIT]
        elif state != "absent":
            written = None
    if loaded is None and installed and written is None:
        unread.setdefault("audit", denied)
    kept = None if written is None else tuple(written[:_ENTRIES_LIMIT])
    return AuditRules(loaded, kept, installed, off)


def _files(engine: _Records, unread: dict[str, str], denied: str) -> dict[str, File | None]:
    found: dict[str, File | None] = {}
    for path, state, body in engine.of("file"):
        shown = redact.text(path, _TEXT_LIMIT)
        key = paths.normalise(shown)
        if state == "absent":
            # A pattern that fits nothing stays as it is, and a setting may look like a path.
            if "*" not in path and shown == path:
                found.setdefault(key, None)
        elif shown != path:
            unread[key] = "its name holds what looks like a secret"
        elif state != "read":
            unread[key] = denied if state == "denied" else "it could not be looked at"
        elif (file := _file(path, body)) is None:
            unread[key] = "what the host says of it could not be understood"
        elif found.get(key) is None:
            found[key] = file
    return found


def _file(path: str, said: bytes) -> File | None:
    line, _, real = said.partition(b"\n")
    fields = _text(line).split(" ", 4)
    if len(fields) != 5 or not re.fullmatch("[0-9a-f]{1,8}", fields[0]):
        return None
    numbers = [int(field) if re.fullmatch("[0-9]{1,11}", field) else -1 for field in fields[1:4]]
    if min(numbers) < 0 or max(numbers[:2]) >= _ID_LIMIT:
        return None
    mode = int(fields[0], 16)
    owner, _, group = fields[4].partition(":")
    return File(
        path=path,
        kind=_KINDS.get(stat.S_IFMT(mode), "other"),
        mode=stat.S_IMODE(mode),
        uid=numbers[0],
        gid=numbers[1],
        owner="" if owner == "UNKNOWN" else owner[:200],
        group="" if group == "UNKNOWN" else group[:200],
        # A directory's time changes with whatever comes and goes in it.
        changed=numbers[2] if stat.S_ISREG(mode) else 0,
        real_path=_text(real.removesuffix(b"\n")),
    )


def _groups(engine: _Records) -> Iterator[tuple[int, Group]]:
    for name, _, body in engine.of("group"):
        line, *primary = map(_text, body.split(b"\n")[:_ENTRIES_LIMIT])
        fields = line.split(":")
        if name.isascii() and name.isdigit() and len(name) < 11 and len(fields) == 4:
            members = {*fields[3].split(","), *primary}
            kept = sorted(member[:200] for member in members if member)
            yield int(name), Group(int(name), fields[0][:200], tuple(kept[:_ENTRIES_LIMIT]))


class _Process(msgspec.Struct, frozen=True):
    pid: str
    words: list[str]
    flags: dict[str, options.Value]
    depth: int
    daemon: Daemon


def _daemon(engine: _Records, machine: Machine, data_root: str, socket: str, denied: str) -> Daemon:
    """The process of the asked engine. Raises Unread where it cannot be told."""
    seen = [_process(engine, machine, pid, denied) for pid, _, _ in engine.of("words")]
    if not seen:
        raise Unread("dockerd", f"no process called dockerd is to be seen by {_user(machine.user)}")
    depth = _depth(engine, "self")
    candidates = [p for p in seen if p.depth <= depth] or seen
    candidates = [p for p in candidates if _is_asked(p.daemon, machine, data_root, socket)]
    if len(candidates) != 1:
        found = (
            f"{len(seen)} processes called dockerd run there" if seen[1:] else "dockerd runs there"
        )
        raise Unread("dockerd", f"{found}, and none can be told to be the engine that was asked")
    [process] = candidates
    if process.depth > depth and not process.daemon.rootless:
        raise Unread("dockerd", "the engine runs in a container; the host's files are not its own")
    return msgspec.structs.replace(process.daemon, socket=paths.normalise(socket) if socket else "")


def _process(engine: _Records, machine: Machine, pid: str, denied: str) -> _Process:
    body = next(body for name, _, body in engine.of("words") if name == pid)
    words = [_text(word) for word in body.split(b"\x1e")]
    uid = engine.one("user", pid) or ""
    config = engine.one("settings", pid) or ""
    daemon = Daemon(
        uid=int(uid) if uid.isascii() and uid.isdigit() and len(uid) < 11 else 0,
        home=engine.one("home", pid) or "",
        folder=paths.normalise(engine.one("folder", pid) or ""),
        runtime_folder=paths.normalise(engine.one("runtime", pid) or ""),
        usual_data_root=paths.normalise(engine.one("data", pid) or ""),
        program=words[0][:_TEXT_LIMIT],
        unit=engine.one("unit", pid) or "docker.service",
        flags=options.flags(words[1:]),
        config_file=config if config.startswith("/") else f"{config} (not an absolute path)",
    )
    state, content = next(((s, b) for n, s, b in engine.of("content") if n == config), ("", b""))
    changes: dict[str, Any] = {"stale": _stale(daemon, machine)}
    if state == "read":
        try:
            changes["settings"] = options.settings(content)
        except ValueError as error:
            changes |= {"unread": str(error), "broken": True}
    elif state != "absent":
        changes["unread"] = denied if state == "denied" else "the file could not be read"
    daemon = msgspec.structs.replace(daemon, **changes)
    return _Process(pid, words, daemon.flags, _depth(engine, pid), daemon)


def _depth(engine: _Records, process: str) -> int:
    """In how many PID namespaces it is, as seen from the reader's /proc."""
    said = next((body for name, _, body in engine.of("nesting") if name == process), b"")
    return max(1, len(said.split()) - 1)


def _stale(daemon: Daemon, machine: Machine) -> bool:
    """The daemon writes its pid file as it starts."""
    named = str(daemon.flags.get("pidfile") or f"{daemon.runtime_folder}/docker.pid")
    started = machine.files.get(paths.normalise(named))
    config = machine.files.get(paths.normalise(daemon.config_file))
    return bool(started and config and config.changed > started.changed)


def _is_asked(daemon: Daemon, machine: Machine, data_root: str, socket: str) -> bool:
    """Whether the engine's data are where the asked one has its own; where they are cannot be seen,
    whether it was told by a flag to listen where the asked one listens."""
    hidden = bool(daemon.unread) and "data-root" not in daemon.flags
    if hidden or not data_root:
        return "hosts" in daemon.flags and paths.normalise(socket) in daemon.sockets
    file = machine.files.get(daemon.data_root)
    places = {daemon.data_root, file.real_path if file else ""}
    # An engine that remaps users keeps its data one level down, in a directory called by ids.
    above, last = posixpath.split(data_root)
    return data_root in places or (above in places and bool(re.fullmatch(r"\d+\.\d+", last)))
