"""P01: the first run, by a link that works once."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from portal.accounts import actions
from portal.accounts.models import Role, User
from portal.core import health, heartbeat
from portal.core.models import AuditEntry
from tests.people import PASSWORD, code_of

pytestmark = [pytest.mark.django_db, pytest.mark.redis]

ALICE = {"name": "Alice", "email": "Alice@example.com", "password": PASSWORD}


@pytest.fixture
def address() -> str:
    return reverse("setup", args=[actions.issue_setup_link(timezone.now())])


def text_of(client: Client, address: str) -> str:
    return client.get(address).content.decode()


def test_the_link_opens_the_first_step(
    client: Client, address: str, django_assert_max_num_queries: DjangoAssertNumQueries
):
    with django_assert_max_num_queries(12):
        said = text_of(client, address)
    assert "Step 1 of 4" in said
    assert client.get(address).headers["Cache-Control"].startswith("max-age=0, no-cache")


def test_what_does_not_run_yet_is_listed_with_what_to_do(client: Client, address: str):
    said = text_of(client, address)
    assert "Plimsoll is not ready yet" in said
    assert "No sign of life yet." in said
    with heartbeat.connect() as redis:
        for name in health.PROCESSES:
            heartbeat.beat(redis, name)
    assert "Plimsoll is not ready yet" not in text_of(client, address)


def test_the_administrator_is_made_and_signed_in(client: Client, address: str):
    answer = client.post(address, ALICE | {"time_zone": "Europe/Berlin"})
    assert answer.headers["Location"] == "/setup/two-step/"
    alice = User.objects.get()
    assert (alice.email, alice.roles) == ("alice@example.com", [Role.ADMIN])
    assert alice.time_zone == "Europe/Berlin"
    assert client.session["_auth_user_id"] == str(alice.pk)
    assert client.session.get_expire_at_browser_close()
    verbs = AuditEntry.objects.values_list("verb", flat=True)
    assert set(verbs) == {"accounts.create_first_administrator", "accounts.sign_in"}


def test_the_password_is_not_asked_for_again_at_once(client: Client, address: str):
    client.post(address, ALICE)
    assert client.get("/setup/two-step/").status_code == 200


def test_a_time_zone_that_is_none_becomes_utc(client: Client, address: str):
    client.post(address, ALICE | {"time_zone": "Mars/Olympus"})
    assert User.objects.get().time_zone == "UTC"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("password", "short", "at least 12 characters"),
        ("password", "alice@example.com", "too similar to the email"),
        ("password", "", "This field is required."),
        ("email", "alice", "Enter a valid email address."),
        ("name", "", "This field is required."),
    ],
)
def test_what_cannot_be_is_said_at_its_field(
    client: Client, address: str, field: str, value: str, said: str
):
    answer = client.post(address, ALICE | {field: value})
    assert said in answer.content.decode()
    assert not User.objects.exists()


def test_a_second_use_finds_nothing(client: Client, address: str):
    client.post(address, ALICE)
    assert Client().get(address).status_code == 404
    mallory = {"name": "M", "email": "mallory@example.com", "password": PASSWORD}
    assert Client().post(address, mallory).status_code == 404
    assert User.objects.count() == 1


def test_a_wrong_token_says_how_to_print_a_new_link(client: Client, address: str):
    answer = client.get("/setup/wrong/")
    assert answer.status_code == 404
    assert "python manage.py setup_link" in answer.content.decode()
    assert client.post("/setup/wrong/", ALICE).status_code == 404
    assert not User.objects.exists()


def test_a_link_that_has_ended_says_how_to_print_a_new_one(client: Client):
    token = actions.issue_setup_link(timezone.now() - timedelta(hours=25))
    answer = client.get(f"/setup/{token}/")
    assert answer.status_code == 410
    assert "It lasted 24 hours" in answer.content.decode()
    assert "python manage.py setup_link" in answer.content.decode()
    assert client.post(f"/setup/{token}/", ALICE).status_code == 410


def test_other_methods_are_refused(client: Client, address: str):
    assert client.put(address).status_code == 405


@pytest.mark.parametrize("page", ["two-step", "codes"])
def test_the_later_steps_want_somebody_who_is_signed_in(client: Client, page: str):
    assert client.get(f"/setup/{page}/").headers["Location"] == f"/login/?next=/setup/{page}/"


def test_two_step_login_is_turned_on_with_a_code_and_gives_recovery_codes(
    client: Client, address: str
):
    client.post(address, ALICE)
    page = client.get("/setup/two-step/")
    assert "<svg" in page.content.decode()
    assert "<?xml" not in page.content.decode()
    secret = page.context["form"].secret
    wrong = client.post("/setup/two-step/", {"code": "000000"})
    assert "The code is not right." in wrong.content.decode()
    right = client.post("/setup/two-step/", {"code": code_of(secret)})
    assert right.headers["Location"] == "/setup/codes/"
    codes = client.get("/setup/codes/")
    assert len(codes.context["unused_codes"]) == 10
    assert "no-store" in codes.headers["Cache-Control"]
    again = client.get("/setup/two-step/")
    assert again.headers["Location"] == "/setup/codes/"


def test_there_are_no_codes_without_two_step_login(client: Client, address: str):
    client.post(address, ALICE)
    assert client.get("/setup/codes/").status_code == 404


def test_two_step_login_can_be_skipped_and_the_third_step_says_so(client: Client, address: str):
    client.post(address, ALICE)
    assert reverse("host_new") in text_of(client, "/setup/two-step/")
    said = text_of(client, reverse("host_new"))
    assert "Step 3 of 4" in said
    assert "Skipped: " in said
    assert "Leave it for later" in said


def test_the_command_prints_a_link_that_works(client: Client, capsys: pytest.CaptureFixture[str]):
    call_command("setup_link", address="http://here:8000")
    link = capsys.readouterr().out.strip()
    assert client.get(link.removeprefix("http://here:8000")).status_code == 200


@pytest.mark.usefixtures("alice")
def test_the_command_refuses_where_there_is_an_administrator():
    with pytest.raises(CommandError, match="already an administrator"):
        call_command("setup_link")
