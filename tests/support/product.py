"""The whole product as a person starts it: its own process, data directory, port and servers."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 120


class Product:
    def __init__(self, data: Path, *, port: int | None = None, **settings: str) -> None:
        self.data = data
        self.port = port or free_port()
        ours = {name: value for name, value in os.environ.items() if "PLIMSOLL_" not in name}
        self.environment = ours | {
            "PLIMSOLL_DATA_DIR": str(data),
            "PLIMSOLL_PORT": str(self.port),
            **{f"PLIMSOLL_{name.upper()}": value for name, value in settings.items()},
        }
        self.said = data.with_name(data.name + ".out")
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *arguments: str, by: tuple[str, ...] = ()) -> "Product":
        command = [*by, sys.executable, "-m", "portal.serve", *arguments]
        with self.said.open("wb") as out:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=out, stderr=out
            )
        return self

    def wait_until_ready(self) -> "Product":
        assert self.process is not None
        deadline = time.monotonic() + READY_SECONDS
        while "Stop with Ctrl-C" not in self.output():
            assert self.process.poll() is None, self.output()
            assert time.monotonic() < deadline, self.output()
            time.sleep(0.1)
        return self

    def output(self) -> str:
        return self.said.read_text()

    def readiness(self) -> tuple[int, dict[str, Any]]:
        """Status 0 while nobody listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            return answer.status, json.load(answer)
        except OSError:
            return 0, {}
        finally:
            connection.close()

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Asks it to end as Ctrl-C does, and returns its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.exit_code()

    def exit_code(self) -> int:
        """Waits for it to end by itself."""
        assert self.process is not None
        return self.process.wait(timeout=60)

    def processes(self) -> dict[int, str]:
        """Every process that was started for this data directory, with its command line."""
        mark = f"PLIMSOLL_DATA_DIR={self.data}\0".encode()
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (folder / "environ").read_bytes():
                    command = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                    found[int(folder.name)] = command.decode(errors="replace")
            except OSError:
                continue  # it ended while we looked, or it is not ours to look at
        return {number: command for number, command in found.items() if command}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number
