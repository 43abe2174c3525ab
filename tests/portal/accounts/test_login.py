"""P02: who gets in, and how."""

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.core import secrets
from portal.core.models import AuditEntry
from tests.people import PASSWORD, code_of

pytestmark = [pytest.mark.django_db, pytest.mark.redis]

SECRET = "A" * 32


def log_in(client: Client, person: User, password: str = PASSWORD, query: str = "", **more: str):
    given = {"login": person.email, "password": password}
    return client.post(f"/login/{query}", given, **more)


@pytest.fixture
def two_steps(alice: User) -> User:
    Authenticator.objects.create(
        user=alice, type=Authenticator.Type.TOTP, data={"secret": secrets.encrypt(SECRET)}
    )
    return alice


def test_the_page_asks_for_an_address_and_a_password(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
):
    with django_assert_max_num_queries(12):
        answer = client.get("/login/")
    said = answer.content.decode()
    assert 'autocomplete="username"' in said
    assert 'autocomplete="current-password"' in said
    assert "placeholder" not in said


def test_a_person_gets_in_and_it_is_noted(
    client: Client, charlie: User, django_assert_max_num_queries: DjangoAssertNumQueries
):
    with django_assert_max_num_queries(12):
        answer = log_in(client, charlie)
    assert answer.headers["Location"] == "/"
    assert client.session["_auth_user_id"] == str(charlie.pk)
    [entry] = AuditEntry.objects.all()
    assert (entry.verb, entry.actor) == ("accounts.sign_in", charlie)
    assert entry.details == {"address": "127.0.0.1"}


def test_the_address_is_compared_without_case(client: Client, charlie: User):
    given = {"login": "Charlie@EXAMPLE.com", "password": PASSWORD}
    assert client.post("/login/", given).status_code == 302


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(client: Client, charlie: User):
    for email in (charlie.email, "nobody@example.com"):
        answer = client.post("/login/", {"login": email, "password": "wrong horse battery"})
        assert "E-mail or password is not right." in answer.content.decode()
        assert "_auth_user_id" not in client.session
    assert not AuditEntry.objects.exists()


def test_somebody_out_of_use_is_told_so_only_with_the_right_password(client: Client, charlie: User):
    User.objects.filter(pk=charlie.pk).update(is_active=False)
    assert "not right" in log_in(client, charlie, "wrong horse battery").content.decode()
    answer = log_in(client, charlie)
    assert answer.headers["Location"] == "/login/inactive/"
    assert "out of use" in client.get("/login/inactive/").content.decode()
    assert "_auth_user_id" not in client.session


def test_one_comes_back_to_where_one_wanted_to_be(client: Client, charlie: User):
    wanted = client.get("/me/?a=1")
    assert wanted.headers["Location"] == "/login/?next=/me/%3Fa%3D1"
    assert "/me/?a=1" in client.get(wanted.headers["Location"]).content.decode()
    answer = log_in(client, charlie, query="?next=/me/%3Fa%3D1")
    assert answer.headers["Location"] == "/me/?a=1"


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.x"]
)
def test_another_site_is_no_place_to_come_back_to(client: Client, charlie: User, elsewhere: str):
    given = {"login": charlie.email, "password": PASSWORD, "next": elsewhere}
    assert client.post("/login/", given).headers["Location"] == "/"


def test_a_form_that_found_the_session_ended_leads_back_to_its_page(client: Client):
    headers = {"Referer": "http://testserver/me/?a=1"}
    answer = client.post("/me/", {}, headers=headers)
    assert answer.headers["Location"] == "/login/?next=/me/%3Fa%3D1"
    answer = client.post("/me/", {}, headers={"Referer": "https://evil.example/x"})
    assert answer.headers["Location"] == "/login/?next=/"


