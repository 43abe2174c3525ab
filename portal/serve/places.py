"""Where the running product keeps its files. Nothing here is installed on the system."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from portal.serve.refused import Refused

# A unix socket's path may have 107 bytes; the longest name that follows is ".s.PGSQL.5432.lock".
LONGEST_SOCKET_DIRECTORY = 80


@dataclass(frozen=True)
class Places:
    data: Path

    @property
    def postgres(self) -> Path:
        return self.data / "postgres"

    @property
    def valkey(self) -> Path:
        return self.data / "valkey"

    @property
    def credential_keys(self) -> Path:
        return self.data / "credential_keys"

    @property
    def logs(self) -> Path:
        return self.data / "log"

    @property
    def run(self) -> Path:
        return self.data / "run"

    @property
    def sockets(self) -> Path:
        """`run`, or a short private directory where that path is too long for a socket."""
        if len(os.fsencode(self.run)) <= LONGEST_SOCKET_DIRECTORY:
            return self.run
        key = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"plimsoll-{os.getuid()}-{key}"

    @property
    def postgres_sockets(self) -> Path:
        return self.sockets / "pg"

    @property
    def valkey_socket(self) -> Path:
        return self.sockets / "valkey.sock"

    @property
    def supervisor_socket(self) -> Path:
        return self.sockets / "supervisor.sock"

    def create(self) -> None:
        try:
            for directory in (self.data, self.logs, self.run, self.sockets):
                directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Refused(f"PLIMSOLL_DATA_DIR={self.data} cannot be used: {error}.") from error
        for directory in (self.run, self.sockets):
            if directory.is_symlink() or directory.stat().st_uid != os.getuid():
                raise Refused(f"{directory} belongs to somebody else. Remove it and start again.")
            # Each socket inside has its own permissions; the database may run as another user.
            directory.chmod(0o711)
