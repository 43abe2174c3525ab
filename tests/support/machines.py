"""A shell on an engine's own host, without a connection: `Local(engine).run("id -u")`."""

import subprocess
from pathlib import Path

from tests.support.engines import Engine

ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin"}  # what a plain user has over SSH
ROOTS_PATH = "PATH=/usr/local/sbin:/usr/sbin:/sbin:$PATH; export PATH\n"

# What is changed below these stays on the host of the engine and never reaches the machine. There
# is no systemd here: what advice asks of it is taken for done.
OWN_FILES = r"""
set -e
for place in /etc /usr/lib/systemd/system /usr/local/sbin; do
    mkdir -p "/run/own$place"
    cp -a "$place/." "/run/own$place/"
    mount --bind "/run/own$place" "$place"
done
printf '#!/bin/sh\n' > /usr/local/sbin/systemctl
chmod 755 /usr/local/sbin/systemctl
"""


class Local:
    """Runs commands in the engine's mounts, processes and network. `uid` and `gid` are those of
    the user, who has no other groups; `shell` is the program that runs them. `apart` False leaves
    them among the processes of the machine, which alone may ask the kernel's audit."""

    def __init__(
        self,
        engine: Engine,
        *,
        uid: int = 0,
        gid: int = 0,
        shell: tuple[str, ...] = ("/bin/sh",),
        apart: bool = True,
    ) -> None:
        self.complaints = b""
        self._command = ["nsenter", f"--target={first_process(engine)}", "--mount"]
        self._command += ["--net", "--uts", *(["--pid"] if apart else []), "--"]
        if uid or gid:
            self._command += ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]
        self._command += [*shell, "-c"]

    @classmethod
    def with_own_files(cls, engine: Engine) -> "Local":
        """A root shell on a host whose configuration may be changed."""
        shell = cls(engine)
        shell.do(OWN_FILES)
        return shell

    def run(self, command: str) -> tuple[int, bytes]:
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
        """What a command of root's prints that has to succeed."""
        status, output = self.run(ROOTS_PATH + command)
        said = output + self.complaints
        assert status == 0, said.decode(errors="replace")
        return output.decode(errors="replace")


def first_process(engine: Engine) -> str:
    """Of the engine's host: the child of what has made the host."""
    assert engine._process is not None, "the engine does not run"
    pid = engine._process.pid
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0]
