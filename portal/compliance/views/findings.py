"""Views."""

from django.http import HttpRequest, HttpResponse


def finding_list(request: HttpRequest, **names: str) -> HttpResponse:
    return HttpResponse("")


def finding_detail(request: HttpRequest, **names: str) -> HttpResponse:
    return HttpResponse("")
