"""A custom rule in a browser: written, tried while it is written, saved, and seen to fail."""

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from portal.policies import actions, queries
from tests.browser.looks import flaws, path, sign_in
from tests.fleet import named, register, scan
from tests.people import person
from tests.scanner.custom import ruled

pytestmark = pytest.mark.django_db(transaction=True)
SOON = 20_000  # milliseconds: the first rule of a process waits for the language to be loaded
TEXT = ruled("container.memory == 0", slug="custom-memory", title="Container has no memory limit")


def test_a_rule_is_written_tried_saved_and_fails_on_a_container(browser_page: Page) -> None:
    page = browser_page
    alice = person("alice")
    host = register("web-1", now=timezone.now())
    containers = (named("privileged", "reports", memory=0), named("isolation_plain", "shop"))
    scan(host, *containers, now=timezone.now())
    sign_in(page, alice)
    page.goto("/settings/rules/")
    assert flaws(page, "custom-rules-empty") == []
    page.get_by_role("link", name="Write the first rule").click()
    page.get_by_label("The rule, in YAML").fill(TEXT.replace("memory ==", "memry =="))
    # It is tried while it is written.
    expect(page.locator("#trial")).to_contain_text("did you mean memory?", timeout=SOON)
    expect(page.locator(".editor-wrong")).to_have_text("8")
    assert flaws(page, "custom-rule-wrong") == []
    page.get_by_label("The rule, in YAML").fill(TEXT)
    expect(page.locator("#trial")).to_contain_text("2 verdicts on 1 host", timeout=SOON)
    expect(page.locator(".editor-wrong")).to_have_count(0)
    expect(page.locator("#trial tbody tr").first).to_contain_text("reports")
    page.get_by_label("Name holds").fill("shop")
    page.get_by_role("button", name="Try it").click()
    expect(page.locator("#trial")).to_contain_text("1 verdict on 1 host", timeout=SOON)
    assert flaws(page, "custom-rule-tried") == []

    page.get_by_label("What you change and why").fill("Every container has a limit")
    page.get_by_role("button", name="Save the rule").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Container has no memory limit")
    assert path(page) == "/settings/rules/custom-memory/"
    expect(page.get_by_text("In shadow in Baseline")).to_be_visible()
    assert flaws(page, "custom-rule") == []
    page.get_by_role("link", name="saved version 1").click()
    assert flaws(page, "custom-rule-version") == []

    version = queries.versions(queries.policy("baseline"))[0]
    draft = actions.Draft("Baseline", "", {"custom-memory": "on"}, frozenset())
    actions.save_policy(
        "baseline",
        draft,
        based_on=version.number,
        comment="On",
        actor=alice,
        now=timezone.now(),
    )
    scan(host, *containers, now=timezone.now())
    page.goto("/findings/?rule=custom-memory")
    page.get_by_role("link", name="Container has no memory limit").first.click()
    expect(page.get_by_text("HostConfig.Memory").first).to_be_visible()
    page.goto("/settings/rules/")
    expect(page.get_by_text("on in 1")).to_be_visible()
    assert flaws(page, "custom-rules") == []
