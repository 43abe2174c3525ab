"""The first five minutes, as a person has them: the product, an engine and a browser, all real."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.people import PASSWORD, code_of
from tests.support.engines import Engine
from tests.support.product import Product

pytestmark = [pytest.mark.engine, pytest.mark.postgres, pytest.mark.redis, pytest.mark.browser]
CLICKS = 7


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    started = Product(tmp_path / "data")
    try:
        yield started.start().wait_until_ready()
    finally:
        started.end()


@pytest.fixture
def page(browser: Browser, product: Product) -> Iterator[Page]:
    context = browser.new_context(base_url=product.address, locale="en-GB")
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


def test_from_an_empty_product_to_the_first_evidence_in_seven_clicks(
    page: Page, product: Product, empty_engine: Engine
) -> None:
    for number in range(19):
        empty_engine.docker_run(name=f"web-{number}", create_only=True)
    empty_engine.docker_run("--privileged", name="reports")
    clicks = 0

    def click(what: Locator) -> None:
        nonlocal clicks
        what.click()
        clicks += 1

    link = re.search(r"http://\S+/setup/\S+", product.output())
    assert link
    page.goto(link[0])
    page.get_by_label("Name").fill("Alice")
    page.get_by_label("E-mail").fill("alice@example.com")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    click(page.get_by_role("button", name="Create the administrator"))
    code = code_of(page.locator(".key-line code").inner_text())
    page.get_by_label("The code that the app shows").fill(code)
    click(page.get_by_role("button", name="Turn on two-step login"))
    page.get_by_label("I have kept the codes").press("Space")
    click(page.get_by_role("button", name="Go on to the first host"))
    page.get_by_label("Unix socket").press("Space")
    page.get_by_role("textbox", name="Path of the socket").fill(str(empty_engine.socket))
    click(page.get_by_role("button", name="Test connection"))
    expect(page.get_by_text("20 containers")).to_be_visible()
    click(page.get_by_role("button", name="Save and scan now"))
    # The page turns into the first results by itself.
    click(page.get_by_role("link", name="Container runs privileged"))
    click(page.get_by_role("link", name=re.compile("^reports")).first)
    expect(page.get_by_role("heading", level=1)).to_have_text("Container runs privileged")
    expect(page.get_by_text("HostConfig.Privileged").first).to_be_visible()
    assert clicks <= CLICKS
