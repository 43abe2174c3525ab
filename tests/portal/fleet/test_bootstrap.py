import io

import pytest
from django.core.management import CommandError, call_command
from django.http import HttpRequest, HttpResponse
from django.urls import path

from portal.accounts import queries
from portal.accounts.models import SetupLink, User

pytestmark = [pytest.mark.django_db, pytest.mark.postgres, pytest.mark.urls(__name__)]


def page(request: HttpRequest, token: str) -> HttpResponse:
    return HttpResponse(token)


urlpatterns = [path("setup/<str:token>/", page, name="setup")]


def bootstrap() -> str:
    out = io.StringIO()
    call_command("bootstrap", address="http://here:8000", stdout=out)
    return out.getvalue()


def test_without_an_administrator_it_gives_one_link():
    said = bootstrap()
    assert "http://here:8000/setup/" in said
    assert SetupLink.objects.count() == 1
    assert bootstrap() != said
    assert SetupLink.objects.count() == 1


def test_it_makes_the_administrator_who_is_named_and_only_once(settings):
    settings.BOOTSTRAP_EMAIL = "alice@example.com"
    settings.BOOTSTRAP_PASSWORD = "correct horse battery"
    assert bootstrap() == "Sign in as alice@example.com.\n"
    assert queries.administrator_exists()
    assert bootstrap() == "Sign in with your account.\n"
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("email", "password"), [("alice@example.com", ""), ("", "x" * 20), ("alice", "x" * 20)]
)
def test_half_an_administrator_ends_the_start_with_the_names_of_the_variables(
    settings, email: str, password: str
):
    settings.BOOTSTRAP_EMAIL, settings.BOOTSTRAP_PASSWORD = email, password
    with pytest.raises(CommandError, match="PLIMSOLL_BOOTSTRAP_EMAIL or _PASSWORD"):
        bootstrap()
