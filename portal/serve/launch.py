"""Becomes one program that ends when its parent ends, without root's rights where it wants none.

Started by its path, so that it imports nothing of the portal: `python launch.py WAY PROGRAM
ARGUMENTS`, where WAY is "as-we-are", "namespace" or "nobody".
"""

import ctypes
import os
import pwd
import signal
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
OTHER_ID = 65534


def launched(*program: str, way: str = "as-we-are") -> list[str]:
    """The command that runs a program by way of this file."""
    return [sys.executable, str(Path(__file__).resolve()), way, *program]


def enter_namespace() -> None:
    """The process keeps its files' owner outside and is an ordinary user inside."""
    uid, gid = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{OTHER_ID} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{OTHER_ID} {gid} 1")


def become_nobody() -> None:
    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)


def end_with_parent() -> None:
    """A killed supervisor leaves nothing running. Last, for a change of user forgets it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)


def main(way: str, program: str, *arguments: str) -> None:
    if way == "namespace":
        enter_namespace()
    elif way == "nobody":
        become_nobody()
    end_with_parent()
    os.execv(program, [program, *arguments])  # noqa: S606 no shell: the arguments go on as they are


if __name__ == "__main__":
    main(*sys.argv[1:])
