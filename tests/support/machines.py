"""A shell on an engine's own host, without a connection: `Local(engine).run("id -u")`."""

import subprocess
from pathlib import Path

from tests.support.engines import Engine

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}  # what sshd gives, and no more


class Local:
    """Runs commands in the engine's mounts, processes and network. `uid` and `gid` are those of
    the user, who has no other groups; `shell` is the program that runs them."""

    def __init__(
        self, engine: Engine, *, uid: int = 0, gid: int = 0, shell: tuple[str, ...] = ("/bin/sh",)
    ) -> None:
        self.ran: list[str] = []
        self._command = ["nsenter", f"--target={first_process(engine)}", "--mount", "--pid"]
        self._command += ["--net", "--uts", "--"]
        if uid or gid:
            self._command += ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]
        self._command += [*shell, "-c"]

    def run(self, command: str) -> tuple[int, bytes]:
        self.ran.append(command)
        done = subprocess.run(
            [*self._command, command],
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
        )
        self.complaints = done.stderr
        return done.returncode, done.stdout

    def do(self, command: str) -> str:
        """What a command prints that has to succeed."""
        status, output = self.run(f"exec 2>&1; {command}")
        assert status == 0, output.decode(errors="replace")
        return output.decode(errors="replace")


def first_process(engine: Engine) -> str:
    """Of the engine's host: the child of what has made the host."""
    assert engine._process is not None, "the engine does not run"
    pid = engine._process.pid
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0]
