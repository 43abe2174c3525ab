"""Whether somebody has proved lately who they are, as django-allauth remembers it."""

import time

from allauth.account import app_settings
from allauth.account.internal.flows.login import get_authentication_records
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode


def lately(request: HttpRequest) -> bool:
    """By signing in, or by the page that asks once more."""
    records = get_authentication_records(request, request.user)
    newest = max((record["at"] for record in records), default=0.0)
    return bool(time.time() - newest < app_settings.REAUTHENTICATION_TIMEOUT)


def address(back: str) -> str:
    """The page that asks once more, and then leads back."""
    return f"{reverse('account_reauthenticate')}?{urlencode({'next': back})}"
