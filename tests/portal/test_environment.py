import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from portal import environment


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p@db:5433/plimsoll", ("u", "p", "db", "5433", "plimsoll")),
        ("postgres://u:p%40ss@[::1]/plimsoll", ("u", "p@ss", "::1", "", "plimsoll")),
        ("postgresql://u@/x?host=%2Frun%2Fpg", ("u", "", "/run/pg", "", "x")),
    ],
)
def test_a_database_address_is_taken_apart(url: str, expected: tuple[str, ...]):
    made = environment.database(url)
    assert tuple(made[key] for key in ("USER", "PASSWORD", "HOST", "PORT", "NAME")) == expected


def test_options_of_the_database_address_reach_the_driver():
    made = environment.database("postgresql://u@db/x?sslmode=verify-full&connect_timeout=1")
    assert made["OPTIONS"] == {"sslmode": "verify-full", "connect_timeout": "1"}


@pytest.mark.parametrize("url", ["mysql://u@db/x", "postgresql://u@db", "sqlite:///x", "db"])
def test_what_is_no_postgresql_is_refused(url: str):
    with pytest.raises(ImproperlyConfigured, match="PLIMSOLL_DATABASE_URL"):
        environment.database(url)


@pytest.mark.parametrize("url", ["redis://h/0", "rediss://h/0", "redis+socket:///run/x.sock"])
def test_every_form_of_redis_address_is_taken(url: str):
    assert environment.redis_address(url) == url


def test_what_is_no_redis_is_refused():
    with pytest.raises(ImproperlyConfigured, match="PLIMSOLL_REDIS_URL"):
        environment.redis_address("amqp://h")


@pytest.mark.parametrize("given", ["-1", "ten", "1.5", "1_0", "101", "\u0663"])
def test_a_number_out_of_bounds_or_none_is_refused(given: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PLIMSOLL_SOME", given)
    with pytest.raises(ImproperlyConfigured, match="a whole number from 0 to 100"):
        environment.number("SOME", 5, least=0, most=100)


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PLIMSOLL_SOME", " ")
    assert environment.number("SOME", 5, least=0, most=100) == 5
    assert environment.text("SOME", "default") == "default"
    assert environment.words("SOME") == []


def test_a_value_may_lie_in_a_file_and_the_variable_itself_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "password").write_text("from the file\n")
    monkeypatch.setenv("PLIMSOLL_SOME_FILE", str(tmp_path / "password"))
    assert environment.text("SOME", "default") == "from the file"
    monkeypatch.setenv("PLIMSOLL_SOME", "said aloud")
    assert environment.text("SOME", "default") == "said aloud"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PLIMSOLL_SOME_FILE", str(tmp_path / "absent"))
    with pytest.raises(ImproperlyConfigured, match=r"PLIMSOLL_SOME_FILE must name .*absent"):
        environment.text("SOME", "default")
    (tmp_path / "binary").write_bytes(b"\xff")
    monkeypatch.setenv("PLIMSOLL_SOME_FILE", str(tmp_path / "binary"))
    with pytest.raises(ImproperlyConfigured, match="PLIMSOLL_SOME_FILE"):
        environment.text("SOME", "default")


@pytest.mark.parametrize(("given", "expected"), [("1", True), ("no", False), ("True", True)])
def test_a_switch_is_on_or_off(given: str, expected: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PLIMSOLL_SOME", given)
    assert environment.switch("SOME") is expected


def test_a_switch_is_nothing_else(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PLIMSOLL_SOME", "perhaps")
    with pytest.raises(ImproperlyConfigured, match="PLIMSOLL_SOME='perhaps' must be 1 or 0"):
        environment.switch("SOME")


def test_the_secret_key_is_made_once_and_kept_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("PLIMSOLL_SECRET_KEY")
    first = environment.secret_key(tmp_path / "data")
    assert len(first) > 60
    assert environment.secret_key(tmp_path / "data") == first
    [kept] = (tmp_path / "data").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.stat().st_uid == os.getuid()


@pytest.mark.parametrize(("proxies", "secure"), [("0", False), ("1", True)])
def test_behind_a_proxy_cookies_are_sent_over_tls_only(proxies: str, secure: bool):
    ask = "from portal import settings as s; print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE)"
    done = subprocess.run(
        [sys.executable, "-c", ask],
        env=os.environ | {"PLIMSOLL_TRUSTED_PROXIES": proxies},
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(secure)] * 2
