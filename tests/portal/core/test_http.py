"""How a view answers."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from portal.core.context import frame
from portal.core.errors import Conflict, DomainError, NotAllowed, NotFound
from portal.core.http import DomainErrorMiddleware, refusal, wants_fragment


@pytest.fixture(autouse=True)
def plain_static_files(settings: Settings) -> None:
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture
def request_(rf: RequestFactory) -> HttpRequest:
    request = rf.get("/findings/")
    request.user = AnonymousUser()
    return request


def test_only_a_partial_request_of_htmx_wants_a_fragment(rf: RequestFactory) -> None:
    assert wants_fragment(rf.get("/", headers={"HX-Request-Type": "partial"}))
    assert not wants_fragment(rf.get("/", headers={"HX-Request-Type": "full"}))
    assert not wants_fragment(rf.get("/"))


@pytest.mark.parametrize(
    ("error", "status"), [(DomainError, 400), (NotAllowed, 403), (NotFound, 404), (Conflict, 409)]
)
def test_a_refusal_says_why_in_the_words_of_the_use_case(
    request_: HttpRequest, error: type[DomainError], status: int
) -> None:
    response = refusal(request_, error("Somebody else <decided> at 14:02."))
    assert response.status_code == status
    assert "Somebody else &lt;decided&gt; at 14:02." in response.content.decode()
    assert error.title in response.content.decode()
    assert response.headers["Vary"] == "HX-Request-Type"


def test_only_refusals_become_pages_and_other_errors_stay_errors(request_: HttpRequest) -> None:
    middleware = DomainErrorMiddleware(lambda request: HttpResponse("fine"))
    refused = middleware.process_exception(request_, Conflict("Too late."))
    assert refused is not None
    assert refused.status_code == 409
    assert middleware.process_exception(request_, ValueError("a bug")) is None
    assert middleware(request_).content == b"fine"


def test_whoever_is_not_signed_in_gets_no_navigation(request_: HttpRequest) -> None:
    assert frame(request_)["navigation"] == []
    assert frame(request_)["theme"] == "system"
