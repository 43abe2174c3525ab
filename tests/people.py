"""The people of the tests: one for each role, always the same ones."""

import functools
import time

from allauth.mfa import app_settings
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.contrib.auth.hashers import make_password
from django.test import Client

from portal.accounts.models import Role, User

PASSWORD = "correct horse battery"
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
ROLES = {
    "alice": Role.ADMIN,
    "bob": Role.OPERATOR,
    "erin": Role.ENGINEER,
    "charlie": Role.VIEWER,
    "dana": Role.APPROVER,
}


def person(name: str) -> User:
    """Made at the first call of a test; signs in with `<name>@example.com` and PASSWORD."""
    made, _ = User.objects.get_or_create(
        email=f"{name}@example.com",
        defaults={"name": name.title(), "roles": [ROLES[name]], "password": _hashed()},
    )
    return made


def client_of(someone: User) -> Client:
    """A client that is signed in. It has not given its password lately."""
    client = Client()
    client.force_login(someone, backend=BACKEND)
    return client


def code_of(secret: str) -> str:
    """What an authenticator app shows, with some seconds left to use it."""
    left = app_settings.TOTP_PERIOD - time.time() % app_settings.TOTP_PERIOD
    if left < 4:
        time.sleep(left)
    [counter] = yield_hotp_counters_from_time()
    return str(format_hotp_value(hotp_value(secret, counter)))


@functools.cache
def _hashed() -> str:
    # Once for a run: a good hash is slow on purpose.
    return make_password(PASSWORD)
