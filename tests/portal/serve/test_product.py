"""One command starts everything, keeps it running, and stops it without a trace."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from portal.serve.launch import launched
from tests.support.product import Product
from tests.support.services import redis_database

pytestmark = [pytest.mark.postgres, pytest.mark.redis]

ADMINISTRATOR = {
    "bootstrap_email": "alice@example.com",
    "bootstrap_password": "correct horse battery",
}


def eventually(true: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    started = Product(tmp_path_factory.mktemp("product") / "data", **ADMINISTRATOR)
    try:
        yield started.start().wait_until_ready()
    finally:
        started.end()


def test_it_says_where_it_is_and_who_may_sign_in(product: Product):
    said = product.output()
    assert f"Plimsoll is running at {product.address}/" in said
    assert "Sign in as alice@example.com." in said
    assert ADMINISTRATOR["bootstrap_password"] not in said


def test_all_parts_are_ready_by_name(product: Product):
    status, parts = product.readiness()
    assert status == 200
    assert {name: part["ok"] for name, part in parts.items()} == {
        "database": True,
        "broker": True,
        "worker": True,
        "slow-worker": True,
        "beat": True,
    }


def test_nothing_of_it_is_readable_by_other_users(product: Product):
    assert (product.data / "secret_key").stat().st_mode & 0o077 == 0
    assert (product.data / "credential_keys").stat().st_mode & 0o077 == 0
    assert (product.data / "postgres").stat().st_mode & 0o077 == 0
    assert (product.data / "run" / "pg").stat().st_mode & 0o077 == 0
    assert (product.data / "run" / "valkey.sock").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "words", ["portal worker", "portal beat", "gunicorn", "bin/postgres", "valkey-server"]
)
def test_a_killed_process_comes_back_by_itself(product: Product, words: str):
    before = {number for number, command in product.processes().items() if words in command}
    assert before
    killed = time.monotonic()
    for number in before:
        os.kill(number, signal.SIGKILL)

    def replaced() -> bool:
        now = {number for number, command in product.processes().items() if words in command}
        return bool(now) and not now & before

    def works_again() -> bool:
        status, parts = product.readiness()
        passed = time.monotonic() - killed
        return status == 200 and all(
            parts[name]["age_seconds"] < passed - 1 for name in ("worker", "slow-worker", "beat")
        )

    assert eventually(replaced)
    assert eventually(works_again), product.readiness()


def test_a_second_start_on_the_same_data_is_refused_in_plain_words(product: Product):
    second = Product(product.data, **ADMINISTRATOR)
    second.said = product.said.with_name("second.out")
    assert second.start().exit_code() == 1
    assert "It already runs with" in second.output()
    assert "Traceback" not in second.output()


def test_a_taken_port_is_refused_and_names_the_variable(product: Product, tmp_path: Path):
    other = Product(tmp_path / "data", port=product.port, **ADMINISTRATOR)
    assert other.start().exit_code() == 1
    assert "PLIMSOLL_PORT" in other.output()


def test_however_it_ends_nothing_is_left_running_and_the_data_is_kept(tmp_path: Path):
    product = Product(tmp_path / "data", **ADMINISTRATOR).start().wait_until_ready()
    kill(product, "portal.serve")
    assert product.exit_code() == -signal.SIGKILL
    assert eventually(lambda: product.processes() == {})

    product = Product(tmp_path / "data").start().wait_until_ready()
    assert "Sign in with your account." in product.output()
    kill(product, "supervisor.supervisord")
    assert product.exit_code() == 1
    assert "The supervisor ended by itself." in product.output()
    assert eventually(lambda: product.processes() == {})

    product = Product(tmp_path / "data").start().wait_until_ready()
    assert "Sign in with your account." in product.output()
    stops_cleanly(product, signal.SIGTERM)


def test_an_ordinary_user_with_a_long_data_directory_needs_nothing_more(tmp_path: Path):
    long = tmp_path / ("100% long, " * 10) / "data"
    long.parent.mkdir()
    # In a user namespace root's process is an ordinary user; who is one already needs none.
    by = tuple(launched(way="namespace")) if os.getuid() == 0 else ()
    product = Product(long, **ADMINISTRATOR).start(by=by).wait_until_ready()
    assert product.readiness()[0] == 200
    assert not (long / "run" / "pg").exists()  # a socket's path may not be that long
    stops_cleanly(product, signal.SIGINT)


def test_named_servers_are_used_and_none_is_started(tmp_path: Path):
    database = os.environ["PLIMSOLL_DATABASE_URL"]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS product")
        connection.execute("CREATE DATABASE product")
    named = {
        "database_url": urlunsplit(urlsplit(database)._replace(path="/product")),
        "redis_url": redis_database(os.environ["PLIMSOLL_REDIS_URL"], 15),
    }
    product = Product(tmp_path / "data", **ADMINISTRATOR, **named).start().wait_until_ready()
    try:
        assert product.readiness()[0] == 200
        assert not (product.data / "postgres").exists()
        assert not (product.data / "valkey").exists()
    finally:
        assert product.end() == 0
    with psycopg.connect(named["database_url"]) as connection:
        found = connection.execute("SELECT email FROM accounts_user").fetchall()
    assert found == [("alice@example.com",)]


def kill(product: Product, module: str) -> None:
    [number] = [
        number for number, command in product.processes().items() if f"-m {module}" in command
    ]
    os.kill(number, signal.SIGKILL)


def stops_cleanly(product: Product, how: signal.Signals) -> None:
    began = time.monotonic()
    assert product.end(how) == 0
    assert time.monotonic() - began < 15
    assert product.processes() == {}
    assert "Stopped." in product.output()
    log = (product.data / "log" / "postgres.log").read_text()
    assert log.rstrip().endswith("database system is shut down")


def test_a_wrong_setting_ends_the_start_with_its_name(tmp_path: Path):
    product = Product(tmp_path / "data", worker_concurrency="many").start()
    assert product.exit_code() == 1
    assert (
        "cannot start. PLIMSOLL_WORKER_CONCURRENCY='many' must be a whole number"
        in product.output()
    )
    assert "Traceback" not in product.output()
    assert product.processes() == {}
