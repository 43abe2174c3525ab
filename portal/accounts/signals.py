"""What django-allauth says has happened, for the audit log."""

from typing import Any

from allauth.account import signals as account
from allauth.account.adapter import get_adapter
from allauth.mfa import signals as second_factor
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from portal.accounts.models import User
from portal.core import audit


@receiver(account.user_logged_in)
def signed_in(request: HttpRequest, user: User, **_: Any) -> None:
    address = get_adapter().get_client_ip(request)
    audit.record(user, "accounts.sign_in", user, now=timezone.now(), address=address)


@receiver(account.password_changed)
def password_changed(user: User, **_: Any) -> None:
    audit.record(user, "accounts.change_password", user, now=timezone.now())


@receiver(second_factor.authenticator_added)
def factor_added(user: User, authenticator: Any, **_: Any) -> None:
    _note_factor(user, "accounts.add_second_factor", authenticator)


@receiver(second_factor.authenticator_removed)
def factor_removed(user: User, authenticator: Any, **_: Any) -> None:
    _note_factor(user, "accounts.remove_second_factor", authenticator)


@receiver(second_factor.authenticator_reset)
def factor_renewed(user: User, authenticator: Any, **_: Any) -> None:
    _note_factor(user, "accounts.renew_second_factor", authenticator)


def _note_factor(user: User, verb: str, authenticator: Any) -> None:
    audit.record(user, verb, user, now=timezone.now(), factor=str(authenticator.type))
