"""What a scan leaves behind: findings with a life that survives re-creation, and never a double."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.compliance import actions
from portal.compliance.models import (
    Change,
    Posture,
    Result,
    Scan,
    ScanState,
    Standing,
    Transition,
    Verdict,
)
from portal.fleet.models import Container, Host, HostState
from scanner import Snapshot
from scanner.model import Gap
from tests.fleet import NOW, begin, failed_scan, named, register, scan
from tests.recorded import host as recorded_host
from tests.recorded import without

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)
LAST = NOW + timedelta(hours=2)


@pytest.fixture
def host() -> Host:
    return register("prod-web-1")


def finding(host: Host, rule: str = "privileged", subject: str = "reports") -> Result:
    return Result.objects.get(host=host, rule=rule, subject=subject)


def changes(result: Result) -> list[str]:
    return [step.change for step in Transition.objects.filter(result=result).order_by("id")]


def test_a_fail_opens_a_finding(host: Host):
    done = scan(host, named("privileged", "reports"))
    found = finding(host)
    assert found.open
    assert found.first_failed_at == found.failed_since == NOW
    assert found.workload == "container/reports"
    assert found.container == Container.objects.get(host=host, name="reports")
    assert found.evidence[0]["fact"] == "HostConfig.Privileged"
    assert done.state == ScanState.COMPLETE
    assert done.opened == Result.objects.filter(open=True).count() > 0
    assert changes(found) == [Change.OPENED]


def test_a_recreated_container_keeps_its_finding(host: Host):
    scan(host, named("privileged", "reports"))
    scan(host, named("privileged", "reports", id="f" * 64), now=LATER)
    found = finding(host)
    assert found.open
    assert found.first_failed_at == NOW
    assert changes(found) == [Change.OPENED]
    assert Container.objects.get(host=host, name="reports").engine_id == "f" * 64


def test_a_pass_resolves_it_and_a_new_fail_brings_it_back(host: Host):
    scan(host, named("privileged", "reports"))
    scan(host, named("isolation_plain", "reports"), now=LATER)
    found = finding(host)
    assert not found.open
    assert found.resolved_at == LATER
    scan(host, named("privileged", "reports"), now=LAST)
    found = finding(host)
    assert found.open
    assert (found.first_failed_at, found.failed_since, found.times_opened) == (NOW, LAST, 2)
    assert found.resolved_at is None
    assert changes(found) == [Change.OPENED, Change.RESOLVED, Change.REOPENED]


def test_a_removed_container_resolves_its_findings_and_leaves_the_counts(host: Host):
    scan(host, named("privileged", "reports"))
    scan(host, now=LATER)
    found = finding(host)
    assert not found.open
    assert found.gone_at == found.resolved_at == LATER
    assert changes(found) == [Change.OPENED, Change.VANISHED]
    assert Container.objects.get(host=host, name="reports").gone_at == LATER
    assert not Result.objects.filter(subject="reports", first_failed_at=None).exists()
    assert not Posture.current.filter(host=host, rule="privileged").exists()


def test_what_could_not_be_read_changes_no_finding_and_is_no_pass(host: Host):
    whole = named("privileged", "reports")
    scan(host, whole)
    gap = Gap("reports", "inspect", "the engine answered with status 500")
    done = scan(host, without(whole, "privileged"), gaps=[gap], now=LATER)
    found = finding(host)
    assert found.open
    assert found.verdict == Verdict.UNKNOWN
    assert found.failed_since == NOW
    assert changes(found) == [Change.OPENED, Change.UNREADABLE]
    assert done.state == ScanState.PARTIAL
    assert done.unknown
    host.refresh_from_db()
    assert host.state == HostState.PARTIAL
    scan(host, whole, now=LAST)
    assert changes(finding(host))[-1] == Change.READABLE


def test_an_unreachable_host_keeps_everything_that_was_known(host: Host):
    scan(host, named("privileged", "reports"))
    before = list(Result.objects.order_by("id").values())
    standing = list(Standing.objects.values())
    failed_scan(host, now=LATER)
    host.refresh_from_db()
    assert host.state == HostState.UNREACHABLE
    assert (host.last_success_at, host.last_attempt_at) == (NOW, LATER)
    assert host.diagnosis == "The socket was reached, but nothing listens there."
    assert list(Result.objects.order_by("id").values()) == before
    [quiet] = Standing.objects.values()
    assert quiet["posture"] == standing[0]["posture"]
    assert quiet["coverage"] == 0
    assert (quiet["critical"], quiet["high"]) == (standing[0]["critical"], standing[0]["high"])
    scan(host, named("privileged", "reports"), now=LAST)
    host.refresh_from_db()
    assert (host.state, host.diagnosis, host.failed_attempts) == (HostState.OK, "", 0)


def test_a_scan_that_finds_nothing_new_writes_a_handful_of_rows(host: Host):
    containers = [named("everything", f"shop-{number}") for number in range(30)]
    scan(host, *containers)
    before = list(Result.objects.order_by("id").values())
    with CaptureQueriesContext(connection) as queries:
        scan(host, *containers, now=LATER)
    writes = [q["sql"] for q in queries if q["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
    assert 0 < len(writes) < 6
    assert list(Result.objects.order_by("id").values()) == before


def test_the_number_of_queries_does_not_depend_on_the_number_of_containers():
    counts = []
    scan(register("first"), named("privileged"))  # which notes what judged here first
    for number in (3, 15):  # both in one batch of a thousand results
        host = register(f"host-{number}")
        containers = [named("everything", f"shop-{place}") for place in range(number)]
        with CaptureQueriesContext(connection) as first:
            scan(host, *containers)
        with CaptureQueriesContext(connection) as again:
            scan(host, *containers, now=LATER)
        counts.append((len(first), len(again)))
    assert counts[0] == counts[1]
    assert counts[0][0] <= 48
    assert counts[0][1] <= 22


def test_the_result_of_a_scan_that_was_given_to_another_worker_is_not_written(host: Host):
    begun = begin(host)
    Scan.objects.filter(id=begun.scan_id).update(lease_expires_at=NOW - timedelta(seconds=1))
    actions.reap_dead_scans(NOW)
    again = actions.begin(begun.scan_id, now=LATER)
    assert again is not None
    snapshot = Snapshot(host=recorded_host(), containers=(named("privileged", "reports"),))
    with pytest.raises(actions.Lost):
        actions.assess(begun, snapshot, now=LATER)
    assert not Result.objects.exists()
    actions.assess(again, snapshot, now=LATER)
    assert finding(host).open


def test_replicas_are_one_unit_and_the_worst_decides(host: Host):
    labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}
    good = named("isolation_plain", "shop-web-1", labels=labels)
    bad = named("privileged", "shop-web-2", labels=labels)
    scan(host, good, bad)
    [found] = Result.objects.filter(rule="privileged")
    assert (found.workload, found.subject) == ("compose/shop/web", "shop-web-2")
    assert Posture.current.get(host=host, rule="privileged").failed == 1


def test_a_mended_part_is_fixed_and_not_gone(host: Host):
    scan(host, named("cap_add_all", "tool"))
    open_before = Result.objects.filter(rule="added-capabilities", open=True)
    assert open_before
    scan(host, named("isolation_plain", "tool"), now=LATER)
    found = Result.objects.filter(rule="added-capabilities").exclude(sub_object="")
    assert [result.verdict for result in found] == [Verdict.PASS] * len(found)
    assert {step.change for step in Transition.objects.filter(result__in=found)} == {
        Change.OPENED,
        Change.RESOLVED,
    }


def test_the_score_counts_what_stands(host: Host):
    scan(host, named("privileged", "reports"), named("isolation_plain", "web"))
    standing = Standing.objects.get(host=host)
    assert standing.critical == Result.objects.filter(open=True, severity=3).count()
    present = Result.objects.filter(gone_at=None)
    for verdict, column in (("pass", "passed"), ("fail", "failed"), ("unknown", "unknown")):
        assert getattr(standing, column) == present.filter(verdict=verdict).count()
    assert standing.posture is not None
    assert 0 < standing.posture < 100
