"""The pages of the schedules: the list, the form with its preview, removing, and a host's own."""

from datetime import time
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.fleet.models import Group, Host
from portal.schedules import actions, queries
from portal.schedules.actions import Draft
from portal.schedules.models import Schedule
from portal.schedules.timing import Blackout, Timetable
from tests.fleet import NOW, named, register, scan
from tests.portal.plain import links, text

pytestmark = pytest.mark.django_db
LIST, NEW, NIGHTLY = "/scans/schedules/", "/scans/schedules/new/", "/scans/schedules/nightly/"
REFUSED = "Only administrators and operators may change schedules."
FRAGMENT = {"HTTP_HX_REQUEST": "true", "HTTP_HX_REQUEST_TYPE": "partial"}
WINDOWS = {"blackout-TOTAL_FORMS": "2", "blackout-INITIAL_FORMS": "0"}
KEPT = {
    "blackout-TOTAL_FORMS": "2",
    "blackout-INITIAL_FORMS": "1",
    "blackout-0-days": ["0", "1"],
    "blackout-0-begins": "08:00",
    "blackout-0-ends": "18:00",
}
"""The window of the schedule Nightly, as its form sends it."""
DAILY: dict[str, Any] = {
    "name": "Monthly",
    "kind": "daily",
    "daily_at": "04:15",
    "zone": "America/New_York",
    "spread": "0",
    **WINDOWS,
}


@pytest.fixture
def nightly() -> Schedule:
    """For the group Web, whose host was scanned."""
    scan(register("web-1", group="Web"), named("privileged", "reports"))
    register("db-1", group="Data")
    timetable = Timetable(
        zone="Europe/Madrid",
        cron="30 2 * * *",
        jitter=1800,
        blackouts=(Blackout((0, 1), time(8), time(18)),),
    )
    web = Group.objects.get(name="Web")
    draft = Draft("Nightly", timetable, frozenset({web.pk}))
    return actions.create_schedule(draft, actor=None, now=NOW)


def read(client: Client, address: str, status: int = 200) -> str:
    response = client.get(address)
    assert response.status_code == status
    return str(response.content.decode())


def post(client: Client, address: str, status: int, **data: Any) -> str:
    response = client.post(address, data)
    assert response.status_code == status
    return text(response.content.decode())


def test_the_list_says_when_for_whom_and_how_it_went(as_charlie: Client, nightly: Schedule):
    said = text(read(as_charlie, LIST)).replace("\N{NO-BREAK SPACE}", " ")
    assert "Nightly Daily at 02:30, Europe/Madrid spread over 30 min" in said
    assert "not Monday and Tuesday 08:00 to 18:00 1 host Web" in said
    assert "Default Default Every day spread over 1 h 1 host every host without another" in said
    assert ", 02:30 yours " in said
    assert REFUSED in said


def test_the_list_warns_of_hosts_that_wait_too_long(as_bob: Client, nightly: Schedule):
    Host.objects.update(next_scan_at=None)
    said = text(read(as_bob, LIST)).replace("\N{NO-BREAK SPACE}", " ")
    assert "2 hosts waited more than 10 minutes for a scan that was due, or is never due." in said


def test_an_operator_is_led_from_the_scans_to_a_new_schedule(as_bob: Client, nightly: Schedule):
    assert links(read(as_bob, "/scans/"))[LIST] == "Schedules"
    assert links(read(as_bob, LIST))[NEW] == "New schedule"


def test_a_schedule_shows_what_it_is(as_bob: Client, nightly: Schedule):
    page = read(as_bob, NIGHTLY)
    said = text(page)
    assert "For 1 host." in said.replace("\N{NO-BREAK SPACE}", " ")
    assert "When the clocks change" in said
    assert 'value="02:30"' in page
    assert "Hosts that come next web-1" in said


def test_whoever_may_not_change_it_sees_why(as_charlie: Client, nightly: Schedule):
    assert REFUSED in text(read(as_charlie, NIGHTLY))
    post(as_charlie, NIGHTLY, 403, **DAILY, do="save")
    post(as_charlie, NEW, 403, **DAILY, do="save")
    post(as_charlie, f"{NIGHTLY}remove/", 403)
    post(as_charlie, "/hosts/web-1/schedule/", 403, schedule="nightly")
    assert Schedule.objects.count() == 2


def test_the_preview_saves_nothing(as_bob: Client, nightly: Schedule):
    said = post(as_bob, NEW, 200, **DAILY)
    assert "Daily at 04:15, America/New_York" in said
    response = as_bob.post(NEW, {**DAILY, "name": "", "daily_at": ""}, **FRAGMENT)
    assert response.status_code == 200
    assert "Give a time, such as 02:00." in text(response.content.decode())
    assert "<html" not in response.content.decode()
    assert Schedule.objects.count() == 2


def test_saving_makes_it_for_groups_and_single_hosts(as_bob: Client, nightly: Schedule):
    data = Group.objects.get(name="Data")
    post(as_bob, NEW, 302, **DAILY, do="save", group=str(data.pk), hosts="WEB-1\n\n")
    made = Schedule.objects.get(name="Monthly")
    assert (made.cron, made.zone, made.jitter) == ("15 4 * * *", "America/New_York", 0)
    assert set(queries.hosts_of(made).values_list("name", flat=True)) == {"web-1", "db-1"}


