"""What is run over SSH to find the way to an engine, beside what reads the machine."""

import shlex

from scanner.transport.address import DEFAULT_SOCKET

CHECK, CHECKED = "echo plimsoll", b"plimsoll\n"
# Says in one word what is wrong with the socket, and to whom it belongs.
_LOOK = """\
if [ ! -e "$1" ]; then echo missing; elif [ ! -S "$1" ]; then echo other
elif [ -r "$1" ] && [ -w "$1" ]; then echo usable; else echo denied; fi
stat -L -c %G -- "$1"
"""


def look_at(path: str) -> str:
    return shlex.join(["sh", "-c", _LOOK, "sh", path])


COMMANDS = (CHECK, look_at(DEFAULT_SOCKET))
"""What is run beside reading: the first to see if commands can be run, the second where a login
does not lead to the engine."""
