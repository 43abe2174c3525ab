"""Policies in a browser: edited, previewed, saved and compared, and how each page looks."""

from datetime import timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from portal.fleet.models import Group
from portal.policies import actions, queries
from portal.policies.actions import Draft
from portal.policies.models import Policy
from tests.browser.looks import flaws, sign_in
from tests.fleet import NOW, named, register, scan
from tests.people import person

pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOW + timedelta(hours=1)
DETAIL = "/settings/policies/baseline/"


@pytest.fixture
def web() -> Policy:
    """A policy for web servers in two versions, with a rule in shadow that was judged; and a host
    that has the default."""
    host = register("prod-web-1", group="Web servers")
    seen = (named("privileged", "reports"), named("everything", "shop-web-1"))
    draft = Draft(
        "Web servers",
        "What faces the internet.",
        {
            "memory-limit": {"severity": "high", "parameters": {"maximum_mib": 512}},
            "root-user": "shadow",
            "outdated-image": "off",
        },
        frozenset(Group.objects.values_list("id", flat=True)),
    )
    made = actions.create_policy(draft, comment="First", actor=person("alice"), now=NOW).policy
    draft.rules["ulimits"] = {"parameters": {"required": ["nofile"], "ceilings": {"nofile": 4096}}}
    actions.save_policy(
        made.slug, draft, based_on=1, comment="Files too", actor=person("alice"), now=LATER
    )
    scan(host, *seen, now=LATER)
    scan(register("db-1"), named("privileged", "db"), named("cap_add_all", "vpn"), now=LATER)
    return made


def test_every_page_of_the_policies_looks_right(browser_page: Page, web: Policy):
    sign_in(browser_page, person("alice"))
    found = {}
    for name, address in (
        ("policies", reverse("policy_list")),
        ("policy", reverse("policy_detail", args=[web.slug])),
        ("policy-versions", reverse("policy_versions", args=[web.slug])),
        ("policy-import", reverse("policy_import")),
        ("policy-new", f"{reverse('policy_new')}?from=web-servers"),
        ("policy-remove", reverse("policy_remove", args=[web.slug])),
    ):
        browser_page.goto(address)
        found[name] = flaws(browser_page, name)
    assert found == {name: [] for name in found}


def test_what_an_edit_would_do_is_shown_before_it_is_saved(browser_page: Page, web: Policy):
    sign_in(browser_page, person("alice"))
    browser_page.goto(DETAIL)
    browser_page.get_by_role("heading", name="Kernel isolation").click()
    browser_page.get_by_label("State of Container runs privileged").select_option("Off")
    browser_page.get_by_label("Find a rule").fill("root-user")
    browser_page.get_by_label("State of Container runs as root").select_option("In shadow")
    browser_page.get_by_role("button", name="Preview the effect").click()
    preview = browser_page.locator("#preview")
    expect(preview.get_by_role("heading", name="What it would change")).to_be_in_viewport()
    expect(preview.get_by_role("status")).to_contain_text("Would close 3")
    expect(preview).to_contain_text("no host was asked")
    assert flaws(browser_page, "policy-preview") == []
    assert queries.versions(Policy.objects.get(default=True)).count() == 1

    browser_page.get_by_label("What did you change, and why?").fill("Quiet the noise")
    browser_page.get_by_role("button", name="Save as version 2").click()
    expect(browser_page.get_by_text("Baseline v2 is saved.")).to_be_visible()
    [version, _] = queries.versions(Policy.objects.get(default=True))
    assert (version.comment, str(version.author)) == ("Quiet the noise", "Alice")
    assert version.rules == {"privileged": {"state": "off"}, "root-user": {"state": "shadow"}}


def test_a_rule_is_found_among_many_and_marked_when_it_is_edited(browser_page: Page, web: Policy):
    sign_in(browser_page, person("alice"))
    browser_page.goto(DETAIL)
    rows = browser_page.locator("[data-rule]:visible")
    expect(rows).to_have_count(0)  # every family is folded until something in it is set
    browser_page.get_by_label("Find a rule").fill("memory limit")
    assert 0 < rows.count() < browser_page.locator("[data-rule]").count()
    row = browser_page.locator("[data-rule^='memory-limit ']")
    expect(row.get_by_text("Edited")).to_be_hidden()
    row.get_by_label("Severity of").select_option("Low")
    expect(row.get_by_text("Edited")).to_be_visible()
    browser_page.get_by_label("Find a rule").fill("")
    browser_page.get_by_label("Only rules that are set otherwise").check()
    expect(rows).to_have_count(1)
    browser_page.get_by_label("Find a rule").fill("no such thing")
    expect(browser_page.get_by_text("No rule matches.")).to_be_visible()


def test_a_mistake_is_named_and_nothing_is_lost(browser_page: Page, web: Policy):
    sign_in(browser_page, person("alice"))
    browser_page.goto(DETAIL)
    browser_page.get_by_label("Find a rule").fill("ulimits")
    row = browser_page.locator("[data-rule^='ulimits ']")
    row.get_by_text("2 parameters").click()
    row.get_by_label("Ceilings").fill("nofile: plenty")
    browser_page.get_by_role("button", name="Preview the effect").click()
    mistake = browser_page.get_by_role("alert").get_by_role("link")
    expect(mistake).to_contain_text("must be a whole number, not a text")
    mistake.click()
    expect(row.get_by_label("Ceilings")).to_be_in_viewport()
    expect(row.get_by_label("Ceilings")).to_have_value("nofile: plenty")


def test_who_may_not_change_it_reads_it(browser_page: Page, web: Policy):
    sign_in(browser_page, person("charlie"))
    browser_page.goto(DETAIL)
    expect(browser_page.get_by_text("Only administrators may change policies")).to_be_visible()
    browser_page.get_by_role("heading", name="Kernel isolation").click()
    expect(browser_page.get_by_label("State of Container runs privileged")).to_be_disabled()
    expect(browser_page.get_by_role("button", name="Preview the effect")).to_be_disabled()
    assert flaws(browser_page, "policy-read") == []
