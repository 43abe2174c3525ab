"""Scans judge by the policy of the host's group: what is off ends, what is in shadow is apart."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.compliance import score
from portal.compliance.models import (
    Change,
    Posture,
    Result,
    ShadowResult,
    Standing,
    Tally,
    Transition,
)
from portal.compliance.queries import shadow
from portal.fleet.models import Host
from portal.policies import actions, queries
from portal.policies.actions import Draft
from portal.policies.models import Policy
from tests.fleet import NOW, named, register, scan
from tests.portal.plain import text
from tests.recorded import without

pytestmark = pytest.mark.django_db
LATER, LAST = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
REPORTS = named("privileged", "reports")


@pytest.fixture
def host() -> Host:
    found = register("prod-web-1")
    scan(found, REPORTS)
    return found


def set_rules(**rules: Any) -> None:
    """Saves a version of the default policy, in which underscores stand for hyphens."""
    found = Policy.objects.get(default=True)
    raw = {slug.replace("_", "-"): value for slug, value in rules.items()}
    version = queries.versions(found)[0]
    draft = Draft(found.name, f"After {version.number}", raw, frozenset())
    actions.save_policy(
        found.slug, draft, based_on=version.number, comment="x", actor=None, now=NOW
    )


def finding(host: Host, rule: str = "privileged") -> Result:
    return Result.objects.get(host=host, rule=rule, subject="reports")


def changes(result: Result) -> list[str]:
    return [step.change for step in Transition.objects.filter(result=result).order_by("id")]


def test_a_scan_says_by_which_version_it_was_judged(host: Host):
    assert scan(host, REPORTS, now=LATER).policy == "Baseline v1"
    set_rules(root_user="off")
    assert scan(host, REPORTS, now=LAST).policy == "Baseline v2"
    assert str(Standing.objects.get(host=host).judged_by) == "Baseline v2"


def test_a_rule_turned_off_ends_its_findings_without_calling_them_fixed(host: Host):
    set_rules(privileged="off")
    done = scan(host, REPORTS, now=LATER)
    found = finding(host)
    assert not found.open
    assert (found.verdict, found.gone_at) == ("fail", LATER)
    assert changes(found) == [Change.OPENED, Change.UNJUDGED]
    assert (done.opened, done.resolved) == (0, 0)
    assert not Posture.current.filter(host=host, rule="privileged").exists()
    assert not Tally.objects.filter(host=host, rule="privileged", state="open").exists()


def test_units_that_never_failed_leave_no_trace(host: Host):
    assert Result.objects.filter(host=host, rule="host-network", first_failed_at=None).exists()
    set_rules(host_network="off")
    scan(host, REPORTS, now=LATER)
    assert not Result.objects.filter(host=host, rule="host-network").exists()


def test_what_could_not_be_read_ends_too_when_nobody_asks_any_more(host: Host):
    set_rules(privileged="off")
    scan(host, without(REPORTS, "privileged", "labels"), networks=None, now=LATER)
    assert changes(finding(host)) == [Change.OPENED, Change.UNJUDGED]


def test_a_rule_turned_on_again_brings_them_back_with_their_history(host: Host):
    set_rules(privileged="off")
    scan(host, REPORTS, now=LATER)
    set_rules()
    scan(host, REPORTS, now=LAST)
    found = finding(host)
    assert found.open
    assert (found.first_failed_at, found.failed_since) == (NOW, LAST)
    assert changes(found) == [Change.OPENED, Change.UNJUDGED, Change.REOPENED]


def test_another_severity_moves_the_counts_and_the_weight(host: Host):
    before = Standing.objects.get(host=host)
    set_rules(privileged={"severity": "low"})
    done = scan(host, REPORTS, now=LATER)
    after = Standing.objects.get(host=host)
    assert (after.critical, after.low) == (before.critical - 1, before.low + 1)
    assert Posture.current.get(host=host, rule="privileged").severity == 0
    assert [row.severity for row in Tally.objects.filter(rule="privileged")] == [0]
    assert after.posture is not None
    assert before.posture is not None
    assert after.posture > before.posture
    rows = Posture.current.filter(host=host)
    figures = score.host_score(
        score.Counts(row.severity, row.passed, row.failed, row.excepted, row.unknown)
        for row in rows
    )
    assert figures.posture == after.posture
    assert (done.opened, done.resolved) == (0, 0)
    assert changes(finding(host)) == [Change.OPENED]


def test_the_weight_is_the_policys_also_where_every_result_says_another(host: Host):
    """A rule that distinguishes severities of its own."""
    adds = named("cap_add_all", "reports")
    scan(host, adds, now=LATER)
    set_rules(added_capabilities={"severity": "low"})
    scan(host, adds, now=LAST)
    assert Posture.current.get(host=host, rule="added-capabilities").severity == 0
    assert finding(host, "added-capabilities").severity == 0


def test_parameters_decide(host: Host):
    limited = named("isolation_plain", "reports", memory=1024**3)
    scan(host, limited, now=LATER)
    assert finding(host, "memory-limit").verdict == "pass"
    set_rules(memory_limit={"parameters": {"maximum_mib": 512}})
    scan(host, limited, now=LAST)
    assert finding(host, "memory-limit").verdict == "fail"


# --- in shadow


def test_a_rule_in_shadow_is_kept_apart_and_counts_nowhere(host: Host):
    before = Standing.objects.get(host=host)
    set_rules(privileged="shadow")
    scan(host, REPORTS, now=LATER)
    [row] = ShadowResult.objects.filter(host=host, subject="reports")
    assert (row.rule, row.verdict, row.first_seen_at) == ("privileged", "fail", LATER)
    assert row.evidence[0]["fact"] == "HostConfig.Privileged"
    assert not Result.objects.filter(rule="privileged", gone_at=None).exists()
    assert not Posture.current.filter(rule="privileged").exists()
    after = Standing.objects.get(host=host)
    assert after.critical == before.critical - 1
    assert changes(finding(host)) == [Change.OPENED, Change.UNJUDGED]


def test_it_never_opens_a_finding(host: Host):
    set_rules(**dict.fromkeys(queries.catalogue(), "shadow"))
    scan(host, REPORTS, named("everything", "shop"), now=LATER)
    assert not Result.objects.filter(open=True).exists()
    assert not Transition.objects.filter(at=LATER, change=Change.OPENED).exists()
    standing = Standing.objects.get(host=host)
    assert (standing.posture, standing.failed, standing.passed) == (None, 0, 0)
    assert ShadowResult.objects.filter(verdict="fail").exists()


def test_shadow_rows_are_written_only_on_change(host: Host):
    set_rules(privileged="shadow", memory_limit="shadow")
    scan(host, REPORTS, now=LATER)
    before = list(ShadowResult.objects.order_by("id").values())
    with CaptureQueriesContext(connection) as queried:
        scan(host, REPORTS, now=LAST)
    writes = [q for q in queried if q["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
    assert len(writes) < 6
    assert list(ShadowResult.objects.order_by("id").values()) == before
    scan(host, named("isolation_plain", "reports"), now=LAST)
    after = {row.rule: row for row in ShadowResult.objects.filter(subject="reports")}
    assert after["privileged"].verdict == "pass"
    assert after["privileged"].first_seen_at == LATER


def test_they_end_with_the_shadow_and_with_their_subject(host: Host):
    set_rules(privileged="shadow")
    scan(host, REPORTS, named("privileged", "second"), now=LATER)
    assert ShadowResult.objects.count() == 2
    scan(host, REPORTS, now=LATER)
    assert ShadowResult.objects.count() == 1
    set_rules()
    scan(host, REPORTS, now=LAST)
    assert not ShadowResult.objects.exists()
    assert finding(host).open


def test_what_they_say_is_counted_by_rule_and_group(host: Host):
    set_rules(privileged="shadow", root_user="shadow")
    scan(host, REPORTS, named("isolation_plain", "calm"), now=LATER)
    other = register("db-1", group="Data")
    scan(other, without(REPORTS, "privileged"), now=LATER)
    [privileged, _] = shadow.counts(["root-user", "privileged"])
    assert privileged == ("privileged", "Container runs privileged", 1, 1, 1, 2)
    [mine] = shadow.counts(["privileged"], groups=[host.group_id])
    assert (mine.failed, mine.passed, mine.unknown, mine.hosts) == (1, 1, 0, 1)
    [line] = shadow.failing("privileged")
    assert (line.subject, line.host, line.severity_name) == ("reports", host.name, "critical")
    assert shadow.counts([]) == []


def test_the_rules_page_shows_them_to_administrators_alone(
    host: Host, as_alice: Client, as_bob: Client
):
    said = "Would fail in 1 of 1 check on 1 host"
    assert said not in text(as_alice.get("/rules/privileged/").content.decode())
    set_rules(privileged="shadow")
    scan(host, REPORTS, now=LATER)
    assert said in text(as_alice.get("/rules/privileged/").content.decode())
    page = text(as_bob.get("/rules/privileged/").content.decode())
    assert said not in page
    assert "In shadow" in page  # that it is in shadow, everybody may know


def test_a_scans_page_tells_what_is_not_judged_any_more(host: Host, as_charlie: Client):
    set_rules(privileged="off")
    done = scan(host, REPORTS, now=LATER)
    said = text(as_charlie.get(f"/scans/{done.pk}/?tab=left_out").content.decode())
    assert "judged by Baseline v2" in said
    assert "Not judged any more (1)" in said
    assert "Container runs privileged" in said
    page = text(as_charlie.get(f"/findings/{finding(host).pk}/").content.decode())
    assert "Not judged any more: the policy leaves its rule out" in page
