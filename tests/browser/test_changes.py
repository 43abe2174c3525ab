"""Changes in a browser: what got worse is one click away, and two scans are compared with two
ticks."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from portal.compliance.models import Scan
from scanner.model import Gap
from tests.browser.looks import flaws, path, sign_in
from tests.fleet import named, register, scan
from tests.people import person
from tests.recorded import without

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)


@pytest.fixture
def scans() -> list[Scan]:
    """Two of one host, between which everything happened."""
    now = timezone.now()
    host = register("prod-web-1", owner="Payments", now=now - 60 * DAY)
    long = "a-name-that-goes-on-" * 9
    first = [
        named("isolation_plain", "reports"),
        named("privileged", "agent"),
        named("ipc_host", "old"),
        named("everything", "hidden"),
    ]
    gaps = [Gap("hidden", "inspect", "it was denied")]
    second = [
        named("privileged", "reports"),
        named("isolation_plain", "agent"),
        named("everything", long),
        without(named("everything", "hidden"), "pid_mode", "ipc_mode"),
    ]
    fresh = register("edge-1", owner="", now=now - 2 * DAY)
    done = [scan(host, *first, now=now - 30 * DAY), scan(host, *second, gaps=gaps, now=now - DAY)]
    scan(fresh, named("privileged", "x"), now=now - DAY)
    return done


def test_what_got_worse_is_one_click_away_and_leads_to_its_finding(
    browser_page: Page, scans: list[Scan]
):
    page = browser_page
    sign_in(page, person("charlie"))
    page.goto("/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Changes").click()
    team = page.get_by_role("region", name="Payments", exact=True)
    row = team.get_by_role("row").filter(has_text="reports").filter(has_text="runs privileged")
    expect(row).to_contain_text("HostConfig.Privileged is true")
    page.get_by_label("Severity").select_option("critical")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("listitem").filter(has_text="Severity: critical")).to_be_visible()
    page.get_by_role("link", name="Better").click()
    expect(page.get_by_role("link", name="Remove filter Severity")).to_be_visible()
    page.get_by_role("row").filter(has_text="agent").get_by_role("link", name="privileged").click()
    assert path(page).startswith("/findings/")
    expect(page.get_by_text("Fixed").first).to_be_visible()


def test_two_scans_are_ticked_and_compared(browser_page: Page, scans: list[Scan]):
    page = browser_page
    sign_in(page, person("charlie"))
    page.goto("/scans/")
    for found in scans:
        page.get_by_label(f"Compare scan {found.pk} of prod-web-1").check()
    page.get_by_role("button", name="Compare two scans").click()
    expect(page.get_by_role("heading", name="Two scans of prod-web-1")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="reports").filter(has_text="runs privileged")
    expect(row).to_contain_text("Did not fail")
    page.get_by_role("link", name="Swap A and B").click()
    expect(page.get_by_text("A is the later one.")).to_be_visible()


def test_the_pages_have_no_flaws(browser_page: Page, scans: list[Scan]):
    page = browser_page
    sign_in(page, person("charlie"))
    first, second = scans
    found = {}
    for name, address in {
        "changes": "/changes/",
        "changes-new": "/changes/?show=new",
        "changes-unclear": "/changes/?show=unclear&severity=high&severity=critical",
        "changes-nothing": "/changes/?days=1&rule=privileged&show=better",
        "compare": f"/scans/compare/?a={first.pk}&b={second.pk}",
        "compare-nothing": f"/scans/compare/?a={first.pk}&b={first.pk}",
        "scan": f"/scans/{second.pk}/",
    }.items():
        page.goto(address)
        if wrong := flaws(page, name):
            found[name] = wrong
    assert not found
