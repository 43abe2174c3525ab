from django.urls import path

from portal.overview.views import custom_rules, home, hosts

pages = [
    path("", home.home, name="home"),
    path("hosts/", hosts.host_list, name="host_list"),
    path("hosts/<slug:slug>/", hosts.host_detail, name="host_detail"),
    path("settings/rules/", custom_rules.custom_rule_list, name="custom_rule_list"),
    path("settings/rules/new/", custom_rules.custom_rule_new, name="custom_rule_new"),
    path("settings/rules/<slug:slug>/", custom_rules.custom_rule_detail, name="custom_rule_detail"),
    path(
        "settings/rules/<slug:slug>/versions/<int:number>/",
        custom_rules.custom_rule_version,
        name="custom_rule_version",
    ),
]