@pytest.mark.parametrize(
    ("changes", "cron", "interval"),
    [
        ({"kind": "interval", "every": "90", "unit": "60"}, "", 5400),
        ({"kind": "weekly", "weekly_at": "01:05", "days": ["0", "6"]}, "5 1 * * 0,1", None),
        ({"kind": "cron", "cron": " 0  2 1 * * "}, "0 2 1 * *", None),
    ],
)
def test_every_kind_is_saved_and_shown_again(
    as_bob: Client, nightly: Schedule, changes: dict[str, Any], cron: str, interval: int | None
):
    post(as_bob, NIGHTLY, 302, **{**DAILY, **KEPT, **changes}, do="save")
    nightly.refresh_from_db()
    assert (nightly.cron, nightly.interval) == (cron, interval)
    assert len(nightly.timetable.blackouts) == 1
    assert f'value="{changes["kind"]}" checked' in read(as_bob, NIGHTLY)


def test_windows_are_kept_removed_and_added(as_bob: Client, nightly: Schedule):
    windows = {
        **KEPT,
        "blackout-0-DELETE": "on",
        "blackout-1-days": ["5"],
        "blackout-1-begins": "22:00",
        "blackout-1-ends": "06:00",
    }
    post(as_bob, NIGHTLY, 302, **{**DAILY, **windows}, do="save")
    nightly.refresh_from_db()
    assert nightly.timetable.blackouts == (Blackout((5,), time(22), time(6)),)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": " "}, "Give the schedule a name."),
        ({"kind": "x"}, "Select a valid choice."),
        ({"kind": "weekly", "weekly_at": "01:05"}, "Choose at least one day."),
        ({"kind": "interval", "every": "0", "unit": "60"}, "greater than or equal to 1"),
        ({"kind": "cron", "cron": "61 * * * *"}, "The minute of this cron expression"),
        ({"zone": "Mars/Base"}, "does not know this time zone"),
        ({"spread": "1441"}, "less than or equal to 1440"),
        ({"hosts": "web-1\nnone-a"}, "There is no host none-a."),
        ({"group": "999999999"}, "One of the groups is not there any more."),
        ({"name": "DEFAULT"}, "There is already a schedule DEFAULT."),
        ({"blackout-0-begins": "08:00"}, "Blackout window 1: Choose at least one day."),
        (
            {
                "blackout-0-days": ["0", "1", "2", "3", "4", "5", "6"],
                "blackout-0-begins": "04:00",
                "blackout-0-ends": "05:00",
            },
            "The blackout windows leave no run",
        ),
        ({"blackout-TOTAL_FORMS": "x"}, "Blackout windows:"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_saved(
    as_bob: Client, nightly: Schedule, changes: dict[str, Any], words: str
):
    response = as_bob.post(NEW, {**DAILY, **changes, "do": "save"})
    assert response.status_code in (400, 409, 422)
    assert words in text(response.content.decode())
    assert Schedule.objects.count() == 2


def test_removing_asks_first(as_bob: Client, nightly: Schedule):
    said = text(read(as_bob, f"{NIGHTLY}remove/")).replace("\N{NO-BREAK SPACE}", " ")
    assert "1 host would have the schedule of their group instead" in said
    post(as_bob, f"{NIGHTLY}remove/", 302)
    read(as_bob, NIGHTLY, 404)
    assert "It stays" in text(read(as_bob, f"{LIST}default/remove/"))
    assert "It stays" in post(as_bob, f"{LIST}default/remove/", 400)


def test_a_host_is_given_one_of_its_own(as_bob: Client, nightly: Schedule):
    assert "Default, the default: every day" in text(read(as_bob, "/hosts/db-1/schedule/"))
    post(as_bob, "/hosts/db-1/schedule/", 302, schedule="nightly")
    assert "Nightly, its own: daily at 02:30" in text(read(as_bob, "/hosts/db-1/schedule/"))
    post(as_bob, "/hosts/db-1/schedule/", 404, schedule="no-such")
    shown = read(as_bob, "/hosts/db-1/")
    assert links(shown)["/hosts/db-1/schedule/"] == "Nightly"


@pytest.mark.parametrize("address", [LIST, NEW, NIGHTLY, "/hosts/web-1/schedule/"])
def test_a_page_takes_few_queries_however_large_the_fleet_is(
    as_bob: Client, nightly: Schedule, address: str
):
    counts = []
    for number in (1, 25):
        for place in range(number):
            host = register(f"more-{number}-{place}", group=f"Group {number} {place}")
            draft = Draft(f"S {number} {place}", Timetable(interval=60), frozenset({host.group_id}))
            actions.create_schedule(draft, actor=None, now=NOW)
        with CaptureQueriesContext(connection) as found:
            read(as_bob, address)
        counts.append(len(found))
    assert counts[0] == counts[1] <= 12
