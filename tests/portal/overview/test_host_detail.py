"""One host: its state in a sentence, its numbers, and what the tabs hold."""

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from portal.accounts.models import User
from portal.compliance import actions
from portal.compliance.models import Result, Scan, ScanState, Standing
from portal.fleet.models import Host
from scanner.model import Gap
from tests.fleet import begin, failed_scan, named, register, scan
from tests.portal.compliance.pages import BUDGET, NASTY, links, number, queries, text_of, total

pytestmark = pytest.mark.django_db
ADDRESS = "/hosts/web-1/"
TABS = ("findings", "containers", "images", "engine", "scans")
IMG = "<img src=x onerror=alert(1)>"


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def host(now: datetime) -> Host:
    """Scanned a minute ago."""
    host = register("web-1", now=now - timedelta(hours=1))
    scan(
        host,
        named("privileged", "reports"),
        named("privileged", "backup"),
        named("read_only", "web"),
        now=now - timedelta(minutes=1),
    )
    Host.objects.update(next_scan_at=now + timedelta(hours=23, minutes=1))
    return host


def test_a_current_host_in_a_sentence(as_charlie: Client, host: Host):
    said = text_of(as_charlie.get(ADDRESS))
    assert "Current Last complete scan 1 min ago" in said
    assert "took 0 ms." in said
    assert "Next in 23 h" in said
    assert "Production · Payments production · owner Payments · unix:///run/web-1.sock" in said
    standing = Standing.objects.get()
    checks = standing.passed + standing.failed + standing.unknown
    assert f"{standing.passed} of {checks} checks pass." in said


@pytest.mark.parametrize("scope", ["", "?owner=Payments", "?owner=Data"])
def test_every_number_leads_to_a_list_of_that_length(as_charlie: Client, host: Host, scope: str):
    scan(register("other", owner="Data"), named("privileged", "reports"))
    for tab in TABS:
        address = f"{ADDRESS}{scope}{'&' if scope else '?'}tab={tab}"
        found = links(as_charlie.get(address), "/findings/?")
        assert len(found) >= 7
        for link, text in found:
            assert ("owner=Payments" in link) == ("Payments" in scope)
            if text[0].isdigit():
                assert total(as_charlie.get(link)) == number(text)


def test_open_findings_stand_by_rule_the_worst_first(as_charlie: Client, host: Host):
    answer = as_charlie.get(ADDRESS)
    said = text_of(answer)
    assert said.index("Container runs privileged Critical 2 findings") < said.index("Medium")
    assert ("/rules/privileged/", "Container runs privileged") in links(answer, "/rules/")
    counted = sum(number(text) for link, text in links(answer, "&rule="))
    assert counted == Result.objects.filter(open=True).count()


def test_no_open_finding_is_said_with_what_was_checked(as_charlie: Client, host: Host):
    Result.objects.update(open=False)
    said = text_of(as_charlie.get(ADDRESS))
    assert "No open findings" in said
    assert "could not be judged" in said
    assert "secure" not in said.lower()


def test_containers_with_their_checks(as_charlie: Client, host: Host):
    answer = as_charlie.get(f"{ADDRESS}?tab=containers")
    said = text_of(answer)
    assert "3 containers at the last scan" in said
    for name in ("reports", "backup", "web"):
        results = Result.objects.filter(subject=name, gone_at=None)
        passed = results.filter(verdict="pass").count()
        failed = results.filter(verdict="fail").count()
        assert f"{passed} pass, {failed} fail" in said
    assert "plimsoll/busybox:1" in said


def test_replicas_show_that_they_are_judged_together(as_charlie: Client, now: datetime):
    host = register("web-1")
    labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}
    replicas = [named("privileged", f"shop-web-{count}", labels=labels) for count in (1, 2)]
    scan(host, *replicas, now=now)
    answer = as_charlie.get(f"{ADDRESS}?tab=containers")
    assert text_of(answer).count("one of 2 replicas, judged together") == 2
    critical = [found for found in links(answer, "container=") if "severity=critical" in found[0]]
    assert len(critical) == 2
    for link, text in critical:
        assert total(as_charlie.get(link)) == number(text) == 1


