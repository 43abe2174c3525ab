"""From an empty product to somebody who is signed in, in a browser."""

import re

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from portal.accounts import actions
from portal.accounts.models import User
from portal.core import secrets
from tests.browser.looks import flaws, path, sign_in
from tests.people import PASSWORD, code_of, person

pytestmark = pytest.mark.django_db(transaction=True)


def setup_address() -> str:
    return f"/setup/{actions.issue_setup_link(timezone.now())}/"


def test_the_first_run_needs_no_pointer(browser_page: Page) -> None:
    page = browser_page
    page.goto(setup_address())
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("Alice")
    page.keyboard.press("Tab")
    page.keyboard.type("alice@example.com")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.get_by_label("Password", exact=True).get_attribute("type") == "text"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page).to_have_title("Turn on two-step login · Plimsoll")
    code = page.get_by_label("The code that the app shows")
    expect(code).to_be_focused()
    page.keyboard.type(code_of(page.locator(".key-line code").inner_text()))
    page.keyboard.press("Enter")

    expect(page).to_have_title("Keep your recovery codes · Plimsoll")
    assert page.locator(".codes li").count() == 10
    page.get_by_label("I have kept the codes").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page).to_have_title("Register the first host · Plimsoll")
    zone = page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone")
    assert User.objects.get().time_zone == zone


def test_the_way_on_is_closed_until_the_codes_are_kept(browser_page: Page) -> None:
    page = browser_page
    page.goto(setup_address())
    page.get_by_label("Name").fill("Alice")
    page.get_by_label("E-mail").fill("alice@example.com")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create the administrator").click()
    page.wait_for_url("**/setup/two-step/")
    assert flaws(page, "setup-two-step") == []
    secret = page.locator(".key-line code").inner_text()
    page.get_by_label("The code that the app shows").fill(code_of(secret))
    page.get_by_role("button", name="Turn on two-step login").click()
    page.wait_for_url("**/setup/codes/")
    assert flaws(page, "setup-codes") == []
    page.get_by_role("button", name="Go on to the first host").click()
    assert path(page) == "/setup/codes/"
    page.get_by_label("I have kept the codes").check()
    page.get_by_role("button", name="Go on to the first host").click()
    page.wait_for_url("**/hosts/new/**")
    assert flaws(page, "setup-host") == []


def test_a_wrong_password_is_said_where_the_focus_is(browser_page: Page) -> None:
    page = browser_page
    person("alice")
    page.goto("/login/?next=/me/")
    page.get_by_label("E-mail").fill("alice@example.com")
    page.get_by_label("Password", exact=True).fill("wrong horse battery")
    page.keyboard.press("Enter")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("E-mail or password is not right.")
    expect(alert).to_be_focused()
    assert flaws(page, "login-wrong") == []
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/me/")


def test_a_password_can_be_shown_and_hidden(browser_page: Page) -> None:
    page = browser_page
    page.goto("/login/")
    field, button = page.locator("#id_password"), page.get_by_role("button", name="Show")
    button.click()
    expect(field).to_have_attribute("type", "text")
    button.click()
    expect(field).to_have_attribute("type", "password")


def test_a_part_that_finds_the_session_ended_leads_to_the_login(browser_page: Page) -> None:
    page = browser_page
    sign_in(page, person("alice"))
    page.goto("/me/")
    page.context.clear_cookies()
    page.evaluate("htmx.ajax('GET', '/me/', '#main')")
    page.wait_for_url("**/login/?next=/me/")


def test_logging_out_is_in_the_menu(browser_page: Page) -> None:
    page = browser_page
    sign_in(page, person("alice"))
    page.goto("/me/")
    page.locator(".menu summary").click()
    expect(page.get_by_role("link", name="Your profile")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.locator(".messages")).to_contain_text("You are logged out.")
    assert path(page) == "/login/"


def test_the_pages_before_the_sign_in_have_no_flaws(browser_page: Page) -> None:
    page = browser_page
    page.goto(setup_address())
    assert flaws(page, "setup") == []
    page.goto("/setup/wrong/")
    assert flaws(page, "setup-ended") == []
    page.goto("/login/")
    assert flaws(page, "login") == []
    page.goto("/login/inactive/")
    assert flaws(page, "inactive") == []


def test_too_many_attempts_have_a_page_of_their_own(browser_page: Page) -> None:
    page = browser_page
    page.goto("/login/")
    for _ in range(6):
        page.get_by_label("E-mail").fill("nobody@example.com")
        page.locator("#id_password").fill("wrong horse battery")
        with page.expect_navigation():
            page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Too many attempts")
    assert flaws(page, "too-many-attempts") == []


def test_the_pages_of_the_profile_have_no_flaws(browser_page: Page) -> None:
    page = browser_page
    sign_in(page, person("alice"))
    page.goto("/me/")
    assert flaws(page, "profile") == []
    page.goto("/me/password/")
    assert flaws(page, "password") == []
    page.goto("/me/two-step/on/")
    expect(page).to_have_url(re.compile("/login/confirm/"))
    assert flaws(page, "confirm") == []
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/me/two-step/on/")
    assert flaws(page, "two-step-on") == []
    secret = page.locator(".key-line code").inner_text()
    page.get_by_label("The code that the app shows").fill(code_of(secret))
    page.keyboard.press("Enter")
    page.wait_for_url("**/me/two-step/codes/")
    assert flaws(page, "codes") == []
    page.goto("/me/two-step/codes/new/")
    assert flaws(page, "codes-renew") == []
    page.goto("/me/two-step/off/")
    assert flaws(page, "two-step-off") == []
    page.goto("/me/")
    assert flaws(page, "profile-two-step") == []


def test_the_second_step_has_no_flaws(browser_page: Page) -> None:
    page = browser_page
    alice = person("alice")
    alice.authenticator_set.create(type="totp", data={"secret": secrets.encrypt("A" * 32)})
    page.goto("/login/")
    page.get_by_label("E-mail").fill(alice.email)
    page.locator("#id_password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/login/verify/")
    assert flaws(page, "verify") == []
    page.get_by_label("Code").fill(code_of("A" * 32))
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/$"))
