"""The only module that knows every app's pages."""

from django.urls import URLPattern

from portal.accounts import urls as accounts
from portal.compliance import urls as compliance
from portal.core import urls as core
from portal.fleet import urls as fleet
from portal.overview import urls as overview
from portal.schedules import urls as schedules

urlpatterns: list[URLPattern] = [
    *core.pages,
    *accounts.pages,
    *fleet.pages,
    *schedules.pages,
    *compliance.pages,
    *overview.pages,
]

handler429 = "portal.accounts.views.too_many_attempts"
