"""One scan: how far it is, what it changed, what it could not read, or why it failed."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.accounts.models import User
from portal.compliance import actions
from portal.compliance.models import Cause, Scan, ScanState, Transition
from portal.compliance.queries import scans as queries
from portal.core.models import AuditEntry
from portal.fleet.models import Host, Ledger
from scanner.model import Gap
from tests.fleet import failed_scan, named, register, scan
from tests.portal.plain import text
from tests.recorded import without

pytestmark = pytest.mark.django_db
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def now() -> Any:
    return timezone.now()


@pytest.fixture
def host(now: Any) -> Host:
    return register("prod-web-1", now=now)


def get(client: Client, found: Scan, query: str = "", **headers: str) -> str:
    answer = client.get(f"/scans/{found.pk}/{query}", headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


# Before its end


def test_a_scan_that_waits_says_for_what(as_alice: Client, host: Host, now: Any, erin: User):
    waiting = actions.request_scan(host.pk, actor=erin, now=now)
    page = get(as_alice, waiting)
    words = text(page)
    assert "Waiting for a worker" in words
    assert "Requested by Erin" in words
    assert "No worker has reported yet; scans wait." in words
    assert 'hx-trigger="every 2s"' in page


def test_a_scan_that_waits_for_another_of_its_host_says_so(as_alice: Client, host: Host, now: Any):
    running = actions.request_scan(host.pk, actor=None, now=now)
    actions.begin(running.pk, now=now)
    waiting = actions.request_scan(host.pk, actor=None, now=now)
    assert "This host is being scanned" in text(get(as_alice, waiting))


@pytest.mark.parametrize(
    ("phase", "done", "total", "words"),
    [
        ("connecting", 0, 0, "Connecting to the engine"),
        ("reading", 14, 32, "Reading containers 14 of 32"),
        ("processes", 3, 20, "Reading process lists 3 of 20"),
        ("judging", 0, 0, "Judging what was read"),
        ("later-phase", 0, 0, "Starting"),
    ],
)
def test_a_scan_that_runs_tells_its_phase(
    as_alice: Client, host: Host, now: Any, phase: str, done: int, total: int, words: str
):
    running = actions.request_scan(host.pk, actor=None, now=now)
    actions.begin(running.pk, now=now)
    Scan.objects.filter(id=running.pk).update(phase=phase, done=done, total=total)
    page = get(as_alice, running, **{"HX-Request-Type": "partial"})
    assert page.lstrip().startswith('<div id="scan"')
    assert words in text(page)
    assert ('value="' in page.partition("<progress")[2].partition(">")[0]) == bool(total)


def test_an_attempt_that_was_lost_is_told(as_alice: Client, host: Host, now: Any):
    found = actions.request_scan(host.pk, actor=None, now=now)
    for _ in range(2):
        actions.begin(found.pk, now=now)
        Scan.objects.update(lease_expires_at=now - timedelta(seconds=1))
        actions.reap_dead_scans(now)
    words = text(get(as_alice, found))
    assert "Waiting for a worker again, after 2 lost attempts" in words
    assert "The worker of an earlier attempt was lost" in words


# After it


def test_a_scan_that_is_done_tells_what_got_worse_and_better(
    as_alice: Client, host: Host, now: Any
):
    scan(host, named("privileged", "reports"), now=now - timedelta(hours=1))
    done = scan(host, named("privileged", "agent"), named("isolation_plain", "reports"), now=now)
    assert done.opened
    assert done.resolved
    page = get(as_alice, done)
    assert "every 2s" not in page
    words = text(page)
    assert f"{done.opened} got worse, {done.resolved} got better" in words
    for group, changes in (("worse", queries.WORSE), ("better", queries.BETTER)):
        answer = as_alice.get(f"/scans/{done.pk}/?show={group}")
        found = Transition.objects.filter(scan=done, change__in=changes)
        assert answer.context["page"].paginator.count == found.count() > 0
        shown = answer.context["changes"]
        assert {change.finding_id for change in shown} <= {step.result_id for step in found}
        severities = [change.severity for change in shown]
        assert severities == sorted(severities, reverse=True)


def test_a_scan_that_changed_nothing_says_so(as_alice: Client, host: Host, now: Any):
    scan(host, named("privileged", "reports"), now=now - timedelta(hours=1))
    same = scan(host, named("privileged", "reports"), now=now)
    words = text(get(as_alice, same))
    assert "1 container read in" in words
    assert "nothing changed in either direction" in words


def test_what_could_not_be_read_is_told_by_its_reason(as_alice: Client, host: Host, now: Any):
    whole = named("privileged", "reports")
    scan(host, whole, now=now - timedelta(hours=1))
    gaps = [Gap("reports", "inspect", "the engine answered with status 500")]
    gaps += [Gap(f"web-{number}", "top", "no list") for number in range(14)]
    gaps += [Gap("host", "networks", "it was denied")]
    partial = scan(host, without(whole, "privileged"), gaps=gaps, networks=None, now=now)
    words = text(get(as_alice, partial))
    assert "Partly read" in words
    assert "Process list : web-0 , web-1" in words
    assert "and 4 more" in words
    assert "Configuration : reports The engine answered with status 500" in words
    assert "List of networks It was denied" in words
    assert f"{partial.unknown} checks could not be judged. No finding was closed" in words
    assert "Readable or not" in words


def test_a_scan_that_failed_tells_why_and_what_next(as_alice: Client, host: Host, now: Any):
    Host.objects.update(next_scan_at=now + timedelta(days=1))
    host.refresh_from_db()
    failed = failed_scan(host, now=now)
    words = text(get(as_alice, failed))
    assert "The socket was reached, but nothing listens there. Start the engine." in words
    assert "Next attempt in" in words
    assert "The host's findings stay as they were." in words
    Host.objects.update(next_scan_at=now - timedelta(seconds=1))
    assert "The next attempt is due now." in text(get(as_alice, failed))


def test_an_old_scan_leads_to_the_latest(as_alice: Client, host: Host, now: Any):
    old = failed_scan(host, now=now - timedelta(hours=1))
    new = scan(host, named("isolation_plain", "web"), now=now)
    page = get(as_alice, old)
    assert f'<a href="/scans/{new.pk}/">the latest scan of this host</a>' in page
    assert "Next attempt" not in text(page)
    assert "the latest scan of this host" not in get(as_alice, new)


def test_many_changes_are_paged(as_alice: Client, host: Host, now: Any):
    done = scan(host, *(named("privileged", f"shop-{number}") for number in range(9)), now=now)
    assert done.opened > 50
    page = get(as_alice, done, "?show=worse&page=2")
    assert 'aria-label="Pages"' in page
    assert "?show=worse&amp;page=1" in page or "?show=worse&page=1" in page


# Doors


def test_anonymous_is_sent_to_sign_in(client: Client):
    assert client.get("/scans/1/").url.startswith("/login/")


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_it_is_only_read(as_alice: Client, method: str):
    assert getattr(as_alice, method)("/scans/1/").status_code == 405


@pytest.mark.parametrize("number", ["987654", "9" * 18])
def test_an_unknown_number_is_not_found(as_alice: Client, number: str):
    answer = as_alice.get(f"/scans/{number}/")
    assert answer.status_code == 404
    assert "There is no scan of this number." in text(answer.content.decode())


def test_a_number_that_no_scan_can_have_is_not_found(as_alice: Client):
    assert as_alice.get(f"/scans/{'9' * 400}/").status_code == 404


def test_a_viewer_sees_why_the_button_is_off(as_charlie: Client, host: Host, now: Any):
    page = get(as_charlie, failed_scan(host, now=now))
    assert "disabled>Scan again</button>" in page
    assert "may start scans." in text(page)


@pytest.mark.parametrize("query", ["?show=%00", "?show=better&page=%00", "?page=9999999999999"])
def test_an_odd_query_gives_a_page(as_alice: Client, host: Host, now: Any, query: str):
    get(as_alice, scan(host, named("privileged", "reports"), now=now), query)


def test_names_are_shown_as_they_are(as_alice: Client, host: Host, now: Any):
    gaps = [Gap(HOSTILE, "top", HOSTILE)]
    page = get(as_alice, scan(host, named("privileged", HOSTILE), gaps=gaps, now=now))
    assert HOSTILE not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_the_queries_do_not_grow_with_the_changes(as_alice: Client, host: Host, now: Any):
    counts = []
    for number in (2, 30):
        shop = [named("everything", f"shop-{place}") for place in range(number)]
        done = scan(host, *shop, now=now + timedelta(minutes=number))
        get(as_alice, done)
        with CaptureQueriesContext(connection) as captured:
            get(as_alice, done)
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 12


# What else is told of it


def test_a_change_tells_its_cause_and_what_was_found(as_alice: Client, host: Host, now: Any):
    done = scan(host, named("privileged", "reports"), now=now)
    Transition.objects.filter(scan=done).update(cause=Cause.POLICY)
    words = text(get(as_alice, done))
    assert "The policy changed (Baseline v1)" in words
    assert "HostConfig.Privileged is true, wanted:" in words


def test_it_leads_to_the_comparison_with_the_scan_before(as_alice: Client, host: Host, now: Any):
    first = scan(host, named("privileged", "reports"), now=now - timedelta(hours=2))
    failed = failed_scan(host, now=now - timedelta(hours=1))
    last = scan(host, named("privileged", "reports"), now=now)
    assert f'href="/scans/compare/?a={first.pk}&amp;b={last.pk}"' in get(as_alice, last)
    assert "Compare with the scan before" not in text(get(as_alice, first))
    assert "Compare with the scan before" not in text(get(as_alice, failed))


def test_it_tells_how_long_the_engine_was_read(as_alice: Client, host: Host, now: Any):
    done = scan(host, named("privileged", "reports"), now=now)
    assert "How long it took" not in text(get(as_alice, done))
    Ledger.objects.create(
        host=host, kind="scan", at=now, seconds=0.25, calls=12, bytes=2048, body=b""
    )
    Scan.objects.update(queued_at=now - timedelta(seconds=3))
    Scan.objects.update(finished_at=now + timedelta(seconds=1))
    words = text(get(as_alice, done))
    assert "Reading 250 ms for 12 calls and 2 KiB" in words
    assert "Judging and keeping 750 ms" in words
    assert "Waiting before 3 s" in words


def test_as_json_it_holds_what_the_page_tells(as_alice: Client, host: Host, now: Any):
    gaps = [Gap("reports", "top", HOSTILE)]
    done = scan(host, named("privileged", "reports"), gaps=gaps, now=now)
    found = as_alice.get(f"/scans/{done.pk}/scan.json").json()
    assert (found["scan"], found["host"], found["state"]) == (done.pk, host.slug, "partial")
    assert found["gaps"] == [{"subject": "reports", "fact": "top", "reason": HOSTILE}]
    assert len(found["changes"]) == Transition.objects.filter(scan=done).count() > 0
    [change] = [change for change in found["changes"] if change["rule"] == "privileged"]
    assert change["change"] == "opened"
    assert change["severity"] == "critical"
    assert change["evidence"][0]["found"] is True


# Cancelling one that waits


def test_a_scan_that_waits_can_be_cancelled(as_erin: Client, erin: User, host: Host, now: Any):
    waiting = actions.request_scan(host.pk, actor=None, now=now)
    assert "Cancel this scan" in text(get(as_erin, waiting))
    answer = as_erin.post(f"/scans/{waiting.pk}/cancel/", follow=True)
    words = text(answer.content.decode())
    assert f"The waiting scan of {host.name} is cancelled." in words
    assert "before it began. Nothing was read." in words
    assert "What changed" not in words
    assert actions.begin(waiting.pk, now=now) is None
    waiting.refresh_from_db()
    assert waiting.state == ScanState.CANCELLED
    [entry] = AuditEntry.objects.filter(verb="compliance.cancel_scan")
    assert (entry.actor, entry.details) == (erin, {"scan": waiting.pk})
    again = actions.request_scan(host.pk, actor=None, now=now)
    assert again.pk != waiting.pk
    assert "Cancelled" in text(as_erin.get("/scans/?outcome=cancelled").content.decode())


def test_what_has_begun_is_not_cancelled(as_erin: Client, host: Host, now: Any):
    running = actions.request_scan(host.pk, actor=None, now=now)
    actions.begin(running.pk, now=now)
    assert "Cancel this scan" not in text(get(as_erin, running))
    answer = as_erin.post(f"/scans/{running.pk}/cancel/")
    assert answer.status_code == 409
    assert "This scan has begun or is over" in text(answer.content.decode())
    running.refresh_from_db()
    assert running.state == ScanState.RUNNING


def test_a_viewer_cancels_nothing(as_charlie: Client, host: Host, now: Any):
    waiting = actions.request_scan(host.pk, actor=None, now=now)
    assert "disabled>Cancel this scan</button>" in get(as_charlie, waiting)
    assert as_charlie.post(f"/scans/{waiting.pk}/cancel/").status_code == 403
    waiting.refresh_from_db()
    assert waiting.state == ScanState.QUEUED
    assert not AuditEntry.objects.filter(verb="compliance.cancel_scan").exists()
