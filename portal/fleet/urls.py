from django.urls import path

from portal.fleet import views

pages = [
    path("hosts/new/", views.host_new, name="host_new"),
    path("hosts/<slug:slug>/edit/", views.host_edit, name="host_edit"),
    path("hosts/<slug:slug>/test/", views.host_test, name="host_test"),
    path("hosts/<slug:slug>/remove/", views.host_remove, name="host_remove"),
]
