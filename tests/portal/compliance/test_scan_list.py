"""The list of scans: what runs, what comes next, what was, and why nothing moves."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.compliance import actions
from portal.compliance.models import Scan, Transition
from portal.compliance.queries import scans as queries
from portal.core import heartbeat
from portal.core.health import Part
from portal.fleet.models import Host
from tests.fleet import failed_scan, named, register, scan
from tests.portal.plain import text

pytestmark = pytest.mark.django_db
PARTS = ("worker", "slow-worker", "beat")


@pytest.fixture
def now() -> Any:
    return timezone.now()


@pytest.fixture
def alive() -> Iterator[None]:
    """Worker and beat have just given a sign of life."""
    with heartbeat.connect() as client:
        for name in PARTS:
            heartbeat.beat(client, name)
        yield
        for name in PARTS:
            client.delete(heartbeat._key(name))


@pytest.fixture
def fleet(now: Any) -> list[Host]:
    web = register("prod-web-1", now=now)
    scan(web, named("privileged", "reports"), now=now - timedelta(hours=2))
    scan(web, named("isolation_plain", "reports"), now=now - timedelta(hours=1))
    lost = register("test-lost", environment="staging", owner="Shop", now=now)
    failed_scan(lost, now=now - timedelta(minutes=9))
    return [web, lost]


def get(client: Client, query: str = "", **headers: str) -> str:
    answer = client.get(f"/scans/{query}", headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def shown(client: Client, query: str = "") -> list[int]:
    answer = client.get(f"/scans/{query}")
    return [past.scan.pk for past in answer.context["history"].rows]


def test_without_hosts_it_says_when_the_first_scan_comes(as_alice: Client, alive: None):
    words = text(get(as_alice))
    assert "No scans yet" in words
    assert "No scan runs or waits." in words
    assert "No host is registered." in words


def test_it_answers_whether_every_host_was_read(as_alice: Client, fleet: list[Host]):
    page = get(as_alice)
    assert "1 of 2 hosts read in full at the last scan; 1 unreachable ." in text(page)
    assert 'href="/hosts/?state=unreachable"' in page


def test_what_runs_is_shown_with_how_far_it_is(as_alice: Client, fleet: list[Host], now: Any):
    running = actions.request_scan(fleet[0].pk, actor=None, now=now)
    actions.begin(running.pk, now=now)
    Scan.objects.filter(id=running.pk).update(phase="reading", done=14, total=32)
    actions.request_scan(fleet[1].pk, actor=None, now=now)
    page = get(as_alice)
    assert 'hx-trigger="every 2s"' in page
    assert '<progress max="32" value="14">' in page
    assert "Reading containers" in text(page)
    assert "14 of 32" in text(page)
    assert "Waiting test-lost Requested" in text(page)
    fragment = get(as_alice, **{"HX-Request-Type": "partial"})
    assert fragment.lstrip().startswith('<div id="scans"')
    # What has ended comes with it, and the form between is left alone.
    assert '<div id="history" hx-swap-oob="outerMorph">' in fragment
    assert "<select" not in fragment
    assert "hx-swap-oob" not in page


def test_it_stands_still_while_nothing_runs_or_waits(as_alice: Client, fleet: list[Host]):
    assert "every 2s" not in get(as_alice)


def test_many_waiting_scans_are_counted_and_not_listed(as_alice: Client, now: Any):
    for number in range(queries.RUNS_SHOWN + 5):
        host = register(f"host-{number}", now=now)
        actions.request_scan(host.pk, actor=None, now=now)
    Scan.objects.filter(host__name="host-3").update(kind="schedule")
    running = Scan.objects.get(host__name="host-3")
    actions.begin(running.pk, now=now)
    answer = as_alice.get("/scans/")
    ahead = answer.context["ahead"]
    assert [run.scan.pk for run in ahead.running] == [running.pk]
    assert len(ahead.queued) == queries.RUNS_SHOWN - 1
    assert "5 more scans waiting." in text(answer.content.decode())


def test_the_next_runs_come_in_their_order(as_alice: Client, fleet: list[Host], now: Any):
    for minutes, host in enumerate(reversed(fleet), 1):
        Host.objects.filter(id=host.pk).update(next_scan_at=now + timedelta(minutes=minutes))
    answer = as_alice.get("/scans/")
    assert [host.name for host in answer.context["upcoming"]] == ["test-lost", "prod-web-1"]


def test_the_history_tells_what_each_scan_found(as_alice: Client, fleet: list[Host]):
    page = get(as_alice)
    second = Scan.objects.filter(host=fleet[0]).first()
    assert second is not None
    assert second.resolved
    better = Transition.objects.filter(scan=second, change__in=queries.BETTER).count()
    assert f'<a class="name" href="/scans/{second.pk}/?show=better">{better} better</a>' in page
    assert "The socket was reached, but nothing listens there." in text(page)


def test_its_numbers_are_the_lengths_of_the_lists_behind_them(as_alice: Client, fleet: list[Host]):
    found = re.findall(r'href="(/scans/\d+/\?show=\w+)">(\d+) (?:worse|better)<', get(as_alice))
    assert found
    for address, number in found:
        answer = as_alice.get(address)
        assert answer.context["page"].paginator.count == int(number)


@pytest.mark.parametrize(
    ("query", "hosts"),
    [
        ("?kind=schedule", ["test-lost", "prod-web-1", "prod-web-1"]),
        ("?kind=manual", []),
        ("?outcome=failed", ["test-lost"]),
        ("?outcome=complete", ["prod-web-1", "prod-web-1"]),
        ("?outcome=complete&host=test-lost", []),
        ("?host=prod-web-1", ["prod-web-1", "prod-web-1"]),
        ("?environment=staging", ["test-lost"]),
        ("?kind=nothing&outcome=running", ["test-lost", "prod-web-1", "prod-web-1"]),
    ],
)
def test_it_is_filtered(as_alice: Client, fleet: list[Host], query: str, hosts: list[str]):
    names = [Scan.objects.get(id=number).host.name for number in shown(as_alice, query)]
    assert names == hosts


def test_filters_that_hide_everything_can_be_cleared(as_alice: Client, fleet: list[Host]):
    page = get(as_alice, "?kind=manual&environment=production")
    assert "No scans match" in text(page)
    assert 'href="/scans/?environment=production"' in page
    assert 'aria-label="Remove filter Kind"' in page


def test_older_scans_follow_without_gap_or_double(as_alice: Client, now: Any):
    host = register("prod-web-1", now=now)
    for number in range(queries.PAGE + 7):
        failed_scan(host, now=now + timedelta(minutes=number))
    first = as_alice.get("/scans/?outcome=failed")
    older = first.context["older_url"]
    assert "outcome=failed" in older
    assert "before=" in older
    rest = as_alice.get(older)
    pages = [[past.scan.pk for past in page.context["history"].rows] for page in (first, rest)]
    assert [len(page) for page in pages] == [queries.PAGE, 7]
    assert [*pages[0], *pages[1]] == list(Scan.objects.values_list("id", flat=True))
    assert 'rel="next"' not in rest.content.decode()
    assert "Newest" in text(rest.content.decode())


# The product's own parts


def test_without_a_worker_it_says_that_scans_wait(as_alice: Client, fleet: list[Host]):
    page = get(as_alice)
    assert "No worker has reported yet; scans wait." in text(page)
    assert "/readyz" in page


def test_with_all_parts_alive_it_says_nothing(as_alice: Client, fleet: list[Host], alive: None):
    assert "scans wait" not in text(get(as_alice))


@pytest.mark.parametrize(
    ("part", "values", "words"),
    [
        ("worker", {"age_seconds": 370.0}, "No worker has reported for 6 min; scans wait."),
        ("beat", {"age_seconds": 61.0}, "The scheduler has not reported for 1 min; scans wait."),
        ("beat", {}, "The scheduler has not reported yet; scans wait."),
        ("broker", {}, "The message broker does not answer; scans wait."),
        (
            "slow-worker",
            {},
            "The worker for hosts that are slow to answer does not report; their scans wait.",
        ),
    ],
)
def test_trouble_is_told_in_plain_words(part: str, values: dict[str, float], words: str):
    parts: dict[str, Part] = {name: {"ok": True} for name in ("database", "broker", *PARTS)}
    assert queries.trouble(parts) == ""
    parts[part] = {"ok": False, **values}  # type: ignore[typeddict-item]
    assert queries.trouble(parts).replace("\xa0", " ") == words


# Doors


def test_anonymous_is_sent_to_sign_in(client: Client):
    assert client.get("/scans/").url.startswith("/login/")


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_it_is_only_read(as_alice: Client, method: str):
    assert getattr(as_alice, method)("/scans/").status_code == 405


def test_a_viewer_sees_why_the_button_is_off(as_charlie: Client, fleet: list[Host]):
    page = get(as_charlie)
    assert re.search(r"<button[^>]* disabled>Scan 2\xa0hosts</button>", page)
    assert "may start scans." in text(page)
    assert 'action="/scans/start/"' not in page


@pytest.mark.parametrize(
    "query",
    [
        "?before=" + "9" * 400,
        "?before=-1",
        "?before=²",
        "?before=1%00",
        "?host=%00",
        "?host=" + "x" * 9000,
        "?kind=%00&outcome=%FF",
        "?environment=%00",
    ],
)
def test_an_odd_query_gives_a_page(as_alice: Client, fleet: list[Host], query: str):
    get(as_alice, query)


def test_names_and_diagnoses_are_shown_as_they_are(as_alice: Client, now: Any):
    host = register("<b>bold</b>", now=now)
    failed_scan(host, message="<script>alert(1)</script>", now=now)
    page = get(as_alice)
    assert "<b>bold</b>" not in page
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_the_queries_do_not_grow_with_the_history(as_alice: Client, now: Any, alive: None):
    counts = []
    for number in (2, 20):
        for place in range(number):
            host = register(f"host-{number}-{place}", now=now)
            scan(host, named("privileged", "reports"), now=now)
            actions.request_scan(host.pk, actor=None, now=now)
        Scan.objects.filter(state="queued").exclude(host__name__endswith="-1").delete()
        get(as_alice)
        with CaptureQueriesContext(connection) as captured:
            get(as_alice)
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 12
