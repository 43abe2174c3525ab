"""P33: two-step login, on and off again, and the codes for a lost phone."""

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from portal.accounts.models import User
from portal.core import secrets
from portal.core.models import AuditEntry
from tests.people import PASSWORD, code_of

pytestmark = [pytest.mark.django_db, pytest.mark.redis]

PAGES = ("on", "off", "codes", "codes/new", "codes/file")


def confirm(client: Client) -> None:
    client.post("/login/confirm/", {"password": PASSWORD})


@pytest.fixture
def turned_on(as_charlie: Client, charlie: User, django_capture_on_commit_callbacks) -> Client:
    confirm(as_charlie)
    secret = as_charlie.get("/me/two-step/on/").context["form"].secret
    with django_capture_on_commit_callbacks(execute=True):
        answer = as_charlie.post("/me/two-step/on/", {"code": code_of(secret)})
    assert answer.headers["Location"] == "/me/two-step/codes/"
    return as_charlie


def noted() -> list[tuple[str, str]]:
    entries = AuditEntry.objects.order_by("id")
    return [(entry.verb, entry.details["factor"]) for entry in entries]


def test_turning_it_on_is_noted_and_shown(turned_on: Client, charlie: User):
    assert set(noted()) == {
        ("accounts.add_second_factor", "totp"),
        ("accounts.add_second_factor", "recovery_codes"),
    }
    said = turned_on.get("/me/").content.decode()
    assert "On. A login takes your password and a code" in said
    assert "10\N{NO-BREAK SPACE}recovery codes left" in said
    assert turned_on.get("/me/two-step/on/").headers["Location"] == "/me/two-step/off/"


def test_a_wrong_code_does_not_turn_it_on(as_charlie: Client):
    confirm(as_charlie)
    as_charlie.get("/me/two-step/on/")
    answer = as_charlie.post("/me/two-step/on/", {"code": "000000"})
    assert "The code is not right." in answer.content.decode()
    assert not Authenticator.objects.exists()


def test_the_code_names_the_product_and_the_person(
    as_charlie: Client, django_assert_max_num_queries: DjangoAssertNumQueries
):
    confirm(as_charlie)
    with django_assert_max_num_queries(12):
        page = as_charlie.get("/me/two-step/on/")
    assert page.context["totp_url"].startswith("otpauth://totp/charlie%40example.com?")
    assert page.context["totp_url"].endswith("issuer=Plimsoll")


def test_turning_it_off_takes_the_recovery_codes_along(turned_on: Client):
    assert "Turn off two-step login" in turned_on.get("/me/two-step/off/").content.decode()
    assert turned_on.post("/me/two-step/off/").headers["Location"] == "/me/two-step/"
    assert turned_on.get("/me/two-step/").headers["Location"] == "/me/"
    assert not Authenticator.objects.exists()
    assert ("accounts.remove_second_factor", "totp") in noted()


def test_a_recovery_code_is_shown_downloaded_and_works_once(turned_on: Client, charlie: User):
    page = turned_on.get("/me/two-step/codes/")
    [code, *_] = page.context["unused_codes"]
    assert "no-store" in page.headers["Cache-Control"]
    file = turned_on.get("/me/two-step/codes/file/")
    assert "attachment" in file.headers["Content-Disposition"]
    assert code in file.content.decode()
    for works in (True, False):
        client = Client()
        client.post("/login/", {"login": charlie.email, "password": PASSWORD})
        assert (client.post("/login/verify/", {"code": code}).status_code == 302) is works
    assert "9\N{NO-BREAK SPACE}recovery codes left" in turned_on.get("/me/").content.decode()


def test_new_codes_end_the_old_ones(turned_on: Client, django_capture_on_commit_callbacks):
    before = turned_on.get("/me/two-step/codes/").context["unused_codes"]
    assert "The 10" in turned_on.get("/me/two-step/codes/new/").content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        answer = turned_on.post("/me/two-step/codes/new/")
    assert answer.headers["Location"] == "/me/two-step/codes/"
    after = turned_on.get("/me/two-step/codes/").context["unused_codes"]
    assert set(before).isdisjoint(after)
    assert noted()[-1] == ("accounts.renew_second_factor", "recovery_codes")


def test_without_two_step_login_there_are_no_codes_to_make(as_charlie: Client):
    confirm(as_charlie)
    answer = as_charlie.post("/me/two-step/codes/new/")
    assert "Turn on two-step login first." in answer.content.decode()
    for page in ("codes", "codes/file", "off"):
        assert as_charlie.get(f"/me/two-step/{page}/").status_code == 404


@pytest.mark.parametrize("page", PAGES)
def test_each_page_wants_the_password_once_more(as_alice: Client, alice: User, page: str):
    Authenticator.objects.create(
        user=alice, type="totp", data={"secret": secrets.encrypt("A" * 32)}
    )
    Authenticator.objects.create(
        user=alice, type="recovery_codes", data={"seed": secrets.encrypt("b" * 80), "used_mask": 0}
    )
    answer = as_alice.get(f"/me/two-step/{page}/")
    assert answer.headers["Location"].startswith("/login/confirm/?next=")


@pytest.mark.parametrize("page", PAGES)
def test_anonymous_is_sent_to_sign_in(client: Client, page: str):
    address = f"/me/two-step/{page}/"
    assert client.get(address).headers["Location"] == f"/login/?next={address}"


@pytest.mark.parametrize("page", PAGES)
def test_other_methods_are_refused(as_charlie: Client, page: str):
    assert as_charlie.delete(f"/me/two-step/{page}/").status_code == 405
