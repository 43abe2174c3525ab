"""What the reading commands printed on real hosts: `machine("usual")` is that host as the scanner
sees it. `python -m tests.recorded.record_machines` records anew.
"""

import json
from pathlib import Path

from scanner.machine import COMMANDS, Machine, read

HERE = Path(__file__).parent / "shells"
DATA_ROOT = "/var/lib/docker"
SOCKET = "/run/docker.sock"


class Replay:
    """A shell that says what it said when it was recorded."""

    def __init__(self, answers: list[bytes]) -> None:
        self.answers = dict(zip(COMMANDS, answers, strict=True))

    def run(self, command: str) -> tuple[int, bytes]:
        return 0, self.answers[command]


def answers(name: str) -> list[bytes]:
    """One for each command. A name ends with "-busybox" where its tools were used."""
    texts = json.loads((HERE / f"{name}.json").read_text())
    return ["\0".join(fields).encode("utf-8", "surrogateescape") for fields in texts]


def machine(name: str, *, data_root: str = DATA_ROOT, socket: str = SOCKET) -> Machine:
    return read(Replay(answers(name)), data_root=data_root, socket=socket)


def rootless(name: str = "rootless") -> Machine:
    root = "/srv/engine/data/.local/share/docker"
    return machine(name, data_root=root, socket="/srv/engine/docker.sock")
