"""What the launcher itself needs from the environment; portal.settings reads all the rest."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from portal import environment as variables
from portal.serve.places import Places
from portal.serve.refused import Refused

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Options:
    places: Places
    database_url: str
    redis_url: str
    credential_keys: str
    bind: str
    port: int

    @property
    def listen(self) -> str:
        return f"[{self.bind}]:{self.port}" if ":" in self.bind else f"{self.bind}:{self.port}"

    @property
    def address(self) -> str:
        """Where a browser on this machine finds the product."""
        everywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 compared, not bound
        host = everywhere.get(self.bind, self.listen.rpartition(":")[0])
        return f"http://{host}:{self.port}"


def read(environment: Mapping[str, str]) -> Options:
    def given(name: str, default: str = "") -> str:
        try:
            return variables.given(name, environment) or default
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(
                f"PLIMSOLL_{name}_FILE must name a file of text that can be read: {error}."
            ) from error

    port = given("PORT", "8000")
    if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise Refused(f"PLIMSOLL_PORT={port!r} must be a whole number from 1 to 65535.")
    return Options(
        places=Places(Path(given("DATA_DIR", str(ROOT / "var"))).expanduser().absolute()),
        database_url=given("DATABASE_URL"),
        redis_url=given("REDIS_URL"),
        credential_keys=given("CREDENTIAL_KEYS"),
        bind=given("BIND", "127.0.0.1"),
        port=int(port),
    )
