"""Every page about the fleet, as it looks with a fleet: in both themes, wide and narrow."""

from datetime import timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from portal.compliance.models import Result, Scan, ScanKind, ScanState
from portal.fleet.models import Environment, Host
from tests.browser.looks import flaws, sign_in
from tests.fleet import NOW, begin, failed_scan, named, register, scan
from tests.people import person
from tests.recorded import without

pytestmark = pytest.mark.django_db(transaction=True)

HOSTILE = "<img src=x onerror=alert(1)>" + "\N{RIGHT-TO-LEFT OVERRIDE}gnol" + "-and-on" * 30


@pytest.fixture
def fleet() -> Host:
    """Five hosts: with findings, with hostile names, partly read, unreachable, never scanned.
    Returns the first."""
    first = register("prod-web-1")
    labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}
    seen = [
        named("privileged", "reports"),
        named("everything", "shop-web-1", labels=labels),
        named("cap_add_all", "vpn"),
        named("pid_host", "exporter"),
        named("user_1000", "status-page"),
    ]
    scan(first, *seen, now=NOW - timedelta(days=3))
    scan(first, *seen[:-1], named("isolation_plain", "status-page"), now=NOW - timedelta(hours=2))
    hostile = register("stage-1", environment=Environment.STAGING, owner='<b>"Data" & co</b>')
    scan(hostile, named("privileged", HOSTILE, image=HOSTILE, labels={HOSTILE: HOSTILE}))
    partly = register("dev-1", environment=Environment.DEVELOPMENT, owner="")
    scan(partly, without(named("privileged", "db"), "privileged", "mounts"))
    failed_scan(register("prod-db-7"), now=NOW)
    register("prod-web-2")
    running = begin(first)
    Scan.objects.filter(id=running.scan_id).update(phase="reading", done=14, total=32)
    Scan.objects.create(host=hostile, kind=ScanKind.MANUAL, queued_at=NOW)
    return first


def pages(host: Host) -> dict[str, str]:
    finding = Result.objects.get(host=host, rule="privileged", subject="reports")
    hostile = Result.objects.filter(subject__startswith="<img", open=True).first()
    assert hostile is not None
    scans = {
        state: Scan.objects.filter(state=state).latest("id").pk
        for state in ScanState.values
        if Scan.objects.filter(state=state).exists()
    }
    found = {
        "overview": reverse("home"),
        "overview-scope": f"{reverse('home')}?environment=staging",
        "hosts": reverse("host_list"),
        "host-new": reverse("host_new"),
        "host": reverse("host_detail", args=[host.slug]),
        "host-containers": f"{reverse('host_detail', args=[host.slug])}?tab=containers",
        "host-engine": f"{reverse('host_detail', args=[host.slug])}?tab=engine",
        "host-scans": f"{reverse('host_detail', args=[host.slug])}?tab=scans",
        "host-hostile": reverse("host_detail", args=["stage-1"]),
        "host-unreachable": reverse("host_detail", args=["prod-db-7"]),
        "host-never-scanned": reverse("host_detail", args=["prod-web-2"]),
        "host-edit": reverse("host_edit", args=[host.slug]),
        "host-remove": reverse("host_remove", args=[host.slug]),
        "rules": reverse("rule_list"),
        "rule": reverse("rule_detail", args=["privileged"]),
        "findings": reverse("finding_list"),
        "findings-none": f"{reverse('finding_list')}?q=nothing-has-this-name",
        "finding": reverse("finding_detail", args=[finding.pk]),
        "finding-hostile": reverse("finding_detail", args=[hostile.pk]),
        "scans": reverse("scan_list"),
    }
    return found | {
        f"scan-{state}": reverse("scan_detail", args=[pk]) for state, pk in scans.items()
    }


def test_every_page_is_readable_by_everybody_in_every_look(browser_page: Page, fleet: Host) -> None:
    sign_in(browser_page, person("alice"))
    found = {}
    for name, address in pages(fleet).items():
        response = browser_page.goto(address)
        assert response is not None
        assert response.status == 200, address
        expect(browser_page.locator("h1")).to_have_count(1)
        if wrong := flaws(browser_page, name):
            found[name] = wrong
    assert not found, "\n".join(f"{name} {one}" for name, all_ in found.items() for one in all_)


def test_nothing_in_a_page_comes_from_elsewhere(browser_page: Page, fleet: Host) -> None:
    asked: set[str] = set()
    browser_page.on("request", lambda request: asked.add(request.url))
    sign_in(browser_page, person("alice"))
    for address in pages(fleet).values():
        browser_page.goto(address)
    ours = browser_page.evaluate("location.origin")
    assert [url for url in asked if not url.startswith((ours, "data:"))] == []


def test_a_viewer_is_told_why_they_may_not(browser_page: Page, fleet: Host) -> None:
    sign_in(browser_page, person("charlie"))
    browser_page.goto(reverse("host_detail", args=[fleet.slug]))
    expect(browser_page.get_by_role("button", name="Scan now")).to_be_disabled()
    expect(browser_page.get_by_text("may start scans").first).to_be_visible()


def test_the_keyboard_leads_to_every_list(browser_page: Page, fleet: Host) -> None:
    sign_in(browser_page, person("alice"))
    browser_page.goto(reverse("home"))
    for key, title in (("f", "Findings"), ("r", "Rules"), ("h", "Hosts"), ("o", "Overview")):
        browser_page.keyboard.press("g")
        browser_page.keyboard.press(key)
        expect(browser_page.get_by_role("heading", level=1)).to_have_text(title)
        browser_page.wait_for_load_state()  # keys are heard once the scripts are there
    browser_page.keyboard.press("/")
    browser_page.keyboard.type("privileged")
    browser_page.keyboard.press("Enter")
    browser_page.wait_for_url("**/findings/?q=privileged*")
    expect(browser_page.locator("h1")).to_be_visible()


def test_without_javascript_lists_can_be_filtered_and_ordered(
    browser_page: Page, fleet: Host
) -> None:
    sign_in(browser_page, person("alice"))
    cookies = browser_page.context.cookies()
    origin = browser_page.evaluate("location.origin")
    assert browser_page.context.browser is not None
    context = browser_page.context.browser.new_context(
        base_url=origin, java_script_enabled=False, viewport={"width": 1280, "height": 900}
    )
    context.add_cookies([{"name": c["name"], "value": c["value"], "url": origin} for c in cookies])
    page = context.new_page()
    page.goto(reverse("finding_list"))
    page.get_by_label("Critical").first.check()
    page.get_by_role("button", name="Apply").last.click()
    assert "severity=critical" in page.url
    page.goto(reverse("host_list"))
    page.locator("th[aria-sort] a").first.click()
    assert "sort=" in page.url
    page.get_by_role("link", name="prod-web-1").first.click()
    expect(page.locator("h1")).to_contain_text("prod-web-1")
    context.close()
