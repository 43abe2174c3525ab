"""The health checks of containers, started as the engine starts them."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from portal.core import heartbeat
from portal.serve import healthy

FILE = Path(healthy.__file__)


def asked(part: str, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-I", str(FILE), part],
        env=os.environ | {"PLIMSOLL_REDIS_URL": settings.REDIS_CLIENT_URL} | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stderr.strip()


def test_it_reads_the_signs_that_the_portal_leaves():
    assert healthy.KEPT_SECONDS == heartbeat.KEPT_SECONDS


def test_a_worker_lives_by_its_own_sign_and_not_by_that_of_another():
    own = f"worker@{socket.gethostname()}"
    with heartbeat.connect() as client:
        client.delete(heartbeat._key(own))
        heartbeat.beat(client, "worker")
        assert asked("worker") == (1, f"no sign of life of {own} yet")
        heartbeat.beat(client, own)
        assert asked("worker") == (0, "")
        client.expire(heartbeat._key(own), healthy.KEPT_SECONDS - healthy.LATE_SECONDS - 60)
        status, said = asked("worker")
        assert status == 1
        assert said.startswith(f"no sign of life of {own} for 12")
        client.delete(heartbeat._key(own))


def test_without_its_servers_it_says_which_one_is_missing(tmp_path: Path):
    nowhere = "redis://127.0.0.1:1/0"
    assert asked("beat", PLIMSOLL_REDIS_URL=nowhere) == (
        1,
        "Redis does not answer (ConnectionError)",
    )
    (tmp_path / "url").write_text("postgresql://u@127.0.0.1:1/x")
    status, said = asked("migrate", PLIMSOLL_DATABASE_URL_FILE=str(tmp_path / "url"))
    assert (status, said) == (1, "the database does not answer (OperationalError)")


@pytest.mark.django_db
def test_the_database_answers(tmp_path: Path):
    connection.ensure_connection()
    info = connection.connection.info
    (tmp_path / "url").write_text(
        f"postgresql://{info.user}:{info.password}@/{info.dbname}?host={info.host}&port={info.port}"
    )
    assert asked("migrate", PLIMSOLL_DATABASE_URL_FILE=str(tmp_path / "url")) == (0, "")
