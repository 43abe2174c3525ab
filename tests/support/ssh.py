"""A real OpenSSH server on an engine's own host: `SshServer.start(engine)`.

It runs in the mounts and processes of that host, so that paths, users and groups are the host's,
and listens on 127.0.0.1 of this machine. It ends with the host at the latest.
"""

import os
import re
import shlex
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from scanner.transport.certificates import generate_key
from scanner.transport.credentials import Ssh
from tests.support.engines import Engine, EngineFailed
from tests.support.machines import first_process

START_SECONDS = 20
MEMBER, VISITOR = "plimsoll", "visitor"
"""Users of the host: one in the group that may use Docker, and one outside of it."""

_USERS = {MEMBER: 62001, VISITOR: 62002}
_TOOLS = ("sh", "stat", "id", "head", "tr", "cat", "ls", "sed", "grep", "readlink")

CONFIGURATION = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {directory}/host_key
PidFile none
AuthorizedKeysFile {directory}/keys/%u
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
UseDNS no
LogLevel DEBUG1
"""


@dataclass
class SshServer:
    engine: Engine
    directory: Path
    options: tuple[str, ...]
    port: int
    key: str
    """The private key that lets `plimsoll`, `visitor` and `root` in."""
    host_key: str = ""
    """The server's public key."""
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @classmethod
    def start(cls, engine: Engine, *, options: tuple[str, ...] = ()) -> "SshServer":
        """`options` are lines of sshd_config; they win over those that are always there."""
        number = len(list(engine.directory.glob("ssh-*")))
        directory = engine.directory / f"ssh-{number}"
        (directory / "keys").mkdir(parents=True)
        directory.chmod(0o755)
        _add_users(engine)
        key, public = generate_key()
        server = cls(engine, directory, options, _free_port(), key)
        for user in (*_USERS, "root"):
            server.authorize(user, public)
        server.renew_host_key()
        return server

    @property
    def credentials(self) -> Ssh:
        return Ssh(key=self.key, host_key=self.host_key)

    def url(self, user: str = MEMBER, path: str = "") -> str:
        return f"ssh://{user}@127.0.0.1:{self.port}{path}"

    def authorize(self, user: str, line: str) -> None:
        """The only line of the user's authorized_keys."""
        file = self.directory / "keys" / user
        file.write_text(line + "\n")
        file.chmod(0o644)

    def bind_to(self, user: str, command: str) -> None:
        """From now on the key may do nothing but this command."""
        line = (self.directory / "keys" / user).read_text().strip()
        self.authorize(user, f'restrict,command="{command}" {line}')

    def renew_host_key(self, kind: str = "ed25519") -> None:
        """As if the machine were set up anew; starts the server, again or for the first time."""
        self.stop()
        file = self.directory / "host_key"
        for old in (file, file.with_suffix(".pub")):
            old.unlink(missing_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "", "-f", file], check=True)
        self.host_key = file.with_suffix(".pub").read_text().strip()
        self._run()

    def log(self) -> str:
        return (self.directory / "log").read_text(errors="replace")

    def connections(self) -> int:
        """How many there have been, those that were refused included."""
        return self.log().count("Connection from 127.0.0.1")

    def most_channels(self) -> int:
        """How many were open at the same time, at most. For a server with one connection."""
        most = now = 0
        for word in re.findall(r"channel \d+: (new|free)", self.log()):
            now += 1 if word == "new" else -1
            most = max(most, now)
        return most

    def stop(self) -> None:
        if self._process is None:
            return
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait(START_SECONDS)
        self._process = None

    def freeze(self) -> None:
        """Lets it hang: the kernel still takes connections, and nobody answers."""
        assert self._process is not None
        pid = self._process.pid
        [child] = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        os.kill(int(child), signal.SIGSTOP)  # nsenter sees that and stops itself too
        while "State:\tT" not in Path(f"/proc/{pid}/status").read_text():
            time.sleep(0.01)

    def thaw(self) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGCONT)

    def _run(self) -> None:
        config = self.directory / "sshd_config"
        text = CONFIGURATION.format(port=self.port, directory=self.directory)
        config.write_text("\n".join(self.options) + "\n" + text)
        inside = f"mkdir -p /run/sshd && exec /usr/sbin/sshd -D -e -f {shlex.quote(str(config))}"
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *("nsenter", f"--target={first_process(self.engine)}", "--mount", "--pid"),
                    *("--uts", "--", "sh", "-c", inside),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise EngineFailed(f"the SSH server did not start:\n{self.log()[-3000:]}")
            time.sleep(0.02)
        (self.directory / "log").write_text("")

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as attempt:
                return attempt.recv(4) == b"SSH-"
        except OSError:
            return False


def without_docker(engine: Engine) -> str:
    """An option for a server on whose PATH there is no docker command."""
    directory = engine.directory / "few-programs"
    if not directory.exists():
        directory.mkdir()
        directory.chmod(0o755)
        for tool in _TOOLS:
            (directory / tool).symlink_to(f"/usr/bin/{tool}")
    return f"SetEnv PATH={directory}"


def _add_users(engine: Engine) -> None:
    engine.directory.chmod(0o755)
    users = engine.directory / "users"
    lines = {f"{name}:x:{uid}:{uid}::/:/bin/sh\n" for name, uid in _USERS.items()}
    _add(users / "passwd", lines)
    _add(users / "group", {f"{name}:x:{uid}:\n" for name, uid in _USERS.items()})
    group = (users / "group").read_text().splitlines()
    [docker] = [line for line in group if line.startswith("docker:")]
    if MEMBER not in docker:
        # In place: the file is mounted in the host.
        joined = docker + ("" if docker.endswith(":") else ",") + MEMBER
        (users / "group").write_text("\n".join(group).replace(docker, joined) + "\n")


def _add(file: Path, lines: set[str]) -> None:
    text = file.read_text()
    with file.open("a") as users:
        users.writelines(sorted(line for line in lines if line not in text))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
