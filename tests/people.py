"""The people of the tests: one for each role, always the same ones."""

import time

from allauth.mfa import app_settings
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.test import Client

from portal.accounts.models import Role, User

# A good hash is slow on purpose, and tests make many.
PBKDF2PasswordHasher.iterations = 1_000

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
    email = f"{name}@example.com"
    made = User.objects.filter(email=email).first()
    return made or User.objects.create_user(email, PASSWORD, name=name.title(), roles=[ROLES[name]])


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
