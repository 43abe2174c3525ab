"""Views."""

from django.http import HttpRequest, HttpResponse


def host_new(request: HttpRequest, **names: str) -> HttpResponse:
    return HttpResponse("")


def host_edit(request: HttpRequest, **names: str) -> HttpResponse:
    return HttpResponse("")


def host_remove(request: HttpRequest, **names: str) -> HttpResponse:
    return HttpResponse("")
