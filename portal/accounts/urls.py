"""The names are django-allauth's where it looks its pages up by name."""

from django.urls import path
from django.views.generic import RedirectView

from portal.accounts import views

pages = [
    path("setup/two-step/", views.setup_two_step, name="setup_two_step"),
    path("setup/codes/", views.setup_codes, name="setup_codes"),
    path("setup/<str:token>/", views.setup, name="setup"),
    path("login/", views.login, name="account_login"),
    path("login/verify/", views.verify, name="mfa_authenticate"),
    path("login/confirm/", views.confirm, name="account_reauthenticate"),
    path("login/confirm/code/", views.confirm_by_code, name="mfa_reauthenticate"),
    path("login/inactive/", views.inactive, name="account_inactive"),
    path("logout/", views.logout, name="account_logout"),
    path("me/", views.profile, name="profile"),
    path("me/password/", views.password, name="account_change_password"),
    path("me/two-step/", RedirectView.as_view(pattern_name="profile"), name="mfa_index"),
    path("me/two-step/on/", views.two_step_on, name="mfa_activate_totp"),
    path("me/two-step/off/", views.two_step_off, name="mfa_deactivate_totp"),
    path("me/two-step/codes/", views.codes, name="mfa_view_recovery_codes"),
    path("me/two-step/codes/new/", views.codes_renew, name="mfa_generate_recovery_codes"),
    path("me/two-step/codes/file/", views.codes_download, name="mfa_download_recovery_codes"),
]