def test_what_the_engine_told(as_charlie: Client, host: Host):
    said = text_of(as_charlie.get(f"{ADDRESS}?tab=engine"))
    for fact in ("Docker 20.10.24", "overlay2", "Live restore info: LiveRestoreEnabled off"):
        assert fact in said
    assert "name=seccomp,profile=default" in said
    assert "Everything that was asked for was answered at the last scan." in said


def test_what_the_engine_did_not_tell_and_why(as_charlie: Client, host: Host):
    engine = dict(host.engine) or dict(Host.objects.get(pk=host.pk).engine)
    del engine["kernel"]
    engine["unread"] = {"memory": "the answer was no number"}
    Host.objects.update(engine=engine)
    said = text_of(as_charlie.get(f"{ADDRESS}?tab=engine"))
    assert "Kernel info: KernelVersion Could not be read: the engine's answer lacks it" in said
    assert "Memory info: MemTotal Could not be read: the answer was no number" in said


def test_a_partly_read_host_names_its_gaps(as_charlie: Client, now: datetime):
    host = register("web-1")
    gaps = [Gap("web", "inspect", "The engine denied it"), Gap("host", "images", "no answer")]
    scan(host, named("privileged", "reports"), gaps=gaps, now=now)
    answer = as_charlie.get(ADDRESS)
    said = text_of(answer)
    assert "Partly read Last scan" in said
    assert "2 things could not be read at the last scan." in said
    ((link, _),) = [
        found for found in links(answer, "tab=engine") if found[1] == "See what and why"
    ]
    said = text_of(as_charlie.get(ADDRESS + link))
    assert "web inspect The engine denied it" in said
    assert "host images no answer" in said


def test_a_host_that_is_lost_shows_why_and_of_when_the_rest_is(
    as_charlie: Client, host: Host, now: datetime
):
    failed_scan(host, message="Nothing listens there.", advice="Start it.", now=now)
    said = text_of(as_charlie.get(ADDRESS))
    assert "Unreachable Last read 1 min ago" in said
    assert "Nothing listens there. Start it. Data below is from" in said
    assert "in a row" not in said
    failed_scan(host, message="Nothing listens there.", now=now)
    assert "2 attempts failed in a row." in text_of(as_charlie.get(ADDRESS))
    assert "Container runs privileged" in said


def test_a_host_that_was_never_reached(as_charlie: Client, now: datetime):
    failed_scan(register("web-1"), kind="denied", now=now)
    for tab in TABS:
        said = text_of(as_charlie.get(f"{ADDRESS}?tab={tab}"))
        assert "Not authorised Never read." in said
        assert "Nothing is known of this host yet." in said
        assert "%" not in said


def test_a_stale_host_says_of_when_its_data_is(as_charlie: Client, host: Host, now: datetime):
    Host.objects.update(last_success_at=now - timedelta(days=3))
    said = text_of(as_charlie.get(ADDRESS))
    assert "Stale Last complete scan 3 days ago" in said
    assert "Data below is from" in said


def test_a_new_host_says_what_happens_next(as_charlie: Client, bob: User, now: datetime):
    host = register("web-1", now=now)
    answer = as_charlie.get(ADDRESS)
    assert "Never scanned Registered" in text_of(answer)
    assert "The first scan begins within seconds" in text_of(answer)
    assert b"every 2s" in answer.content
    Host.objects.update(next_scan_at=now + timedelta(hours=5))
    answer = as_charlie.get(ADDRESS)
    assert "Not scanned yet" in text_of(answer)
    assert "Next in 4 h" in text_of(answer)
    assert b"every 2s" not in answer.content
    actions.request_scan(host.pk, actor=bob, now=now)
    answer = as_charlie.get(ADDRESS)
    assert "The first scan is under way" in text_of(answer)
    assert "Waiting for a worker" in text_of(answer)


def test_a_running_scan_is_followed(as_bob: Client, host: Host, now: datetime):
    begun = begin(host, now=now)
    Scan.objects.filter(pk=begun.scan_id).update(phase="reading", done=14, total=32)
    answer = as_bob.get(f"{ADDRESS}?tab=scans")
    assert "Reading containers" in text_of(answer)
    assert "14 of 32" in text_of(answer)
    assert '<progress max="32" value="14">' in answer.content.decode()
    assert 'hx-get="/hosts/web-1/?tab=scans" hx-trigger="every 2s"' in answer.content.decode()
    assert (f"/scans/{begun.scan_id}/", "See this scan") in links(answer, "/scans/")
    part = as_bob.get(ADDRESS, headers={"HX-Request-Type": "partial"})
    assert part.content.lstrip().startswith(b'<div id="host"')
    Scan.objects.filter(pk=begun.scan_id).update(phase="", done=0, total=0)
    assert "Starting" in text_of(as_bob.get(ADDRESS))
    Scan.objects.filter(pk=begun.scan_id).update(phase="something new")
    assert "Starting" in text_of(as_bob.get(ADDRESS))


