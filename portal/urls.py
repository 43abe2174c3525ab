"""The only module that knows every app's pages."""

from django.urls import URLPattern

from portal.core import urls as core

urlpatterns: list[URLPattern] = [*core.pages]
