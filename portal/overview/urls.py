from django.urls import path

from portal.overview.views import home, hosts

pages = [
    path("", home.home, name="home"),
    path("hosts/", hosts.host_list, name="host_list"),
    path("hosts/<slug:slug>/", hosts.host_detail, name="host_detail"),
]
