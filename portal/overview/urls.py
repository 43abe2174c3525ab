from django.urls import path

from portal.overview.views import containers, custom_rules, health, home, hosts, policies, trend

pages = [
    path("settings/policies/", policies.policy_list, name="policy_list"),
    path("settings/policies/new/", policies.policy_new, name="policy_new"),
    path("settings/policies/import/", policies.policy_import, name="policy_import"),
    path("settings/policies/<slug:slug>/", policies.policy_detail, name="policy_detail"),
    path(
        "settings/policies/<slug:slug>/versions/",
        policies.policy_versions,
        name="policy_versions",
    ),
    path("settings/policies/<slug:slug>/export/", policies.policy_export, name="policy_export"),
    path("settings/policies/<slug:slug>/default/", policies.policy_default, name="policy_default"),
    path("settings/policies/<slug:slug>/remove/", policies.policy_remove, name="policy_remove"),
    path("settings/health/", health.system_health, name="system_health"),
    path("", home.home, name="home"),
    path("trend/", trend.trend, name="trend"),
    path("trend/trend.csv", trend.trend_csv, name="trend_csv"),
    path("hosts/", hosts.host_list, name="host_list"),
    path("hosts/<slug:slug>/", hosts.host_detail, name="host_detail"),
    path("containers/<int:container_id>/", containers.container_detail, name="container_detail"),
    path("settings/rules/", custom_rules.custom_rule_list, name="custom_rule_list"),
    path("settings/rules/new/", custom_rules.custom_rule_new, name="custom_rule_new"),
    path("settings/rules/<slug:slug>/", custom_rules.custom_rule_detail, name="custom_rule_detail"),
    path(
        "settings/rules/<slug:slug>/versions/<int:number>/",
        custom_rules.custom_rule_version,
        name="custom_rule_version",
    ),
]
