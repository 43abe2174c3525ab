"""People's pages. Signing in and the second factor are django-allauth's views in our templates."""

from datetime import timedelta
from typing import Any

from allauth.account import views as account
from allauth.account.internal.flows.reauthentication import reauthenticate_by_password
from allauth.account.utils import perform_login
from allauth.mfa.base import views as second_factor
from allauth.mfa.recovery_codes import views as recovery
from allauth.mfa.totp import views as totp
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts import actions, checks, forms, queries
from portal.core.http import page

LONGEST_LOCK = timedelta(minutes=5)  # of ACCOUNT_RATE_LIMITS
ENTRANCE: dict[str, Any] = {"navigation": []}  # the first run has no frame
form_page = require_http_methods(["GET", "HEAD", "POST"])


@login_not_required
@sensitive_post_parameters("password")
@never_cache
@form_page
def setup(request: HttpRequest, token: str) -> HttpResponse:
    """The first administrator, by a link that only the server's log has."""
    now = timezone.now()
    if queries.administrator_exists():
        raise Http404
    link = queries.setup_link(token)
    if link is None or link.expires_at <= now:
        return page(request, "accounts/setup_ended", {"link": link}, status=410 if link else 404)
    form = forms.AdministratorForm(request.POST or None)
    if form.is_valid():
        person = actions.create_first_administrator(**form.cleaned_data, now=now)
        response: HttpResponse = perform_login(
            request, person, redirect_url=reverse("setup_two_step")
        )
        reauthenticate_by_password(request)  # the password is not asked for again at once
        request.session.set_expiry(0)
        return response
    return page(request, "accounts/setup", {"form": form, "checks": checks.steps()})


_setup_totp = totp.ActivateTOTPView.as_view(
    template_name="pages/accounts/setup_two_step.html",
    form_class=forms.FirstCodeForm,
    extra_context=ENTRANCE,
)


@never_cache
@form_page
def setup_two_step(request: HttpRequest) -> HttpResponse:
    response: HttpResponse = _setup_totp(request)
    # It goes elsewhere once two-step login is on.
    return redirect("setup_codes") if response.status_code == 302 else response


setup_codes = never_cache(
    require_safe(
        recovery.ViewRecoveryCodesView.as_view(
            template_name="pages/accounts/setup_codes.html", extra_context=ENTRANCE
        )
    )
)


login = form_page(
    account.LoginView.as_view(template_name="pages/accounts/login.html", form_class=forms.LoginForm)
)
verify = form_page(
    second_factor.AuthenticateView.as_view(
        template_name="pages/accounts/verify.html", form_class=forms.CodeForm
    )
)
confirm = form_page(
    account.ReauthenticateView.as_view(
        template_name="pages/accounts/confirm.html", form_class=forms.ConfirmForm
    )
)
confirm_by_code = form_page(
    second_factor.ReauthenticateView.as_view(
        template_name="pages/accounts/confirm.html", form_class=forms.ConfirmCodeForm
    )
)
inactive = login_not_required(
    require_safe(account.AccountInactiveView.as_view(template_name="pages/accounts/inactive.html"))
)
logout = login_not_required(require_POST(account.LogoutView.as_view()))


def too_many_attempts(request: HttpRequest) -> HttpResponse:
    context = {"until": timezone.now() + LONGEST_LOCK}
    response = page(request, "accounts/too_many_attempts", context, status=429)
    response.headers["Retry-After"] = str(int(LONGEST_LOCK.total_seconds()))
    return response


@form_page
def profile(request: HttpRequest) -> HttpResponse:
    person: Any = request.user
    shown = {name: getattr(person, name) for name in ("name", "time_zone", "theme")}
    form = forms.ProfileForm(request.POST or None, initial=shown)
    if form.is_valid():
        actions.edit_profile(person, **form.cleaned_data, now=timezone.now())
        messages.success(request, "Your profile is saved.")
        return redirect("profile")
    context = {
        "form": form,
        "roles": queries.role_names(person),
        "two_step": queries.has_second_factor(person),
        "codes_left": queries.recovery_codes_left(person),
    }
    return page(request, "accounts/profile", context)


password = form_page(
    account.PasswordChangeView.as_view(
        template_name="pages/accounts/password.html",
        form_class=forms.PasswordForm,
        success_url=reverse_lazy("profile"),
    )
)
two_step_on = form_page(
    totp.ActivateTOTPView.as_view(
        template_name="pages/accounts/two_step_on.html", form_class=forms.FirstCodeForm
    )
)
two_step_off = form_page(
    totp.DeactivateTOTPView.as_view(template_name="pages/accounts/two_step_off.html")
)
codes = never_cache(
    require_safe(recovery.ViewRecoveryCodesView.as_view(template_name="pages/accounts/codes.html"))
)
codes_download = require_safe(recovery.DownloadRecoveryCodesView.as_view())
codes_renew = form_page(
    recovery.GenerateRecoveryCodesView.as_view(template_name="pages/accounts/codes_renew.html")
)
