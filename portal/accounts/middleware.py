"""What holds for every request: somebody is signed in, and times are in their zone."""

from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from portal.accounts import zones
from portal.core.http import View


class SignInMiddleware(LoginRequiredMiddleware):
    """Every page wants a person, but those marked with login_not_required."""

    def handle_no_permission(self, request: HttpRequest, view_func: Any) -> HttpResponseRedirect:
        """After the sign-in a form's sender is back at the form: its address takes only posts."""
        if request.method in ("GET", "HEAD"):
            return super().handle_no_permission(request, view_func)
        came_from = urlsplit(request.headers.get("Referer", ""))
        ours = came_from.netloc == request.get_host()
        back = came_from._replace(scheme="", netloc="").geturl() if ours else "/"
        return redirect_to_login(back, self.get_login_url(view_func))


class TimeZoneMiddleware:
    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.user.is_authenticated:
            return self.get_response(request)
        with timezone.override(zones.zone(request.user.time_zone)):
            return self.get_response(request)
