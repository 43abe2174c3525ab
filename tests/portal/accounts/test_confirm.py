"""P02: what changes how one logs in wants the password or a code once more."""

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from portal.accounts.models import User
from portal.core import secrets
from tests.people import PASSWORD, code_of

pytestmark = [pytest.mark.django_db, pytest.mark.redis]

SECRET = "A" * 32
WANTED = "/login/confirm/?next=%2Fme%2Ftwo-step%2Fon%2F"


def test_the_password_opens_the_way(
    as_charlie: Client, django_assert_max_num_queries: DjangoAssertNumQueries
):
    assert as_charlie.get("/me/two-step/on/").headers["Location"] == WANTED
    with django_assert_max_num_queries(12):
        as_charlie.get(WANTED)
    answer = as_charlie.post(WANTED, {"password": PASSWORD})
    assert answer.headers["Location"] == "/me/two-step/on/"
    assert as_charlie.get("/me/two-step/on/").status_code == 200


def test_a_wrong_password_does_not(as_charlie: Client):
    answer = as_charlie.post(WANTED, {"password": "wrong horse battery"})
    assert "The password is not right." in answer.content.decode()
    assert as_charlie.get("/me/two-step/on/").status_code == 302


def test_it_cannot_be_tried_out(as_charlie: Client):
    for _ in range(5):
        as_charlie.post(WANTED, {"password": "wrong horse battery"})
    assert as_charlie.post(WANTED, {"password": PASSWORD}).status_code == 429


def test_a_code_does_as_well(as_alice: Client, alice: User):
    Authenticator.objects.create(user=alice, type="totp", data={"secret": secrets.encrypt(SECRET)})
    assert "Use a code" in as_alice.get("/login/confirm/?next=/me/").content.decode()
    page = as_alice.get("/login/confirm/code/?next=/me/two-step/off/")
    assert "Use the password" in page.content.decode()
    answer = as_alice.post("/login/confirm/code/?next=/me/two-step/off/", {"code": code_of(SECRET)})
    assert answer.headers["Location"] == "/me/two-step/off/"
    assert as_alice.get("/me/two-step/off/").status_code == 200


def test_another_site_is_no_place_to_go_on_to(as_charlie: Client):
    answer = as_charlie.post("/login/confirm/?next=https://evil.example/", {"password": PASSWORD})
    assert answer.headers["Location"] == "/"


def test_anonymous_is_sent_to_sign_in(client: Client):
    answer = client.get("/login/confirm/")
    assert answer.headers["Location"] == "/login/?next=/login/confirm/"
