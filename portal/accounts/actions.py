"""What can happen to people's accounts."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import connection, transaction

from portal.accounts import queries
from portal.accounts.models import Role, SetupLink, User
from portal.core import audit
from portal.core.errors import Conflict, DomainError

SETUP_LINK_LIFE = timedelta(hours=24)
FIRST_ADMINISTRATOR_LOCK = 7_101_001


@transaction.atomic
def create_first_administrator(email: str, name: str, password: str, now: datetime) -> User:
    """Only while there is none; every setup link ends with it."""
    with connection.cursor() as cursor:
        # Whoever comes second waits here and then finds an administrator.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [FIRST_ADMINISTRATOR_LOCK])
    if queries.administrator_exists():
        raise Conflict("There is already an administrator. Sign in, or ask them for an account.")
    person = User(email=email.strip().lower(), name=name.strip(), roles=[Role.ADMIN])
    try:
        validate_email(person.email)
        validate_password(password, person)
    except ValidationError as error:
        raise DomainError(" ".join(error.messages)) from error
    person.set_password(password)
    person.date_joined = now
    person.save()
    SetupLink.objects.all().delete()
    audit.record(None, "accounts.create_first_administrator", person, now=now)
    return person


@transaction.atomic
def issue_setup_link(now: datetime) -> str:
    """Returns the token, which is kept nowhere; an earlier link no longer works."""
    SetupLink.objects.all().delete()
    token = secrets.token_urlsafe(32)
    SetupLink.objects.create(
        token_hash=hashlib.sha256(token.encode()).hexdigest(),
        created_at=now,
        expires_at=now + SETUP_LINK_LIFE,
    )
    return token
