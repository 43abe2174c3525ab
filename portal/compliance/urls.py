from django.urls import path

from portal.compliance.views import changes, compare, findings, rule_history, rules, scans

pages = [
    path("changes/", changes.change_list, name="change_list"),
    path("changes/changes.csv", changes.change_list_csv, name="change_list_csv"),
    path("rules/", rules.rule_list, name="rule_list"),
    path("rules/rules.csv", rules.rule_list_csv, name="rule_list_csv"),
    path("rules/<slug:slug>/failing.csv", rules.rule_failing_csv, name="rule_failing_csv"),
    path("rules/<slug:slug>/history/", rule_history.rule_history, name="rule_history"),
    path("rules/<slug:slug>/history/days.csv", rule_history.rule_days_csv, name="rule_days_csv"),
    path("rules/<slug:slug>/history/hosts.csv", rule_history.rule_hosts_csv, name="rule_hosts_csv"),
    path("rules/<slug:slug>/", rules.rule_detail, name="rule_detail"),
    path("findings/", findings.finding_list, name="finding_list"),
    path("findings/<int:finding_id>/", findings.finding_detail, name="finding_detail"),
    path("scans/", scans.scan_list, name="scan_list"),
    path("scans/start/", scans.scan_start, name="scan_start"),
    path("scans/compare/", compare.scan_compare, name="scan_compare"),
    path("scans/compare/changes.csv", compare.scan_compare_csv, name="scan_compare_csv"),
    path("scans/<int:scan_id>/scan.json", scans.scan_json, name="scan_json"),
    path("scans/<int:scan_id>/cancel/", scans.scan_cancel, name="scan_cancel"),
    path("scans/<int:scan_id>/", scans.scan_detail, name="scan_detail"),
    path("hosts/<slug:slug>/scan/", scans.host_scan, name="host_scan"),
]
