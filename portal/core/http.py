"""How a view answers: a whole page, or only its fragment when htmx asks for one."""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from portal.core.errors import DomainError

View = Callable[[HttpRequest], HttpResponse]


def wants_fragment(request: HttpRequest) -> bool:
    """True for htmx's partial requests; when it restores history it asks for the whole page."""
    return request.headers.get("HX-Request-Type") == "partial"


def page(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any],
    *,
    fragment: str | None = None,
    status: int = 200,
) -> HttpResponse:
    """`template` is "<app>/<view>"; `fragment` names a partial that the template defines."""
    name = f"pages/{template}.html"
    if fragment and wants_fragment(request):
        name = f"{name}#{fragment}"
    response = render(request, name, dict(context), status=status)
    patch_vary_headers(response, ["HX-Request-Type"])
    return response


def refusal(request: HttpRequest, error: DomainError) -> HttpResponse:
    """The page that says why a use case refused."""
    response = render(request, "refused.html", {"error": error}, status=error.status)
    patch_vary_headers(response, ["HX-Request-Type"])
    return response


class DomainErrorMiddleware:
    """Turns a DomainError that no view caught into its page, so that views need no try."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return refusal(request, exception) if isinstance(exception, DomainError) else None
