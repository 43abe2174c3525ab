"""Trends: the charts of the overview and of a rule, in every look, by keyboard and on paper."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from portal.fleet.models import Host
from portal.policies import actions as policies
from tests.browser.looks import flaws, sign_in
from tests.past import fleet_with_a_past
from tests.people import person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def past() -> list[Host]:
    now = timezone.now()
    hosts = fleet_with_a_past(now)
    rules = {"pids-limit": {"severity": "high"}}
    policies.save_policy(
        "baseline",
        policies.Draft("Baseline", "", rules, ()),
        based_on=1,
        comment="Fork bombs took two hosts down",
        actor=person("alice"),
        now=now - timedelta(days=12),
    )
    return hosts


def test_a_trend_is_readable_by_everybody_in_every_look(
    browser_page: Page, past: list[Host]
) -> None:
    sign_in(browser_page, person("charlie"))
    addresses = {
        "overview-past": f"{reverse('home')}?since=30",
        "trend": f"{reverse('trend')}?days=365&since=30",
    }
    for name, address in addresses.items():
        browser_page.goto(address)
        expect(browser_page.locator("#trend figure")).to_have_count(2)
        assert flaws(browser_page, name) == []


def test_the_past_of_rules_is_readable_by_everybody_in_every_look(
    browser_page: Page, past: list[Host]
) -> None:
    sign_in(browser_page, person("charlie"))
    addresses = {
        "rules-past": reverse("rule_list"),
        "rule-past": f"{reverse('rule_detail', args=['privileged'])}?days=30",
        "rule-history": f"{reverse('rule_history', args=['privileged'])}?days=365",
    }
    for name, address in addresses.items():
        browser_page.goto(address)
        if name != "rules-past":
            expect(browser_page.locator("#history figure")).to_have_count(1)
        assert flaws(browser_page, name) == []


def test_a_trend_names_its_finding_and_shows_its_numbers(
    browser_page: Page, past: list[Host]
) -> None:
    sign_in(browser_page, person("charlie"))
    browser_page.goto(f"{reverse('home')}?since=30")
    chart = browser_page.locator("#trend [role=img]").first
    expect(chart).to_be_visible()
    caption = browser_page.locator("#trend figcaption").first.inner_text()
    assert chart.get_attribute("aria-label") == caption.replace("\xa0", "\xa0")
    table = browser_page.get_by_role("table", name="Score and open findings by day")
    expect(table).to_be_hidden()
    browser_page.get_by_text("Show as table").first.press("Enter")
    expect(table).to_be_visible()
    assert table.get_by_role("row").count() == 31


def test_the_length_of_the_trend_and_what_it_is_compared_with_stay_in_the_address(
    browser_page: Page, past: list[Host]
) -> None:
    sign_in(browser_page, person("charlie"))
    browser_page.goto(reverse("home"))
    browser_page.get_by_label("Compared with").select_option("30")
    browser_page.get_by_role("button", name="Compare").click()
    browser_page.get_by_role("link", name="90 days").click()
    browser_page.wait_for_url("**/?since=30&days=90")
    expect(browser_page.locator("h1")).to_have_text("Overview")
    browser_page.reload()
    expect(browser_page.locator(".spans [aria-current]")).to_have_text("90 days")
    expect(browser_page.get_by_label("Compared with")).to_have_value("30")


def test_a_day_of_the_chart_leads_to_its_changes(browser_page: Page, past: list[Host]) -> None:
    sign_in(browser_page, person("charlie"))
    browser_page.goto(reverse("home"))
    browser_page.locator("#trend .chart-days a").nth(20).click()
    browser_page.wait_for_url("**/changes/?from=*&to=*")


def test_on_paper_the_charts_are_light_and_their_numbers_are_there(
    browser_page: Page, past: list[Host]
) -> None:
    sign_in(browser_page, person("charlie"))
    browser_page.goto(reverse("home"))
    expect(browser_page.locator("#trend figure")).to_have_count(2)
    browser_page.emulate_media(media="print", color_scheme="dark")
    expect(browser_page.get_by_role("table", name="Score and open findings by day")).to_be_visible()
    expect(browser_page.get_by_text("Export every day as CSV")).to_be_hidden()
    expect(browser_page.get_by_label("Compared with")).to_be_hidden()
    line = browser_page.locator("#trend .chart-line").first
    assert line.evaluate("node => getComputedStyle(node).stroke") == "rgb(27, 95, 193)"


def test_without_javascript_the_trend_is_a_page(browser_page: Page, past: list[Host]) -> None:
    sign_in(browser_page, person("charlie"))
    cookies = browser_page.context.cookies()
    origin = browser_page.evaluate("location.origin")
    assert browser_page.context.browser is not None
    context = browser_page.context.browser.new_context(base_url=origin, java_script_enabled=False)
    context.add_cookies([{"name": c["name"], "value": c["value"], "url": origin} for c in cookies])
    page = context.new_page()
    page.goto(reverse("home"))
    page.get_by_role("link", name="The trend, and why the score moved").click()
    page.get_by_role("link", name="365 days").click()
    expect(page.locator(".spans [aria-current]")).to_have_text("365 days")
    expect(page.locator("h1")).to_have_text("Trend")
    expect(page.locator("figure [role=img]").first).to_be_visible()
    context.close()
