"""Silence and grace: what could not be read counts as it did for a while, and then as not met."""

from datetime import timedelta

import pytest

from portal.compliance import actions
from portal.compliance.models import (
    Change,
    HostDay,
    Result,
    Silence,
    Standing,
    Transition,
)
from portal.compliance.score import Score, fleet_score
from portal.fleet.models import Host
from scanner.model import Gap
from tests.fleet import NOW, failed_scan, named, register, scan
from tests.recorded import without

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
CAUSES = ("fixes", "regressions", "added", "removed", "exceptions", "rules", "coverage")


@pytest.fixture
def host() -> Host:
    return register("prod-web-1")


def last_day(host: Host) -> HostDay:
    return HostDay.objects.filter(host=host).order_by("day").reverse()[0]


def moved(day: HostDay) -> set[str]:
    return {cause for cause in CAUSES if abs(getattr(day, f"by_{cause}")) > 1e-9}


def observed(standing: Standing) -> tuple[int, ...]:
    return (standing.passed, standing.failed, standing.excepted, standing.unknown)


def fleet() -> Score:
    return fleet_score(
        (Score(row.posture, row.accepted, row.coverage), 1) for row in Standing.objects.all()
    )


def test_a_silent_host_keeps_its_posture_for_the_grace_and_has_no_coverage(host: Host):
    scan(host, named("privileged", "reports"))
    before = Standing.objects.get(host=host)
    failed_scan(host, now=NOW + HOUR)
    quiet = Standing.objects.get(host=host)
    assert (quiet.posture, quiet.coverage) == (before.posture, 0)
    assert observed(quiet) == observed(before)
    assert last_day(host).unknown == sum(observed(before)) > 0
    assert quiet.recount_at == NOW + 48 * HOUR
    assert actions.recount_due(NOW + 47 * HOUR) == 0
    assert actions.recount_due(NOW + 48 * HOUR) == 1
    lost = Standing.objects.get(host=host)
    assert (lost.posture, lost.accepted, lost.coverage, lost.recount_at) == (0, 0, 0, None)
    assert lost.critical == before.critical > 0
    assert observed(lost) == observed(before)
    assert actions.recount_due(NOW + 49 * HOUR) == 0
    last = last_day(host)
    assert moved(last) == {"coverage"}
    assert last.silent
    # Heard again, nothing has changed: all of it comes back, and none of it is a fix.
    scan(host, named("privileged", "reports"), now=NOW + 72 * HOUR)
    again = Standing.objects.get(host=host)
    assert (again.posture, again.coverage) == (before.posture, before.coverage)
    assert moved(last_day(host)) == {"coverage"}
    assert not last_day(host).silent
    assert Silence.objects.get().until == NOW + 72 * HOUR
    assert set(Transition.objects.values_list("change", flat=True)) == {Change.OPENED}


def test_several_failed_readings_are_one_silence(host: Host):
    scan(host, named("cap_drop_all", "web"))
    failed_scan(host, now=NOW + HOUR)
    failed_scan(host, kind="timeout", now=NOW + 2 * HOUR)
    [found] = Silence.objects.all()
    assert (found.since, found.until, found.known_at, found.kind) == (
        NOW + HOUR,
        None,
        NOW,
        "refused",
    )


def test_a_host_that_nobody_reads_falls_silent_too(host: Host):
    scan(host, named("cap_drop_all", "web"))
    assert actions.note_overdue(NOW + 48 * HOUR) == 0
    assert actions.note_overdue(NOW + 48 * HOUR + timedelta(seconds=1)) == 1
    assert actions.note_overdue(NOW + 50 * HOUR) == 0
    assert Silence.objects.get().kind == "overdue"
    assert Standing.objects.get().coverage == 0


def test_what_can_be_seen_no_more_is_held_for_the_grace_and_then_not_met(host: Host):
    whole = named("cap_drop_all", "web")
    scan(host, whole)
    before = Standing.objects.get()
    gap = Gap("web", "inspect", "The engine answered with status 500.")
    scan(host, without(whole, "privileged"), gaps=[gap], now=NOW + HOUR)
    assert Result.objects.filter(verdict="unknown", known_verdict="pass").exists()
    quiet = Standing.objects.get()
    assert quiet.coverage is not None
    assert before.coverage is not None
    assert quiet.posture == before.posture
    present = Result.objects.filter(host=host, gone_at=None)
    assert quiet.unknown == present.filter(verdict="unknown").count()
    assert quiet.coverage < before.coverage
    assert quiet.recount_at == NOW + HOUR + 48 * HOUR
    assert actions.recount_due(NOW + 50 * HOUR) == 1
    after = Standing.objects.get()
    assert after.posture is not None
    assert before.posture is not None
    assert after.posture < before.posture
    assert moved(last_day(host)) == {"coverage"}


def test_two_of_ten_hosts_are_cut_off():
    """Scenario B, through the tables: the fleet's score is held, then falls by what they gave."""
    hosts = [register(f"prod-web-{number}") for number in range(10)]
    for number, host in enumerate(hosts):
        scan(host, named("privileged" if number % 2 else "cap_drop_all", "reports"))
    before = fleet()
    gave = [Standing.objects.get(host=host).posture for host in hosts]
    for host in hosts[8:]:
        failed_scan(host, now=NOW + HOUR)
    in_grace = fleet()
    assert in_grace.posture == before.posture
    assert in_grace.coverage == pytest.approx((before.coverage or 0) * 8 / 10)
    for host in hosts[:8]:  # the others go on
        scan(
            host,
            named("privileged" if host.name[-1] in "1357" else "cap_drop_all", "reports"),
            now=NOW + 24 * HOUR,
        )
    assert actions.recount_due(NOW + 48 * HOUR) == 2
    after = fleet()
    assert after.posture == pytest.approx(sum(each or 0 for each in gave[:8]) / 10)
    assert after.coverage == in_grace.coverage
    for host in hosts[8:]:
        assert last_day(host).by_coverage == -(gave[host.pk - hosts[0].pk] or 0)


def test_what_was_held_before_the_silence_is_held_no_longer_for_it(host: Host):
    whole = named("cap_drop_all", "web")
    scan(host, whole)
    gap = Gap("web", "inspect", "The engine answered with status 500.")
    scan(host, without(whole, "privileged"), gaps=[gap], now=NOW + HOUR)
    scan(host, without(whole, "privileged"), gaps=[gap], now=NOW + 24 * HOUR)
    held = Standing.objects.get().posture
    failed_scan(host, now=NOW + 25 * HOUR)
    quiet = Standing.objects.get()
    assert (quiet.posture, quiet.recount_at) == (held, NOW + HOUR + 48 * HOUR)
    assert actions.recount_due(NOW + 49 * HOUR) == 1
    less = Standing.objects.get()
    assert 0 < (less.posture or 0) < (held or 0)
    assert less.recount_at == NOW + 24 * HOUR + 48 * HOUR
