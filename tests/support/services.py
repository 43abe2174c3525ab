"""Starts PostgreSQL and Valkey once for a test run, before Django reads its settings.

A pytest plugin (`-p tests.support.services`). With xdist, the first process starts the servers
and the workers share them, each with its own database and its own Redis database number.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Generator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings

from portal.serve.postgres import Postgres
from portal.serve.valkey import Valkey

# A test run's data is thrown away, so nothing need reach the disk.
FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=200")


class Services:
    """The servers of one test run, under one directory that goes when they stop."""

    def __init__(self, options: tuple[str, ...] = FAST) -> None:
        self.options = options
        self.directory = Path(tempfile.mkdtemp(prefix="plimsoll-tests-"))
        self.processes: list[subprocess.Popen[bytes]] = []

    def start_postgres(self) -> str:
        server = Postgres(self.directory / "postgres", self.directory / "pg", options=self.options)
        server.prepare()
        self._start("postgres", server.command())
        server.wait_until_ready()
        server.create_database()
        return server.url()

    def start_valkey(self) -> str:
        server = Valkey(self.directory / "valkey", self.directory / "valkey.sock")
        server.prepare()
        self._start("valkey", server.command())
        server.wait_until_ready()
        return server.url()

    def stop(self) -> None:
        for process in reversed(self.processes):
            # PostgreSQL's "fast" shutdown; a test may have left a connection open.
            process.send_signal(signal.SIGINT)
        for process in self.processes:
            process.wait(timeout=30)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _start(self, name: str, command: list[str]) -> None:
        with (self.directory / f"{name}.log").open("wb") as log:
            started = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self.processes.append(started)


services = pytest.StashKey[Services]()


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        _take_redis_database(int(worker.removeprefix("gw")) + 1)
    else:
        early_config.stash[services] = started = Services()
        data = started.directory / "data"
        (data / "static").mkdir(parents=True)
        for name in [name for name in os.environ if name.startswith("PLIMSOLL_")]:
            if not name.startswith("PLIMSOLL_TEST_"):
                del os.environ[name]  # a developer's own settings would change what is tested
        given = os.environ.get
        os.environ |= {
            "PLIMSOLL_DATA_DIR": str(data),
            "PLIMSOLL_SECRET_KEY": "the tests have no secrets",
            "PLIMSOLL_CREDENTIAL_KEYS": "dGhlIHRlc3RzIGhhdmUgbm8gc2VjcmV0cyB0byBoaWQ=",
            "PLIMSOLL_DATABASE_URL": given("PLIMSOLL_TEST_DATABASE_URL")
            or started.start_postgres(),
            "PLIMSOLL_REDIS_URL": given("PLIMSOLL_TEST_REDIS_URL") or started.start_valkey(),
        }
    return (yield)


def pytest_configure() -> None:
    # Hashed names need `collectstatic`; a page under test links the plain ones.
    settings.STORAGES["staticfiles"]["BACKEND"] = (
        "django.contrib.staticfiles.storage.StaticFilesStorage"
    )


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    if started := config.stash.get(services, None):
        started.stop()


def _take_redis_database(number: int) -> None:
    os.environ["PLIMSOLL_REDIS_URL"] = redis_database(os.environ["PLIMSOLL_REDIS_URL"], number)


def redis_database(url: str, number: int) -> str:
    """The same server's database of this number."""
    if url.startswith("redis+socket:"):
        return f"{url.partition('?')[0]}?virtual_host={number}"
    return urlunsplit(urlsplit(url)._replace(path=f"/{number}"))
