"""Views."""

from django.http import HttpRequest, HttpResponse


def home(request: HttpRequest, **names: str) -> HttpResponse:
    return HttpResponse("")
