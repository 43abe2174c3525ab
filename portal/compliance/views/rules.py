"""Views."""

from django.http import HttpRequest, HttpResponse


def rule_list(request: HttpRequest, **names: str) -> HttpResponse:
    return HttpResponse("")


def rule_detail(request: HttpRequest, **names: str) -> HttpResponse:
    return HttpResponse("")
