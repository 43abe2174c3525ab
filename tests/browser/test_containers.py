"""The page of a container, in a real browser."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from portal.fleet.models import Container, Host
from scanner.model import Mount
from tests.browser.looks import flaws, sign_in
from tests.fleet import named, register, scan
from tests.people import person

pytestmark = pytest.mark.django_db(transaction=True)
HOUR = timedelta(hours=1)
SOCKET = Mount("bind", "/var/run/docker.sock", "/var/run/docker.sock", True)


@pytest.fixture
def host() -> Host:
    now = timezone.now()
    host = register("prod-web-1", now=now - 99 * HOUR)
    labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": "reports"}
    plain = named("isolation_plain", "reports", labels=labels)
    scan(host, plain, now=now - 50 * HOUR)
    scan(host, named("memory_zero", "reports", labels=labels), now=now - 30 * HOUR)
    risky = named("privileged", "reports", labels=labels, id="f" * 64, mounts=(SOCKET,))
    scan(host, risky, named("memory_zero"), now=now - HOUR)
    return host


def test_two_versions_are_chosen_and_compared(browser_page: Page, host: Host):
    page = browser_page
    sign_in(page, person("charlie"))
    page.goto(f"/hosts/{host.slug}/?tab=containers")
    page.get_by_role("link", name="reports").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("reports")
    changed = page.get_by_role("region", name="Settings that changed, table")
    expect(changed).to_contain_text("Privileged")
    page.get_by_label("Compare", exact=True).select_option(index=2)
    page.get_by_label("with", exact=True).select_option(index=1)
    page.get_by_role("button", name="Compare").click()
    expect(page).to_have_url(re.compile(r"\?old=\d+&new=\d+"))
    expect(page.get_by_role("heading", name="History and drift")).to_be_visible()
    expect(changed.get_by_text("Privileged")).to_have_count(0)


def test_the_page_has_no_flaws_in_any_look(browser_page: Page, host: Host):
    page = browser_page
    sign_in(page, person("charlie"))
    container = Container.objects.get(host=host, name="reports")
    page.goto(f"/containers/{container.pk}/")
    assert flaws(page, "container") == []


@pytest.mark.parametrize("tab", ["history", "networks", "scans"])
def test_the_tabs_of_a_host_have_no_flaws_in_any_look(browser_page: Page, host: Host, tab: str):
    page = browser_page
    sign_in(page, person("charlie"))
    page.goto(f"/hosts/{host.slug}/?tab={tab}")
    assert flaws(page, f"host-{tab}") == []
