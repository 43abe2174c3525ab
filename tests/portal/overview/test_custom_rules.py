"""The pages of custom rules: written, tried, saved, changed, retired."""

import re

import pytest
from django.test import Client

from portal.accounts.models import User
from portal.fleet.models import Host
from portal.policies import actions, queries
from portal.policies.models import CustomRule
from tests.fleet import NOW, named, register, scan
from tests.portal.compliance.pages import BUDGET, text_of
from tests.portal.compliance.pages import queries as asked
from tests.scanner.custom import ruled

pytestmark = pytest.mark.django_db
NEW, LIST = "/settings/rules/new/", "/settings/rules/"
DETAIL = "/settings/rules/custom-memory/"
TEXT = ruled("container.memory == 0", slug="custom-memory", severity="high")
CHANGED = ruled("container.memory < 9", slug="custom-memory", severity="high")
REFUSAL = "Only administrators may change policies and custom rules."
NASTY = "<img src=x onerror=alert(1)>"
FRAGMENT = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def host() -> Host:
    found = register("web-1")
    scan(found, named("privileged", "reports", memory=0), named("isolation_plain", "shop"))
    return found


@pytest.fixture
def rule(alice: User) -> CustomRule:
    return actions.create_rule(TEXT, comment="First", actor=alice, now=NOW)


def test_an_empty_list_says_what_to_do(as_alice: Client, as_charlie: Client) -> None:
    assert "Write the first rule" in text_of(as_alice.get(LIST))
    shown = text_of(as_charlie.get(LIST))
    assert REFUSAL in shown


def test_the_list_has_each_rule_with_its_state(as_charlie: Client, rule: CustomRule) -> None:
    shown = text_of(as_charlie.get(LIST))
    for said in ("An example", "custom-memory", "in shadow in 1", "containers", "Alice"):
        assert said in shown


def test_one_is_tried_without_being_saved(as_alice: Client, host: Host) -> None:
    form = {"do": "try", "text": TEXT, "where": "host:web-1", "name": "report"}
    response = as_alice.post(NEW, form)
    shown = text_of(response)
    assert response.status_code == 200
    assert "1 verdict on 1 host" in shown
    assert "reports web-1" in shown
    assert "HostConfig.Memory = 0" in shown
    assert "selected>web-1" in response.content.decode()
    assert not CustomRule.objects.exists()


def test_htmx_gets_what_changes_and_the_numbers_of_the_lines(as_alice: Client, host: Host) -> None:
    response = as_alice.post(NEW, {"do": "try", "text": TEXT}, headers=FRAGMENT)
    text = response.content.decode()
    assert text.lstrip().startswith('<div id="trial"')
    assert 'hx-target=".editor-lines"' in text
    assert "<html" not in text


@pytest.mark.parametrize("do", ["try", "save"])
def test_what_is_wrong_is_told_with_its_line(as_alice: Client, do: str) -> None:
    text = TEXT.replace("container.memory", "container.memry").replace("high", "hgh")
    response = as_alice.post(NEW, {"do": do, "text": text, "comment": "x"})
    assert response.status_code == 422
    shown = text_of(response)
    assert "2 things to change before it can judge" in shown
    assert "Line 8, column 13: fails_when: Container has no field 'memry'; did you mean" in shown
    page = response.content.decode()
    assert '<span class="editor-wrong">8</span>' in page
    assert "container.memry == 0" in page


def test_one_is_saved_and_begins_in_shadow(as_alice: Client, host: Host) -> None:
    response = as_alice.post(NEW, {"do": "save", "text": TEXT, "comment": "Asked for"}, follow=True)
    shown = text_of(response)
    assert response.redirect_chain == [(DETAIL, 302)]
    assert "It begins in shadow" in shown
    assert "In shadow in Baseline" in shown
    assert "saved version 1" in shown
    assert "Asked for" in shown


def test_without_a_comment_nothing_is_saved_or_lost(as_alice: Client) -> None:
    response = as_alice.post(NEW, {"do": "save", "text": TEXT, "comment": ""})
    assert response.status_code == 422
    assert "This was not saved. Say in 1 to 500 characters" in text_of(response)
    assert "custom-memory" in response.content.decode()


def test_a_version_is_saved_and_compared(as_alice: Client, rule: CustomRule) -> None:
    form = {"do": "save", "text": CHANGED, "comment": "Higher", "based_on": "1"}
    shown = text_of(as_alice.post(DETAIL, form, follow=True))
    assert "Version 2 is saved." in shown
    compared = text_of(as_alice.get(f"{DETAIL}versions/2/"))
    assert "was: container.memory == 0" in compared
    assert "now: container.memory < 9" in compared
    assert "Higher" in compared
    assert "container.memory == 0" in text_of(as_alice.get(f"{DETAIL}versions/1/"))
    assert as_alice.get(f"{DETAIL}versions/3/").status_code == 404


