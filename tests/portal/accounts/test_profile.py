"""P33: what everybody sets for themselves."""

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from portal.accounts import actions, zones
from portal.accounts.models import Theme, User
from portal.core.errors import DomainError
from portal.core.models import AuditEntry

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
WANTED = {"name": "Charlie Brown", "time_zone": "Asia/Tokyo", "theme": "dark"}


def test_it_shows_what_is_set(
    as_charlie: Client, django_assert_max_num_queries: DjangoAssertNumQueries
):
    with django_assert_max_num_queries(12):
        said = as_charlie.get("/me/").content.decode()
    assert "charlie@example.com · Viewer" in said
    assert '<option value="UTC" selected>' in said
    assert "Off. Your password alone" in said
    assert 'href="/me/"' in said


def test_it_is_saved_noted_and_used(as_charlie: Client, charlie: User):
    assert as_charlie.post("/me/", WANTED).headers["Location"] == "/me/"
    charlie.refresh_from_db()
    assert (charlie.name, charlie.time_zone, charlie.theme) == tuple(WANTED.values())
    [entry] = AuditEntry.objects.all()
    assert (entry.verb, entry.actor) == ("accounts.edit_profile", charlie)
    assert entry.details["changed"]["theme"] == ["system", "dark"]
    said = as_charlie.get("/me/").content.decode()
    assert "Your profile is saved." in said
    assert "Times in Asia/Tokyo" in said
    assert 'data-bs-theme="dark"' in said


def test_the_zone_of_one_request_is_not_the_next_ones(
    as_charlie: Client, as_bob: Client, charlie: User
):
    User.objects.filter(pk=charlie.pk).update(time_zone="Asia/Tokyo")
    assert "Times in Asia/Tokyo" in as_charlie.get("/me/").content.decode()
    assert timezone.get_current_timezone_name() == "UTC"
    assert "Times in UTC" in as_bob.get("/me/").content.decode()


def test_a_zone_that_this_machine_no_longer_knows_is_utc(as_charlie: Client, charlie: User):
    User.objects.filter(pk=charlie.pk).update(time_zone="Mars/Olympus")
    assert "Times in UTC" in as_charlie.get("/me/").content.decode()


def test_what_stays_the_same_is_not_noted(as_charlie: Client):
    as_charlie.post("/me/", {"name": "Charlie", "time_zone": "UTC", "theme": "system"})
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"), [("time_zone", "Mars/Olympus"), ("theme", "pink"), ("name", " ")]
)
def test_what_cannot_be_is_not_saved(as_charlie: Client, charlie: User, field: str, value: str):
    answer = as_charlie.post("/me/", WANTED | {field: value})
    assert "This could not be saved" in answer.content.decode()
    charlie.refresh_from_db()
    assert charlie.name == "Charlie"


def test_the_use_case_itself_refuses_an_unknown_zone(charlie: User):
    with pytest.raises(DomainError, match="time zone"):
        actions.edit_profile(charlie, name="C", time_zone="Mars/Olympus", theme=Theme.DARK, now=NOW)


def test_roles_cannot_be_given_to_oneself(as_charlie: Client, charlie: User):
    as_charlie.post("/me/", WANTED | {"roles": "admin", "is_staff": "on"})
    charlie.refresh_from_db()
    assert (charlie.roles, charlie.is_staff) == (["viewer"], False)


def test_anonymous_is_sent_to_sign_in(client: Client):
    assert client.get("/me/").headers["Location"] == "/login/?next=/me/"


def test_other_methods_are_refused(as_charlie: Client):
    assert as_charlie.delete("/me/").status_code == 405


def test_every_zone_that_can_be_chosen_exists():
    assert zones.names()[0] == "UTC"
    assert {"Europe/Berlin", "America/Argentina/Ushuaia", "Asia/Kolkata"} <= set(zones.names())
    assert all(zones.zone(name).key == name for name in zones.names())
    offered = dict(zones.by_region()[1:])
    assert ("America/New_York", "New York") in offered["America"]