def test_the_last_sixty_scans(as_charlie: Client, host: Host, now: datetime):
    first = Scan.objects.get()
    failed_scan(host, message="Gone away.", now=now)
    said = text_of(as_charlie.get(f"{ADDRESS}?tab=scans"))
    assert "2 scans: 1 failed, 1 complete" in said
    assert "Failed: Gone away." in said
    assert f"{first.opened} opened" in said
    Scan.objects.bulk_create(
        Scan(host=host, kind="schedule", state=ScanState.COMPLETE, queued_at=now) for _ in range(70)
    )
    answer = as_charlie.get(f"{ADDRESS}?tab=scans")
    assert "The last 60 scans: 60 complete" in text_of(answer)
    assert len([found for found in links(answer, "/scans/") if found[1].isdigit()]) == 60


@pytest.mark.parametrize(
    ("who", "scans", "edits"), [("charlie", 0, 0), ("erin", 1, 0), ("bob", 1, 1)]
)
def test_who_may_scan_and_edit(
    request: pytest.FixtureRequest, host: Host, who: str, scans: int, edits: int
):
    answer = request.getfixturevalue(f"as_{who}").get(ADDRESS)
    page, said = answer.content.decode(), text_of(answer)
    assert page.count('<form method="post" action="/hosts/web-1/scan/">') == scans
    assert len(links(answer, "/edit/")) == edits
    assert ("may start scans." in said) == (not scans)
    assert ("may register, change or remove hosts." in said) == (not edits)
    assert page.count("disabled>Scan now") == 1 - scans
    assert page.count("disabled>Edit") == 1 - edits


def test_scan_now_asks_for_a_scan(as_bob: Client, host: Host):
    assert as_bob.post(f"{ADDRESS}scan/").status_code == 302
    assert Scan.objects.filter(host=host, state=ScanState.QUEUED).count() == 1


@pytest.mark.parametrize("tab", TABS)
def test_hostile_text_is_only_text(as_charlie: Client, tab: str, now: datetime):
    host = register("web-1", owner=IMG)
    name = IMG + "\u202e" + "x" * 300
    scan(host, named("privileged", name, image=IMG), gaps=[Gap(IMG, IMG, IMG)], now=now)
    failed_scan(host, message=IMG, advice=IMG, now=now)
    Host.objects.update(name=IMG, engine={"version": IMG, "warnings": [IMG], "unread": {"id": IMG}})
    page = as_charlie.get(f"{ADDRESS}?tab={tab}").content.decode()
    assert "<img src=x" not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") >= 5


@pytest.mark.parametrize("query", [*NASTY, "tab=nothing", "tab=%00", "tab=containers&page=9e9"])
def test_hostile_queries_give_a_page(as_charlie: Client, host: Host, query: str):
    assert as_charlie.get(f"{ADDRESS}?{query}").status_code == 200


def test_a_rule_that_is_no_longer_known_is_shown_by_its_slug(as_charlie: Client, host: Host):
    Result.objects.filter(rule="privileged").update(rule="of-old")
    assert "of-old" in text_of(as_charlie.get(ADDRESS))


def test_the_door(client: Client, as_charlie: Client, host: Host):
    assert client.get(ADDRESS).headers["Location"] == f"/login/?next={ADDRESS}"
    assert as_charlie.post(ADDRESS).status_code == 405
    assert as_charlie.get("/hosts/nothing/").status_code == 404


@pytest.mark.parametrize("tab", TABS)
def test_the_number_of_queries_does_not_grow(
    as_charlie: Client, host: Host, tab: str, now: datetime
):
    address = f"{ADDRESS}?tab={tab}"
    few = queries(as_charlie, address)
    many = [named("privileged", f"reports-{count}") for count in range(40)]
    scan(host, *many, now=now)
    scan(register("other"), *many, now=now)
    assert queries(as_charlie, address) == few <= BUDGET
