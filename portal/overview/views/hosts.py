"""Views."""

from django.http import HttpRequest, HttpResponse


def host_list(request: HttpRequest, **names: str) -> HttpResponse:
    return HttpResponse("")


def host_detail(request: HttpRequest, **names: str) -> HttpResponse:
    return HttpResponse("")
