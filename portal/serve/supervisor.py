"""supervisord: its configuration, its process, and what the launcher asks of it."""

import os
import shlex
import subprocess
import sys
import time
import xmlrpc.client
from dataclasses import dataclass
from pathlib import Path

from supervisor.xmlrpc import SupervisorTransport

from portal.serve.launch import launched
from portal.serve.options import ROOT
from portal.serve.places import Places
from portal.serve.refused import Refused


@dataclass(frozen=True)
class Program:
    """Programs start by rising priority and stop by falling; those of one priority together."""

    name: str
    command: list[str]
    priority: int
    stop_signal: str = "TERM"
    stop_seconds: int = 8
    starts_first: bool = False

    def section(self, places: Places) -> str:
        lines = {
            "command": shlex.join(self.command).replace("%", "%%"),
            "autostart": str(self.starts_first).lower(),
            "autorestart": "true",
            "startretries": "20",
            "priority": str(self.priority),
            "stopsignal": self.stop_signal,
            "stopwaitsecs": str(self.stop_seconds),
            "killasgroup": "true",
            "redirect_stderr": "true",
            # supervisord expands this value twice, and all others once.
            "stdout_logfile": _escaped(places.logs / f"{self.name}.log").replace("%", "%%"),
            "stdout_logfile_maxbytes": "10MB",
            "stdout_logfile_backups": "5",
        }
        return _section(f"program:{self.name}", lines)


def configuration(places: Places, programs: list[Program]) -> str:
    daemon = {
        "nodaemon": "true",
        "silent": "true",
        "logfile": _escaped(places.logs / "supervisor.log"),
        "logfile_maxbytes": "10MB",
        "pidfile": _escaped(places.run / "supervisor.pid"),
        "childlogdir": _escaped(places.logs),
    }
    if os.getuid() == 0:
        daemon["user"] = "root"  # said on purpose, else it warns at every start
    listen = {"file": _escaped(places.supervisor_socket), "chmod": "0600"}
    factory = {"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"}
    late = ",".join(program.name for program in programs if not program.starts_first)
    sections = [
        _section("supervisord", daemon),
        _section("unix_http_server", listen),
        _section("rpcinterface:supervisor", factory),
        *(program.section(places) for program in programs),
    ]
    if late:
        # One group: the product's own processes are told to stop at the same moment.
        sections.append(_section("group:portal", {"programs": late, "priority": "900"}))
    return "\n".join(sections)


class Supervisor:
    def __init__(
        self, places: Places, programs: list[Program], environment: dict[str, str]
    ) -> None:
        self.places = places
        file = places.run / "supervisor.conf"
        file.write_text(configuration(places, programs))
        # A session of its own: Ctrl-C reaches the launcher alone, which stops all in order.
        self.process = subprocess.Popen(
            launched(sys.executable, "-m", "supervisor.supervisord", "--configuration", str(file)),
            stdin=subprocess.DEVNULL,
            env=environment,
            cwd=ROOT,
            start_new_session=True,
        )

    @property
    def calls(self) -> xmlrpc.client.ServerProxy:
        """A fresh connection for each call: this transport cannot mend one that broke."""
        socket = f"unix://{self.places.supervisor_socket}"
        return xmlrpc.client.ServerProxy(
            "http://localhost", transport=SupervisorTransport(serverurl=socket)
        )

    def wait_until_ready(self, seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.calls.supervisor.getState()
            except OSError as error:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    log = self.places.logs / "supervisor.log"
                    raise Refused(f"The supervisor did not start; see {log}.") from error
                time.sleep(0.05)
            else:
                return

    def start_portal(self) -> None:
        self.calls.supervisor.startProcessGroup("portal", False)

    def restart_portal(self) -> None:
        self.calls.supervisor.stopProcessGroup("portal", True)
        self.start_portal()

    def stop(self) -> None:
        """Returns when the whole tree is gone."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()


def _section(name: str, lines: dict[str, str]) -> str:
    return "\n".join([f"[{name}]", *(f"{key}={value}" for key, value in lines.items()), ""])


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")
