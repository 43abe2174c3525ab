"""What can happen to people's accounts."""

import secrets
from datetime import datetime, timedelta

from allauth.mfa.models import Authenticator
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import connection, transaction

from portal.accounts import queries, zones
from portal.accounts.models import Role, SetupLink, Theme, User
from portal.core import audit
from portal.core import secrets as kept
from portal.core.errors import Conflict, DomainError, NotFound

SETUP_LINK_LIFE = timedelta(hours=24)
FIRST_ADMINISTRATOR_LOCK = 7_101_001


@transaction.atomic
def create_first_administrator(
    email: str, name: str, password: str, now: datetime, *, time_zone: str = zones.UTC
) -> User:
    """Only while there is none; every setup link ends with it."""
    with connection.cursor() as cursor:
        # Whoever comes second waits here and then finds an administrator.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [FIRST_ADMINISTRATOR_LOCK])
    if queries.administrator_exists():
        raise Conflict("There is already an administrator. Sign in, or ask them for an account.")
    person = User(email=email.strip().lower(), name=name.strip(), roles=[Role.ADMIN])
    person.time_zone = zones.zone(time_zone).key
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
    if queries.administrator_exists():
        raise Conflict("There is already an administrator, who signs in at /login/.")
    SetupLink.objects.all().delete()
    token = secrets.token_urlsafe(32)
    SetupLink.objects.create(
        token_hash=queries.token_hash(token),
        created_at=now,
        expires_at=now + SETUP_LINK_LIFE,
    )
    return token


@transaction.atomic
def edit_profile(person: User, *, name: str, time_zone: str, theme: str, now: datetime) -> None:
    """Everybody's own; what stays the same is not noted."""
    if time_zone not in zones.names():
        raise DomainError("This time zone is not known here.")
    wanted = {"name": name.strip(), "time_zone": time_zone, "theme": Theme(theme).value}
    person = User.objects.select_for_update().get(pk=person.pk)
    changed = {
        field: [getattr(person, field), value]
        for field, value in wanted.items()
        if getattr(person, field) != value
    }
    if not changed:
        return
    for field, value in wanted.items():
        setattr(person, field, value)
    person.save(update_fields=list(changed))
    audit.record(person, "accounts.edit_profile", person, now=now, changed=changed)


@transaction.atomic
def reset_password(email: str, *, password: str, two_step_off: bool, now: datetime) -> None:
    """By whoever operates the server, in nobody's name. A new password ends every session."""
    person = User.objects.select_for_update().filter(email=email.strip().lower()).first()
    if person is None:
        raise NotFound(f"Nobody here has the e-mail address {email}.")
    try:
        validate_password(password, person)
    except ValidationError as error:
        raise DomainError(" ".join(error.messages)) from error
    person.set_password(password)
    person.save(update_fields=["password"])
    if two_step_off:
        Authenticator.objects.filter(user=person).delete()
    audit.record(None, "accounts.reset_password", person, now=now, two_step_off=two_step_off)


@transaction.atomic
def rotate_second_factors() -> kept.Rotation:
    """Encrypts every second factor under the first key that is not yet; safe to run twice."""
    anew, current, lost = 0, 0, []
    factors = Authenticator.objects.select_for_update(of=("self",)).select_related("user")
    for factor in factors.order_by("pk"):
        what = f"{factor.get_type_display()} of {factor.user.email}"
        try:
            fresh = {
                name: _rotated(value, what)
                for name, value in factor.data.items()
                if name in ("secret", "seed", "migrated_codes")
            }
        except kept.Undecipherable:
            lost.append(what)
            continue
        if fresh.items() <= factor.data.items():
            current += 1
            continue
        factor.data |= fresh
        factor.save(update_fields=["data"])
        anew += 1
    return kept.Rotation(anew, current, lost)


def _rotated(value: str | list[str], what: str) -> str | list[str]:
    if isinstance(value, list):
        return [kept.rotated(token, what=what) or token for token in value]
    return kept.rotated(value, what=what) or value
