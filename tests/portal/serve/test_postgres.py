import os
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from portal.serve import postgres as module
from portal.serve.postgres import Postgres
from portal.serve.refused import Refused

pytestmark = pytest.mark.postgres


@contextmanager
def running(server: Postgres) -> Iterator[None]:
    server.prepare()
    with subprocess.Popen(server.command(), stderr=subprocess.DEVNULL) as process:
        try:
            server.wait_until_ready()
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)


def test_what_was_written_is_there_after_a_restart(tmp_path: Path):
    server = Postgres(tmp_path / "data", tmp_path / "socket")
    with running(server):
        server.create_database()
        server.create_database()  # a second time changes nothing
        with psycopg.connect(server.url()) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    with running(server), psycopg.connect(server.url()) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_it_is_reached_through_a_directory_that_is_closed_to_others(tmp_path: Path):
    server = Postgres(tmp_path / "data", tmp_path / "socket")
    with running(server), psycopg.connect(server.url("postgres")) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert stat.S_IMODE(server.sockets.stat().st_mode) == 0o700


def test_data_of_another_major_version_is_refused_and_untouched(tmp_path: Path):
    server = Postgres(tmp_path / "data", tmp_path / "socket")
    server.data.mkdir()
    (server.data / "PG_VERSION").write_text("15\n")
    with pytest.raises(Refused, match="was written by PostgreSQL 15"):
        server.prepare()
    assert [path.name for path in server.data.iterdir()] == ["PG_VERSION"]


def test_an_interrupted_first_start_is_begun_anew(tmp_path: Path):
    server = Postgres(tmp_path / "data", tmp_path / "socket")
    (tmp_path / "data.new").mkdir()
    (tmp_path / "data.new" / "half").write_text("")
    server.prepare()
    assert not (server.data / "half").exists()
    assert (server.data / "PG_VERSION").read_text().strip() == server.major_version()


def test_a_process_number_left_by_a_crash_does_not_stop_the_next_start(tmp_path: Path):
    server = Postgres(tmp_path / "data", tmp_path / "socket")
    server.prepare()
    # The number is another process's by now: this test's own.
    (server.data / "postmaster.pid").write_text(f"{os.getpid()}\n{server.data}\n")
    with running(server), psycopg.connect(server.url("postgres")) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.fixture
def no_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """As root on a system that refuses user namespaces."""
    monkeypatch.setattr(module.os, "getuid", lambda: 0)
    monkeypatch.setattr(module, "namespaces_work", lambda: False)


@pytest.mark.usefixtures("no_namespaces")
def test_a_directory_that_nobody_can_enter_is_named(tmp_path: Path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = Postgres(closed / "data", closed / "socket", programs=module.bundled_programs())
    with pytest.raises(Refused, match=r"the user nobody cannot enter .*Start Plimsoll as an ord"):
        server.prepare()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become nobody")
@pytest.mark.usefixtures("no_namespaces")
def test_root_without_namespaces_runs_it_as_nobody():
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o711)
        # The way to this checkout may be closed to others; that is another test's subject.
        package = module.bundled_programs().parents[1]
        for part in (package, package.with_name(f"{package.name}.libs")):
            shutil.copytree(part, directory / part.name, symlinks=True)
        programs = directory / package.name / "pginstall" / "bin"
        server = Postgres(directory / "data", directory / "socket", programs=programs)
        with running(server), psycopg.connect(server.url("postgres")) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
            assert server.data.owner() == "nobody"
        assert server.data.owner() == "nobody"
