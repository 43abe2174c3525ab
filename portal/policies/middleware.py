"""One catalogue for each request: it is asked for once, and does not change halfway."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from portal.policies.queries import held


class CatalogueMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with held():
            return self.get_response(request)
