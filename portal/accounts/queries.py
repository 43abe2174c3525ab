"""What is known about people, without changing it."""

import hashlib

from allauth.mfa.models import Authenticator

from portal.accounts.models import Role, SetupLink, User


def administrator_exists() -> bool:
    return User.objects.filter(roles__contains=[Role.ADMIN], is_active=True).exists()


def token_hash(token: str) -> str:
    """What is kept of a token that must not be readable from the database."""
    return hashlib.sha256(token.encode()).hexdigest()


def setup_link(token: str) -> SetupLink | None:
    return SetupLink.objects.filter(token_hash=token_hash(token)).first()


def has_second_factor(person: User) -> bool:
    return bool(Authenticator.objects.filter(user=person, type=Authenticator.Type.TOTP).exists())


def recovery_codes_left(person: User) -> int:
    codes = Authenticator.objects.filter(
        user=person, type=Authenticator.Type.RECOVERY_CODES
    ).first()
    return len(codes.wrap().get_unused_codes()) if codes else 0


def role_names(person: User) -> list[str]:
    return [str(role.label) for role in Role if role in person.roles]
