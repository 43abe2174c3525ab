"""Scans and the overview in a browser: what runs is followed, and no choice is lost."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from portal.compliance import actions
from portal.compliance.models import Scan
from scanner import Snapshot
from tests.browser.looks import flaws, path, sign_in
from tests.fleet import begin, failed_scan, named, register, scan
from tests.people import person
from tests.recorded import host as recorded_host

pytestmark = pytest.mark.django_db(transaction=True)


def finish(begun: actions.scans.Begun) -> None:
    snapshot = Snapshot(host=recorded_host(), containers=(named("privileged", "reports"),))
    actions.assess(begun, snapshot, now=timezone.now())


def test_a_scan_that_ends_joins_the_history_and_the_filter_keeps_its_choice(browser_page: Page):
    page, now = browser_page, timezone.now()
    host = register("web-1", now=now)
    begun = begin(host, now=now)
    sign_in(page, person("charlie"))
    page.goto("/scans/")
    expect(page.get_by_text("No scan is over yet")).to_be_visible()
    page.get_by_label("Outcome").select_option("failed")
    Scan.objects.filter(id=begun.scan_id).update(phase="reading", done=14, total=32)
    expect(page.get_by_text("14 of 32")).to_be_visible()
    finish(begun)
    expect(page.locator("#history").get_by_role("link", name="web-1")).to_be_visible()
    expect(page.get_by_text("No scan runs or waits.")).to_be_visible()
    assert page.get_by_label("Outcome").input_value() == "failed"


def test_the_overview_turns_from_the_first_scan_to_its_results(browser_page: Page):
    page, now = browser_page, timezone.now()
    begun = begin(register("web-1", now=now), now=now)
    sign_in(page, person("charlie"))
    page.goto("/")
    expect(page.get_by_role("heading", name="The first scan is under way")).to_be_visible()
    finish(begun)
    expect(page.get_by_role("heading", name="Compliance")).to_be_visible()
    expect(page.locator("#overview[hx-trigger]")).to_have_count(0)


def test_a_scan_is_started_and_followed_to_its_end(browser_page: Page):
    page, now = browser_page, timezone.now()
    host = register("web-1", now=now)
    scan(host, named("isolation_plain", "reports"), now=now - timedelta(hours=1))
    sign_in(page, person("erin"))
    page.goto("/scans/")
    page.get_by_role("button", name="Scan 1 host").click()
    expect(page.get_by_text("1 scan queued.")).to_be_visible()
    page.locator("#scans").get_by_role("link", name="web-1").first.click()
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    waiting = Scan.objects.get(state="queued")
    assert path(page) == f"/scans/{waiting.pk}/"
    begun = actions.begin(waiting.pk, now=timezone.now())
    assert begun is not None
    expect(page.get_by_text("Connecting to the engine")).to_be_visible()
    finish(begun)
    expect(page.get_by_text("got worse", exact=False).first).to_be_visible()
    expect(page.get_by_role("button", name="Scan again")).to_be_visible()


def test_the_states_of_scans_and_of_the_overview_have_no_flaws(browser_page: Page):
    page, now = browser_page, timezone.now()
    sign_in(page, person("bob"))
    page.goto("/")
    assert flaws(page, "home-empty") == []
    host = register("prod-" + "long-name-" * 9, owner="O" * 90, group="g", now=now)
    failed = failed_scan(host, message="m" * 300, now=now)
    waiting = actions.request_scan(host.pk, actor=None, now=now)
    found = {}
    for name, address in {
        "home-unread": "/",
        "home-nothing": "/?owner=nobody",
        "scan-failed": f"/scans/{failed.pk}/",
        "scan-waiting": f"/scans/{waiting.pk}/",
        "scans-waiting": "/scans/",
        "scans-filtered": "/scans/?kind=manual&outcome=failed",
    }.items():
        page.goto(address)
        if wrong := flaws(page, name):
            found[name] = wrong
    assert not found
