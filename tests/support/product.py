"""The whole product as a person starts it: its own process, data directory, port and servers."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connections
from django.db.utils import load_backend
from supervisor.xmlrpc import SupervisorTransport

from portal.environment import database
from portal.serve.places import Places
from portal.serve.postgres import Postgres

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
        self._began = 0.0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *arguments: str, by: tuple[str, ...] = ()) -> "Product":
        self._began = time.monotonic()
        command = [*by, sys.executable, "-m", "portal.serve", *arguments]
        with self.said.open("wb") as out:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=out, stderr=out
            )
        return self

    def started_seconds_ago(self) -> float:
        return time.monotonic() - self._began

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

    @contextmanager
    def tables(self) -> Iterator[None]:
        """Inside, models and actions of this process work on the product's own database. Wants
        `django_db_blocker.unblock()`, and no test of the same time with a database fixture."""
        places = Places(self.data)
        url = Postgres(places.postgres, places.postgres_sockets).url()
        ours = connections["default"]
        values = {**ours.settings_dict, **database(url)}
        theirs = load_backend(values["ENGINE"]).DatabaseWrapper(values, alias="default")
        connections["default"] = theirs
        try:
            yield
        finally:
            theirs.close()
            connections["default"] = ours

    def stop_part(self, name: str) -> None:
        """One of its processes, as in "valkey"; it stays down until start_part."""
        self._supervisor("stopProcess", name)

    def start_part(self, name: str) -> None:
        self._supervisor("startProcess", name)

    def _supervisor(self, call: str, name: str) -> None:
        socket = f"unix://{Places(self.data).supervisor_socket}"
        transport = SupervisorTransport(serverurl=socket)
        with xmlrpc.client.ServerProxy("http://localhost", transport=transport) as calls:
            getattr(calls.supervisor, call)(name)

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
