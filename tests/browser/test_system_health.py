"""System health: readable in every look, kept up to date by itself, and a form without a script."""

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from portal.compliance.models import Retention
from portal.core import health, heartbeat
from tests.browser.looks import flaws, sign_in
from tests.fleet import named, register, scan
from tests.people import person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis]


def signs(*names: str) -> None:
    with heartbeat.connect() as client:
        client.flushdb()
        for name in names:
            heartbeat.beat(client, name)


@pytest.fixture(autouse=True)
def _read() -> None:
    scan(register("web-1"), named("privileged", "reports"))


def test_it_is_readable_in_every_look_whether_all_parts_work_or_not(browser_page: Page) -> None:
    sign_in(browser_page, person("alice"))
    for name, parts in (("health", health.PROCESSES), ("health-broken", ())):
        signs(*parts)
        browser_page.goto(reverse("system_health"))
        assert flaws(browser_page, name) == []


def test_the_first_line_changes_by_itself_and_what_is_typed_stays(browser_page: Page) -> None:
    signs(*health.PROCESSES)
    sign_in(browser_page, person("alice"))
    browser_page.goto(reverse("system_health"))
    line = browser_page.locator("#health [role=status]")
    expect(line).to_have_text("All parts work.")
    browser_page.get_by_label("Scans: days").fill("77")
    signs("slow-worker", "beat")
    expect(line).to_contain_text("Scans wait: no worker.", timeout=20_000)
    expect(browser_page.get_by_label("Scans: days")).to_have_value("77")
    browser_page.get_by_role("button", name="Save days").click()
    expect(browser_page.get_by_text("Saved. What is older is deleted")).to_be_visible()
    assert list(Retention.objects.values_list("kind", "days")) == [("scans", 77)]
