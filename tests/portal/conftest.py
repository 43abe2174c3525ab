"""People for every test of the portal: `alice` is the person, `as_alice` a client of theirs."""

import pytest
from django.test import Client

from portal.accounts.models import User
from tests.people import client_of, person


@pytest.fixture
def alice(db: None) -> User:
    """Administrator."""
    return person("alice")


@pytest.fixture
def bob(db: None) -> User:
    """Operator."""
    return person("bob")


@pytest.fixture
def erin(db: None) -> User:
    """Engineer."""
    return person("erin")


@pytest.fixture
def charlie(db: None) -> User:
    """Viewer."""
    return person("charlie")


@pytest.fixture
def dana(db: None) -> User:
    """Approver."""
    return person("dana")


@pytest.fixture
def as_alice(alice: User) -> Client:
    return client_of(alice)


@pytest.fixture
def as_bob(bob: User) -> Client:
    return client_of(bob)


@pytest.fixture
def as_erin(erin: User) -> Client:
    return client_of(erin)


@pytest.fixture
def as_charlie(charlie: User) -> Client:
    return client_of(charlie)


@pytest.fixture
def as_dana(dana: User) -> Client:
    return client_of(dana)
