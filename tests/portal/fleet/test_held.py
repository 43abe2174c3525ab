"""What a form was given waits in the session: encrypted, for an hour, a few forms at a time."""

from datetime import timedelta

import pytest
from django.contrib.sessions.backends.db import SessionStore
from pytest_django.fixtures import Settings

from portal.fleet import held
from tests.fleet import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def session() -> SessionStore:
    return SessionStore()


def test_it_comes_back_under_its_number(session: SessionStore):
    number = held.keep(session, "", {"ssh_key": "väry secret"}, now=NOW)
    assert held.take(session, number, now=NOW) == {"ssh_key": "väry secret"}
    assert held.keep(session, number, {"ssh_key": "other"}, now=NOW) == number
    assert held.take(session, number, now=NOW) == {"ssh_key": "other"}
    assert held.take(session, "guessed", now=NOW) == {}


def test_a_number_that_was_made_up_is_replaced(session: SessionStore):
    assert held.keep(session, "made up", {"a": "b"}, now=NOW) != "made up"


def test_the_session_holds_it_encrypted(session: SessionStore):
    held.keep(session, "", {"ssh_key": "marmalade" * 100}, now=NOW)
    session.save()
    assert "marmalade" not in str(dict(session.items()))
    assert "marmalade" not in session.encode(session.load())


def test_it_ends_after_an_hour(session: SessionStore):
    number = held.keep(session, "", {"a": "b"}, now=NOW)
    later = NOW + held.LIFE
    assert held.take(session, number, now=later) == {"a": "b"}
    assert held.take(session, number, now=later + timedelta(seconds=1)) == {}


def test_the_latest_few_are_kept(session: SessionStore):
    numbers = [
        held.keep(session, "", {"n": str(count)}, now=NOW + timedelta(seconds=count))
        for count in range(held.AT_MOST + 1)
    ]
    found = [held.take(session, number, now=NOW) for number in numbers]
    assert found == [{}, *({"n": str(count)} for count in range(1, held.AT_MOST + 1))]


def test_it_is_forgotten(session: SessionStore):
    number = held.keep(session, "", {"a": "b"}, now=NOW)
    held.forget(session, number, now=NOW)
    held.forget(session, "unknown", now=NOW)
    assert held.take(session, number, now=NOW) == {}


def test_under_another_key_it_is_gone_and_nothing_breaks(session: SessionStore, settings: Settings):
    number = held.keep(session, "", {"a": "b"}, now=NOW)
    settings.CREDENTIAL_KEYS = ["b3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIhISE="]
    assert held.take(session, number, now=NOW) == {}
