"""Views."""

from django.http import HttpRequest, HttpResponse


def scan_list(request: HttpRequest, **names: str) -> HttpResponse:
    return HttpResponse("")


def scan_detail(request: HttpRequest, **names: str) -> HttpResponse:
    return HttpResponse("")


def scan_start(request: HttpRequest, **names: str) -> HttpResponse:
    return HttpResponse("")


def host_scan(request: HttpRequest, **names: str) -> HttpResponse:
    return HttpResponse("")
