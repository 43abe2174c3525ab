"""Starts a simulated fleet in a process of its own, and tells it what to do."""

import asyncio
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.simulator.server import Fleet

START_SECONDS = 60


class Simulator:
    """`with Simulator(hosts=30, containers=12) as fleet:` serves that world until the end of it.

    `began` is the day of step 0, for the times that containers tell; each step is a day. With a
    `directory` each host is a unix socket in it, else a loopback address of its own.
    """

    def __init__(
        self,
        *,
        seed: int = 7,
        hosts: int = 44,
        containers: int = 14,
        churn: float = 0.005,
        steps: int = 0,
        began: date | None = None,
        directory: Path | None = None,
        port: int | None = None,
    ) -> None:
        self._own = tempfile.TemporaryDirectory(prefix="plimsoll-fleet-")
        self._control = Path(self._own.name) / "control.sock"
        numbers = {"seed": seed, "hosts": hosts, "containers": containers, "churn": churn}
        options = [f"--{name}={value}" for name, value in numbers.items()]
        options += [f"--steps={steps}", f"--control={self._control}"]
        if began is not None:
            options.append(f"--began={began}")
        if port is not None:
            options.append(f"--port={port}")
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
            options.append(f"--directory={directory}")
        self._command = [sys.executable, "-m", "benchmarks.simulator", *options]
        self._process: subprocess.Popen[bytes] | None = None
        self.urls: list[str] = []
        self.hosts: list[dict[str, str]] = []

    def __enter__(self) -> Self:
        root = Path(__file__).resolve().parents[2]
        self._process = subprocess.Popen(self._command, cwd=root, start_new_session=True)
        ends = time.monotonic() + START_SECONDS
        while not self._control.exists():
            if self._process.poll() is not None or time.monotonic() > ends:
                raise RuntimeError("the simulated fleet did not start")
            time.sleep(0.05)
        said = self._ask("hosts")
        self.urls, self.hosts = said["urls"], said["hosts"]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=30)
        self._own.cleanup()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def requests(self) -> int:
        """How many were answered so far."""
        return int(self._ask("requests")["requests"])

    def step(self, times: int = 1) -> int:
        """The world moves on. Returns to how many containers something happened."""
        return int(self._ask("step", times=times)["changed"])

    def mend(self, fault: str, environment: str = "") -> int:
        """See World.mend."""
        return int(self._ask("mend", fault=fault, environment=environment)["mended"])

    def behave(self, hosts: Iterable[int], behaviour: str) -> None:
        """See BEHAVIOURS in benchmarks/simulator/server.py."""
        self._ask("behave", hosts=list(hosts), behaviour=behaviour)

    def _ask(self, verb: str, **more: Any) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as way:
            way.settimeout(60)
            way.connect(str(self._control))
            way.sendall(json.dumps({"verb": verb, **more}).encode() + b"\n")
            with way.makefile("rb") as said:
                answer: dict[str, Any] = json.loads(said.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer


async def obey(fleet: Fleet, control: Path) -> None:
    """Takes commands on a unix socket until it is cancelled."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            try:
                answer = await _do(fleet, json.loads(line))
            except (KeyError, ValueError, IndexError) as error:
                answer = {"error": repr(error)}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(take, str(control), limit=4 * 1024 * 1024)
    async with server:
        await server.serve_forever()


async def _do(fleet: Fleet, command: dict[str, Any]) -> dict[str, Any]:
    match command["verb"]:
        case "hosts":
            hosts = [
                {"name": host.name, "environment": host.environment} for host in fleet.world.hosts
            ]
            return {"urls": [fleet.url(number) for number in range(len(hosts))], "hosts": hosts}
        case "requests":
            return {"requests": fleet.requests}
        case "step":
            return {"changed": sum(fleet.world.step() for _ in range(command["times"]))}
        case "mend":
            return {"mended": fleet.world.mend(command["fault"], command["environment"])}
        case "behave":
            for number in command["hosts"]:
                await fleet.behave(number, command["behaviour"])
            return {}
    raise ValueError(f"no command {command['verb']}")
