import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from portal.accounts import actions, queries
from portal.accounts.models import Role, SetupLink, User
from portal.core.errors import Conflict, DomainError
from portal.core.models import AuditEntry

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"


def test_the_first_administrator_is_made_and_noted():
    alice = actions.create_first_administrator(" Alice@Example.com ", "Alice", PASSWORD, NOW)
    assert (alice.email, alice.roles) == ("alice@example.com", [Role.ADMIN])
    assert alice.check_password(PASSWORD)
    assert queries.administrator_exists()
    [entry] = AuditEntry.objects.all()
    assert entry.verb == "accounts.create_first_administrator"
    assert PASSWORD not in str(entry.details)


def test_there_is_no_second_first_administrator():
    actions.create_first_administrator("alice@example.com", "Alice", PASSWORD, NOW)
    with pytest.raises(Conflict):
        actions.create_first_administrator("mallory@example.com", "Mallory", PASSWORD, NOW)
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("email", "password"),
    [("alice@example.com", "short"), ("alice@example.com", "password1234"), ("alice", PASSWORD)],
)
def test_a_weak_password_or_no_address_is_refused(email: str, password: str):
    with pytest.raises(DomainError):
        actions.create_first_administrator(email, "Alice", password, NOW)
    assert not User.objects.exists()


def test_a_person_without_the_role_or_put_out_of_use_is_no_administrator():
    User.objects.create_user("bob@example.com", PASSWORD, name="Bob", roles=[Role.VIEWER])
    User.objects.create_user(
        "old@example.com", PASSWORD, name="Old", roles=[Role.ADMIN], is_active=False
    )
    assert not queries.administrator_exists()


def test_a_setup_link_lasts_a_day_and_its_token_is_not_kept():
    token = actions.issue_setup_link(NOW)
    [link] = SetupLink.objects.all()
    assert link.token_hash == hashlib.sha256(token.encode()).hexdigest()
    assert link.expires_at == NOW + timedelta(hours=24)


def test_a_new_setup_link_ends_the_earlier_one():
    first, second = actions.issue_setup_link(NOW), actions.issue_setup_link(NOW)
    [link] = SetupLink.objects.all()
    assert first != second
    assert link.token_hash == hashlib.sha256(second.encode()).hexdigest()


def test_setup_links_end_with_the_first_administrator():
    actions.issue_setup_link(NOW)
    actions.create_first_administrator("alice@example.com", "Alice", PASSWORD, NOW)
    assert not SetupLink.objects.exists()
