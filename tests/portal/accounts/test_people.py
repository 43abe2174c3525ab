"""The people whom every test can use."""

import pytest
from django.contrib.auth import authenticate
from django.test import Client

from portal.accounts.models import Role, User
from tests.people import PASSWORD, ROLES, person


@pytest.mark.django_db
@pytest.mark.parametrize("name", ROLES)
def test_each_has_a_role_and_is_made_once(name: str) -> None:
    assert person(name) == person(name)
    assert person(name).roles == [ROLES[name]]
    assert person(name).check_password(PASSWORD)


def test_a_client_is_signed_in(as_alice: Client, alice: User) -> None:
    assert as_alice.session["_auth_user_id"] == str(alice.pk)
    assert alice.roles == [Role.ADMIN]


def test_they_sign_in_with_address_and_password(rf, charlie: User) -> None:
    assert authenticate(rf.post("/"), email=charlie.email, password=PASSWORD) == charlie
