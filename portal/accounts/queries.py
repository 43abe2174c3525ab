"""What is known about people, without changing it."""

from portal.accounts.models import Role, User


def administrator_exists() -> bool:
    return User.objects.filter(roles__contains=[Role.ADMIN], is_active=True).exists()
