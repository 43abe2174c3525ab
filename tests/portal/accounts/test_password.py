"""P33: the password, changed by its owner or by whoever operates the server."""

import io

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from portal.accounts.models import User
from portal.core import secrets
from portal.core.models import AuditEntry
from tests.people import PASSWORD, client_of

pytestmark = [pytest.mark.django_db, pytest.mark.redis]

NEW = "staple correct horse"


def test_it_is_changed_and_noted_and_other_sessions_end(as_charlie: Client, charlie: User):
    elsewhere = client_of(charlie)
    given = {"oldpassword": PASSWORD, "password1": NEW}
    assert as_charlie.post("/me/password/", given).headers["Location"] == "/me/"
    charlie.refresh_from_db()
    assert charlie.check_password(NEW)
    assert "Your password is changed." in as_charlie.get("/me/").content.decode()
    assert elsewhere.get("/me/").status_code == 302
    [entry] = AuditEntry.objects.all()
    assert (entry.verb, entry.actor) == ("accounts.change_password", charlie)
    assert NEW not in str(entry.details)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("wrong horse battery", NEW, "The present password is not right."),
        (PASSWORD, "short", "at least 12 characters"),
        (PASSWORD, "charlie@example.com", "too similar"),
    ],
)
def test_what_cannot_be_is_said(as_charlie: Client, charlie: User, old: str, new: str, said: str):
    answer = as_charlie.post("/me/password/", {"oldpassword": old, "password1": new})
    assert said in answer.content.decode()
    charlie.refresh_from_db()
    assert charlie.check_password(PASSWORD)


def test_the_page_shows_the_fields(
    as_charlie: Client, django_assert_max_num_queries: DjangoAssertNumQueries
):
    with django_assert_max_num_queries(12):
        said = as_charlie.get("/me/password/").content.decode()
    assert 'autocomplete="new-password"' in said


def test_anonymous_is_sent_to_sign_in(client: Client):
    assert client.get("/me/password/").headers["Location"] == "/login/?next=/me/password/"


def test_other_methods_are_refused(as_charlie: Client):
    assert as_charlie.delete("/me/password/").status_code == 405


def reset(monkeypatch: pytest.MonkeyPatch, email: str, password: str, **options: bool) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
    call_command("reset_password", email, **options, stdout=io.StringIO())


def test_the_command_gives_a_new_one_and_ends_every_session(
    as_charlie: Client, charlie: User, monkeypatch: pytest.MonkeyPatch
):
    Authenticator.objects.create(
        user=charlie, type="totp", data={"secret": secrets.encrypt("A" * 32)}
    )
    reset(monkeypatch, "Charlie@example.com", NEW)
    charlie.refresh_from_db()
    assert charlie.check_password(NEW)
    assert as_charlie.get("/me/").status_code == 302
    assert Authenticator.objects.exists()
    [entry] = AuditEntry.objects.all()
    assert (entry.verb, entry.actor) == ("accounts.reset_password", None)


def test_the_command_turns_two_step_login_off_where_it_is_told_to(
    charlie: User, monkeypatch: pytest.MonkeyPatch
):
    Authenticator.objects.create(
        user=charlie, type="totp", data={"secret": secrets.encrypt("A" * 32)}
    )
    reset(monkeypatch, charlie.email, NEW, two_step_off=True)
    assert not Authenticator.objects.exists()


def test_at_a_terminal_the_command_asks_without_showing(
    charlie: User, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda prompt: NEW)
    call_command("reset_password", charlie.email, stdout=io.StringIO())
    charlie.refresh_from_db()
    assert charlie.check_password(NEW)


@pytest.mark.parametrize(
    ("email", "password", "said"),
    [
        ("nobody@example.com", NEW, "Nobody here has"),
        ("charlie@example.com", "short", "at least 12"),
    ],
)
@pytest.mark.usefixtures("charlie")
def test_the_command_refuses_what_cannot_be(
    monkeypatch: pytest.MonkeyPatch, email: str, password: str, said: str
):
    with pytest.raises(CommandError, match=said):
        reset(monkeypatch, email, password)
