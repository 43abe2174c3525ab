"""Hosts in a browser: tried, registered, watched while they are scanned."""

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from portal.compliance.models import Scan
from portal.fleet.models import Host
from scanner.model import Gap
from tests.browser.looks import flaws, path, sign_in
from tests.fleet import begin, failed_scan, named, register, scan
from tests.people import person
from tests.support.engines import Engine

pytestmark = pytest.mark.django_db(transaction=True)
LONG = "<img src=x onerror=alert(1)>" + "x" * 270


def test_a_connection_is_tried_in_place_and_then_saved(
    browser_page: Page, empty_engine: Engine
) -> None:
    page = browser_page
    sign_in(page, person("bob"))
    page.goto("/hosts/new/")
    page.get_by_role("radio").first.check()
    page.get_by_role("textbox", name="Path of the socket").fill("/no/such.sock")
    # What is not shown of a group that is not new cannot be reached either.
    page.get_by_label("Name of the new group").fill("Shop")
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator(".ladder-failed")).to_contain_text("/no/such.sock does not exist")
    expect(page.get_by_label("Name of the new group")).to_have_value("Shop")
    expect(page.get_by_role("button", name="Test connection")).to_be_focused()
    assert flaws(page, "host-new-failed") == []

    page.get_by_role("textbox", name="Path of the socket").fill(str(empty_engine.socket))
    page.get_by_role("button", name="Test connection").press("Enter")
    expect(page.locator(".tried .strip-good")).to_contain_text("0 containers found")
    expect(page.get_by_label("Name", exact=True)).to_have_value(empty_engine.name)
    assert not Host.objects.exists()
    assert flaws(page, "host-new-good") == []

    page.get_by_role("button", name="Save and scan now").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(empty_engine.name)
    host = Host.objects.get()
    assert path(page) == f"/hosts/{host.slug}/"
    expect(page.get_by_text("The first scan begins within seconds")).to_be_visible()
    scan(host, named("privileged", "reports"), now=timezone.now())
    expect(page.get_by_role("link", name="Container runs privileged")).to_be_visible()


def test_wrong_input_is_said_where_the_focus_is(browser_page: Page) -> None:
    page = browser_page
    sign_in(page, person("bob"))
    page.goto("/hosts/new/")
    page.get_by_label("TCP without TLS").check()
    page.get_by_role("button", name="Save only").click()
    expect(page.get_by_role("alert")).to_be_focused()
    page.get_by_role("link", name="Address and port: Give the address").click()
    expect(page.get_by_role("textbox", name="Address and port")).to_be_focused()
    assert flaws(page, "host-new-wrong") == []


def test_a_running_scan_is_followed_without_a_reload(browser_page: Page) -> None:
    page, now = browser_page, timezone.now()
    host = register("web-1", now=now)
    scan(host, now=now)
    begun = begin(host, now=now)
    sign_in(page, person("charlie"))
    page.goto("/hosts/web-1/?tab=scans")
    Scan.objects.filter(pk=begun.scan_id).update(phase="reading", done=3, total=9)
    expect(page.get_by_text("3 of 9")).to_be_visible()
    Scan.objects.filter(pk=begun.scan_id).delete()
    expect(page.get_by_text("3 of 9")).to_have_count(0)


def test_the_list_is_filtered_in_place(browser_page: Page) -> None:
    page = browser_page
    for name in ("web-1", "web-2", "db-1"):
        register(name)
    sign_in(page, person("charlie"))
    page.goto("/hosts/")
    page.get_by_label("Name or address").fill("web")
    page.get_by_label("Name or address").press("Enter")
    expect(page.get_by_text("2 of 3 hosts")).to_be_visible()
    assert "q=web" in page.url
    page.get_by_role("link", name="Remove filter Text").click()
    expect(page.get_by_role("link", name="db-1")).to_be_visible()


def test_the_pages_of_hosts_have_no_flaws(browser_page: Page) -> None:
    page, now = browser_page, timezone.now()
    good, partly, lost = (register(name, now=now) for name in ("good", "partly", "lost"))
    register("new", now=now)
    scan(good, named("privileged", LONG), named("read_only", "web"), now=now)
    scan(partly, named("pid_host"), gaps=[Gap(LONG, "inspect", LONG)], now=now)
    failed_scan(lost, message="The engine denied GET /info: " + "y" * 200, now=now)
    Host.objects.update(next_scan_at=None)
    sign_in(page, person("bob"))
    addresses = {
        "host-list": "/hosts/",
        "host-list-empty": "/hosts/?q=nothing",
        "host-good": "/hosts/good/",
        "host-containers": "/hosts/good/?tab=containers",
        "host-partly": "/hosts/partly/?tab=engine",
        "host-lost": "/hosts/lost/?tab=scans",
        "host-new": "/hosts/host-new/",
        "host-edit": "/hosts/good/edit/",
        "host-remove": "/hosts/good/remove/",
    }
    for name, address in addresses.items():
        page.goto(address)
        assert flaws(page, name) == [], address