def test_five_wrong_attempts_lock_the_address_for_five_minutes(client: Client, charlie: User):
    for _ in range(5):
        assert log_in(client, charlie, "wrong horse battery").status_code == 200
    answer = log_in(client, charlie)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "300"
    assert "You can try again in five minutes" in answer.content.decode()
    assert "_auth_user_id" not in client.session


def test_attempts_at_one_address_do_not_lock_another(client: Client, charlie: User, bob: User):
    for _ in range(5):
        log_in(client, charlie, "wrong horse battery")
    assert log_in(client, bob).status_code == 302


def test_whoever_is_signed_in_is_sent_on(as_charlie: Client):
    assert as_charlie.get("/login/").headers["Location"] == "/"


def test_a_second_step_is_asked_for_where_it_is_on(client: Client, two_steps: User):
    answer = log_in(client, two_steps, query="?next=/me/")
    assert answer.headers["Location"] == "/login/verify/"
    assert "_auth_user_id" not in client.session
    assert client.get("/me/").status_code == 302
    assert 'autocomplete="one-time-code"' in client.get("/login/verify/").content.decode()
    wrong = client.post("/login/verify/", {"code": "000000"})
    assert "The code is not right." in wrong.content.decode()
    right = client.post("/login/verify/", {"code": code_of(SECRET)})
    assert right.headers["Location"] == "/me/"
    assert client.session["_auth_user_id"] == str(two_steps.pk)


def test_a_code_works_once(client: Client, two_steps: User):
    code = code_of(SECRET)
    log_in(client, two_steps)
    assert client.post("/login/verify/", {"code": code}).status_code == 302
    other = Client()
    log_in(other, two_steps)
    assert "not right" in other.post("/login/verify/", {"code": code}).content.decode()


def test_a_factor_that_no_key_decrypts_lets_nobody_in_and_says_why(
    client: Client, two_steps: User, settings: Settings
):
    log_in(client, two_steps)
    settings.CREDENTIAL_KEYS = ["b3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIhISE="]
    answer = client.post("/login/verify/", {"code": code_of(SECRET)})
    assert answer.status_code == 500
    assert "The second factor of this account cannot be decrypted" in answer.content.decode()
    assert "_auth_user_id" not in client.session


def test_codes_cannot_be_tried_out(client: Client, two_steps: User):
    log_in(client, two_steps)
    for _ in range(5):
        assert client.post("/login/verify/", {"code": "000000"}).status_code == 200
    assert client.post("/login/verify/", {"code": code_of(SECRET)}).status_code == 429


def test_the_second_step_needs_the_first(client: Client):
    assert client.get("/login/verify/").headers["Location"] == "/login/"


def test_at_the_second_step_one_can_begin_anew(client: Client, two_steps: User):
    log_in(client, two_steps)
    assert client.get("/login/").headers["Location"] == "/login/verify/"
    client.post("/logout/")
    assert client.get("/login/").status_code == 200


def test_logging_out_is_a_post_and_ends_the_session(as_charlie: Client):
    assert as_charlie.get("/logout/").status_code == 405
    assert as_charlie.post("/logout/").headers["Location"] == "/login/"
    assert "You are logged out." in as_charlie.get("/login/").content.decode()
    assert as_charlie.get("/me/").status_code == 302


def test_logging_out_twice_is_no_error(client: Client):
    assert client.post("/logout/").headers["Location"] == "/login/"


@pytest.mark.parametrize("page", ["/login/", "/login/verify/", "/login/confirm/"])
def test_other_methods_are_refused(as_charlie: Client, page: str):
    assert as_charlie.delete(page).status_code == 405


@pytest.mark.parametrize("page", ["/signup/", "/login/signup/", "/accounts/signup/", "/password/"])
def test_nobody_signs_up_or_resets_a_password_by_mail(client: Client, page: str):
    assert client.get(page).status_code == 404


@pytest.mark.parametrize("page", ["/healthz", "/readyz", "/login/"])
def test_these_pages_are_for_everybody(client: Client, page: str):
    assert client.get(page).status_code in {200, 503}
