"""Schedules in a browser: filled in, previewed meanwhile, saved, and how each page looks."""

from datetime import time

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from portal.compliance import actions as scans
from portal.fleet.models import Group, Host
from portal.schedules import actions
from portal.schedules.actions import Draft
from portal.schedules.models import Schedule
from portal.schedules.timing import Blackout, Timetable
from tests.browser.looks import flaws, sign_in
from tests.fleet import failed_scan, named, register, scan
from tests.people import person

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/scans/schedules/"
MADRID = Timetable(
    zone="Europe/Madrid",
    cron="30 2 * * *",
    jitter=1800,
    blackouts=(Blackout((0, 1, 2, 3, 4), time(8), time(18)), Blackout((5,), time(22), time(6))),
)


@pytest.fixture
def nightly() -> Schedule:
    """For the web servers; three more hosts have others."""
    now = timezone.now()
    for number in range(1, 4):
        host = register(f"prod-web-{number}", group="Web servers", now=now)
        scan(host, named("privileged", "reports"), now=now)
    failed_scan(register("prod-db-1", group="Databases", now=now), now=now)
    lab = register("lab-1", group="Lab", now=now)
    web = Group.objects.get(name="Web servers")
    draft = Draft("Nightly", MADRID, groups=frozenset({web.pk}))
    made = actions.create_schedule(draft, actor=None, now=now)
    often = Draft("Every six hours", Timetable(interval=21_600), hosts=frozenset({lab.pk}))
    actions.create_schedule(often, actor=None, now=now)
    scans.queue_due_scans(now)
    return made


def test_every_page_of_the_schedules_looks_right(browser_page: Page, nightly: Schedule):
    sign_in(browser_page, person("alice"))
    found = {}
    for name, address in (
        ("schedules", reverse("schedule_list")),
        ("schedule", reverse("schedule_detail", args=[nightly.slug])),
        ("schedule-default", reverse("schedule_detail", args=["default"])),
        ("schedule-new", reverse("schedule_new")),
        ("schedule-remove", reverse("schedule_remove", args=[nightly.slug])),
        ("host-schedule", reverse("host_schedule", args=["lab-1"])),
    ):
        browser_page.goto(address)
        found[name] = flaws(browser_page, name)
    assert not any(found.values()), found


def test_the_preview_follows_the_form_and_saving_keeps_it(browser_page: Page, nightly: Schedule):
    sign_in(browser_page, person("bob"))
    browser_page.goto(LIST)
    browser_page.get_by_role("link", name="New schedule").click()
    preview = browser_page.locator("#preview")
    browser_page.get_by_label("Time zone").select_option("America/New_York")
    expect(preview).to_contain_text("Daily at 02:00, America/New_York")
    expect(preview).to_contain_text("The clocks go forward on this day.")
    browser_page.get_by_label("On days of the week").check()
    expect(preview).to_contain_text("Choose at least one day.")
    rhythm = browser_page.locator(".choice", has_text="On days of the week")
    rhythm.get_by_label("Mon").check()
    rhythm.get_by_label("Thu").check()
    rhythm.get_by_label("At", exact=True).fill("04:15")
    expect(preview).to_contain_text("Monday and Thursday at 04:15, America/New_York")
    browser_page.get_by_label("By a cron expression").check()
    browser_page.get_by_label("Expression", exact=True).fill("61 * * * *")
    expect(preview).to_contain_text("The minute of this cron expression is not valid.")
    browser_page.get_by_label("Expression", exact=True).fill("15 4 1 * *")
    expect(preview).to_contain_text("At 04:15 on the first day of every month")
    browser_page.get_by_label("Name").fill("Monthly")
    browser_page.get_by_label("Databases").check()
    browser_page.get_by_label("Single hosts").fill("PROD-WEB-1\nno-such-host")
    browser_page.get_by_role("button", name="Save the schedule").click()
    expect(browser_page.get_by_role("alert")).to_contain_text("There is no host no-such-host.")
    browser_page.get_by_label("Single hosts").fill("PROD-WEB-1")
    browser_page.get_by_role("button", name="Save the schedule").click()
    expect(browser_page.get_by_role("heading", level=1)).to_have_text("Monthly")
    expect(browser_page.get_by_text("For 2 hosts.")).to_be_visible()
    monthly = Schedule.objects.get(name="Monthly")
    assert (monthly.cron, monthly.zone) == ("15 4 1 * *", "America/New_York")
    gaps = set(
        Host.objects.filter(name__in=("prod-db-1", "prod-web-1")).values_list(
            "scan_interval", flat=True
        )
    )
    assert gaps == {monthly.largest_gap}


def test_a_host_gets_a_schedule_of_its_own(browser_page: Page, nightly: Schedule):
    sign_in(browser_page, person("bob"))
    browser_page.goto(reverse("host_schedule", args=["prod-web-2"]))
    expect(browser_page.get_by_text("Nightly, its group's")).to_be_visible()
    browser_page.get_by_label("Every six hours").check()
    browser_page.get_by_role("button", name="Save").click()
    expect(browser_page.get_by_text("The schedule of prod-web-2 is saved.")).to_be_visible()
    assert Host.objects.get(name="prod-web-2").scan_interval == 21_600