def test_two_people_do_not_overwrite_each_other(as_alice: Client, rule: CustomRule) -> None:
    form = {"do": "save", "text": CHANGED, "comment": "Higher", "based_on": "1"}
    as_alice.post(DETAIL, form)
    response = as_alice.post(DETAIL, form)
    assert response.status_code == 409
    assert "saved version 2 meanwhile" in text_of(response)
    assert 'name="based_on" value="1"' in response.content.decode()
    for odd in ("", "x", "9" * 30):
        assert as_alice.post(DETAIL, {**form, "based_on": odd}).status_code == 409


def test_one_is_retired_and_taken_up_again(as_alice: Client, rule: CustomRule) -> None:
    assert as_alice.post(DETAIL, {"do": "retire"}).status_code == 422
    shown = text_of(as_alice.post(DETAIL, {"do": "retire", "comment": "Old"}, follow=True))
    assert "custom-memory is retired." in shown
    assert "It judges nothing." in shown
    assert "Retired custom-memory" in text_of(as_alice.get(LIST))
    shown = text_of(as_alice.post(DETAIL, {"do": "restore", "comment": "Again"}, follow=True))
    assert "custom-memory is taken up again, in shadow." in shown


@pytest.mark.parametrize("name", ["bob", "erin", "charlie", "dana"])
def test_others_read_and_are_told_why_they_cannot_write(
    name: str, rule: CustomRule, request: pytest.FixtureRequest
) -> None:
    client = request.getfixturevalue(f"as_{name}")
    for address in (NEW, DETAIL):
        response = client.get(address)
        assert REFUSAL in text_of(response)
        assert " readonly>" in response.content.decode()
        for do in ("try", "save", "retire", "restore"):
            form = {"do": do, "text": TEXT, "comment": "x"}
            assert client.post(address, form).status_code == 403
    assert client.get(f"{DETAIL}versions/1/").status_code == 200


def test_what_people_write_is_shown_as_text(as_alice: Client, host: Host) -> None:
    form = {"do": "save", "text": TEXT.replace("An example", NASTY), "comment": NASTY}
    assert NASTY not in as_alice.post(NEW, form, follow=True).content.decode()
    for address in (LIST, DETAIL, f"{DETAIL}versions/1/", "/rules/", "/rules/custom-memory/"):
        response = as_alice.get(address)
        assert response.status_code == 200
        assert NASTY not in response.content.decode()


def test_it_is_among_the_rules_and_has_a_page_of_its_own(
    as_charlie: Client, rule: CustomRule, host: Host
) -> None:
    shown = text_of(as_charlie.get("/rules/"))
    assert re.search(r"An example \w+ custom-memory", shown)
    assert "Custom" in shown
    assert "HostConfig.Memory" in text_of(as_charlie.get("/rules/custom-memory/"))
    assert "custom-memory" in text_of(as_charlie.get("/rules/?family=custom"))


def test_a_text_of_any_size_is_answered(as_alice: Client) -> None:
    for text in ("x" * 30_000, "\0", "", "- " * 8_000, "\n" * 16_000):
        response = as_alice.post(NEW, {"do": "try", "text": text})
        assert response.status_code == 422
        assert "before it can judge" in text_of(response)


def test_the_number_of_queries_does_not_depend_on_how_many_there_are(
    as_alice: Client, alice: User, rule: CustomRule
) -> None:
    pages = (LIST, NEW, DETAIL, f"{DETAIL}versions/1/")
    few = [asked(as_alice, page) for page in pages]
    for number in range(7):
        text = TEXT.replace("custom-memory", f"custom-memory-{number}")
        actions.create_rule(text, comment="x", actor=alice, now=NOW)
        scan(register(f"host-{number}"), named("privileged"))
    many = [asked(as_alice, page) for page in pages]
    assert few == many
    assert max(many) <= BUDGET


def test_a_trial_asks_the_database_the_same_number_of_times(
    as_alice: Client, host: Host, django_assert_max_num_queries: object
) -> None:
    scan(register("web-2"), *(named("privileged", f"shop-{n}") for n in range(9)))
    with django_assert_max_num_queries(BUDGET):  # type: ignore[operator]
        as_alice.post(NEW, {"do": "try", "text": TEXT})
    assert queries.trial(actions.read_rule(TEXT)).total == 11
