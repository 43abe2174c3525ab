"""The pages of the policies: read, changed, previewed, compared, exchanged, removed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portal.fleet.models import Group
from portal.policies import actions, queries
from portal.policies.actions import Draft
from portal.policies.models import Policy
from scanner import BY_SLUG, policy_file
from tests.fleet import NOW, named, register, scan
from tests.portal.plain import links, text

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)
LIST, NEW, IMPORT = "/settings/policies/", "/settings/policies/new/", "/settings/policies/import/"
BASELINE, WEB = f"{LIST}baseline/", f"{LIST}web/"
REFUSED = "Only administrators may change policies and custom rules."
FRAGMENT = {"HTTP_HX_REQUEST": "true", "HTTP_HX_REQUEST_TYPE": "partial"}


@pytest.fixture
def web() -> Policy:
    """For the group "Web", with one rule off, one in shadow and a limit; its host was scanned."""
    host = register("web-1", group="Web", owner="Payments")
    rules: dict[str, Any] = {
        "privileged": "off",
        "root-user": "shadow",
        "memory-limit": {"severity": "low", "parameters": {"maximum_mib": 512}},
    }
    draft = Draft("Web", "Public", rules, frozenset(Group.objects.values_list("id", flat=True)))
    made = actions.create_policy(draft, comment="First", actor=None, now=NOW).policy
    scan(host, named("privileged", "reports"), named("everything", "shop"))
    scan(register("db-1", group="Data"), named("privileged", "db"))
    return made


def read(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return str(response.content.decode())


def post(client: Client, address: str, **data: Any) -> Any:
    return client.post(address, {name.replace("__", ":"): value for name, value in data.items()})


def versions(policy: Policy) -> list[int]:
    return [version.number for version in queries.versions(policy)]


# --- the list


def test_the_list_says_what_each_policy_does_and_for_whom(as_charlie: Client, web: Policy):
    said = text(read(as_charlie, LIST))
    assert "Baseline Default" in said
    assert "Data every group without another policy" in said
    count = len(queries.catalogue())
    assert f"{count} on nothing 1" in said
    assert f"Web Public Web {count - 2} on, 1 in shadow, 1 off 1 parameter" in said
    assert REFUSED in said


def test_an_administrator_is_led_to_a_new_policy(as_alice: Client):
    found = links(read(as_alice, LIST))
    assert found[NEW] == "New policy"
    assert found[IMPORT] == "Import a file"
    assert links(read(as_alice, "/"))[LIST] == "Settings"


# --- one policy


def test_a_policy_shows_each_rule_with_what_is_set(as_charlie: Client, web: Policy):
    page = read(as_charlie, WEB)
    said = text(page)
    assert "Version 1" in said
    assert "by Plimsoll: First" in said
    assert all(rule.title in said for rule in queries.catalogue().values())
    assert '<option value="off" selected>Off</option>' in page
    assert 'name="set:memory-limit:maximum_mib" value="512"' in page
    assert said.count("Set otherwise") >= 3
    assert REFUSED in said
    assert "<fieldset disabled>" in page


def test_only_administrators_see_what_rules_in_shadow_say(
    as_alice: Client, as_bob: Client, web: Policy
):
    shadow = "Container runs as root root-user 1 of 2 checks 0 1"
    assert shadow in text(read(as_alice, WEB))
    assert "counted nowhere" not in text(read(as_bob, WEB))
    assert "counted nowhere" not in text(read(as_alice, BASELINE))


def test_a_preview_saves_nothing_and_says_what_would_change(as_alice: Client, web: Policy):
    page = post(as_alice, BASELINE, do="preview", name="Baseline", state__privileged="off")
    assert page.status_code == 200
    said = text(page.content.decode())
    assert "Would close 1" in said
    assert "From what was last read of 1 host; no host was asked." in said
    assert "Data — 0 1 0 0" in said or "Data Payments 0 1 0 0" in said
    assert "Container runs privileged Critical db db-1" in said
    assert versions(Policy.objects.get(default=True)) == [1]


def test_htmx_gets_the_preview_alone(as_alice: Client, web: Policy):
    data = {"do": "preview", "name": "Web", "state:privileged": "on"}
    answer = as_alice.post(WEB, data, **FRAGMENT)  # type: ignore[arg-type]
    body = answer.content.decode()
    assert body.lstrip().startswith('<div id="preview"')
    assert "Would open" in text(body)
    assert "<html" not in body


def test_saving_makes_a_version_that_scans_judge_by(as_alice: Client, web: Policy):
    group = Group.objects.get(name="Web")
    answer = post(
        as_alice,
        WEB,
        do="save",
        based_on="1",
        name="Web",
        description="Public",
        group=[group.pk],
        comment="Privileged counts",
        state__privileged="on",
    )
    assert answer.status_code == 302
    assert "Web v2 is saved. Each host is judged by it" in text(read(as_alice, WEB))
    version = queries.version(web, 2)
    assert (str(version.author), version.comment) == ("Alice", "Privileged counts")
    assert version.groups == ["Web"]
    assert set(version.rules) == {"root-user", "memory-limit"}


def test_what_is_wrong_is_said_at_its_field_and_nothing_is_saved(as_alice: Client, web: Policy):
    answer = post(
        as_alice,
        WEB,
        do="save",
        based_on="1",
        name="Web",
        comment="x",
        state__privileged="off",
        **{"state__memory-limit": "on", "set__memory-limit__maximum_mib": "much"},
    )
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "maximum_mib must be a whole number, not a text" in text(page)
    assert "#set-memory-limit-maximum_mib" in links(page)
    assert 'value="much"' in page
    assert versions(web) == [1]


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        ({"comment": ""}, 400, "what you changed and why"),
        ({"comment": "x", "name": ""}, 400, "1 to 100 printable characters"),
        ({"comment": "x", "name": "Baseline"}, 409, "already a policy Baseline"),
        ({"comment": "x", "based_on": "7"}, 409, "saved version 1 meanwhile"),
        ({"comment": "x", "based_on": "x"}, 409, "saved version 1 meanwhile"),
        ({"comment": "x", "group": "4000000000"}, 200, ""),
    ],
)
def test_a_refusal_keeps_what_was_typed(
    as_alice: Client, web: Policy, data: dict[str, str], status: int, words: str
):
    sent = {"do": "save", "based_on": "1", "name": "Web", "state:privileged": "shadow", **data}
    answer = as_alice.post(WEB, sent)
    if not words:
        assert answer.status_code == 302  # no id of ours, so no group
        return
    assert answer.status_code == status
    page = answer.content.decode()
    assert words in text(page)
    assert '<option value="shadow" selected>In shadow</option>' in page
    assert versions(web) == [1]


def test_an_older_version_can_be_started_from(as_alice: Client, web: Policy):
    draft = Draft("Web", "", {"privileged": "shadow"}, frozenset())
    actions.save_policy("web", draft, based_on=1, comment="Second", actor=None, now=LATER)
    page = read(as_alice, f"{WEB}?from=1")
    assert "These are the rules of an older version." in text(page)
    assert 'name="set:memory-limit:maximum_mib" value="512"' in page
    assert 'name="based_on" value="2"' in page
    assert as_alice.get(f"{WEB}?from=9").status_code == 404


# --- a new one


def test_a_new_policy_is_previewed_and_made(as_alice: Client, web: Policy):
    data = {"do": "preview", "name": "Data", "group": Group.objects.get(name="Data").pk}
    data["state:privileged"] = "off"
    said = text(as_alice.post(NEW, data).content.decode())
    assert "Would close 1" in said
    answer = as_alice.post(NEW, {**data, "do": "save", "comment": "Ours"})
    assert answer.headers["Location"] == f"{LIST}data/"
    assert queries.policy_for(register("db-2", group="Data")).label == "Data v1"


def test_a_new_policy_may_begin_as_a_copy(as_alice: Client, web: Policy):
    page = read(as_alice, f"{NEW}?from=web")
    assert "It begins as a copy of Web v1." in text(page)
    assert 'name="set:memory-limit:maximum_mib" value="512"' in page
    assert 'name="name" value=""' in page


# --- versions


def test_two_versions_are_compared_setting_by_setting(as_charlie: Client, web: Policy):
    draft = Draft("Web", "Public", {"privileged": "shadow"}, frozenset())
    actions.save_policy("web", draft, based_on=1, comment="Second", actor=None, now=LATER)
    said = text(read(as_charlie, f"{WEB}versions/"))
    assert "What version 2 has otherwise than version 1." in said
    assert "Groups of the policy Web none" in said
    assert "Container runs privileged privileged State Off In shadow" in said
    assert "memory-limit maximum_mib 512 0" in said
    assert "2 In force" in said
    assert "Start from it" not in said


def test_one_version_has_nothing_to_compare_with(as_charlie: Client, web: Policy):
    assert "There is only one version so far." in text(read(as_charlie, f"{WEB}versions/"))


# --- files


def test_a_policy_is_exported_as_a_file_that_imports_as_the_same(as_charlie: Client, web: Policy):
    answer = as_charlie.get(f"{WEB}export/")
    assert answer.headers["Content-Type"] == "application/yaml; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="web-v1.yaml"'
    found = policy_file.read(answer.content.decode(), BY_SLUG)
    assert found.settings == queries.settings_of(queries.version(web, 1))
    whole = as_charlie.get(f"{WEB}export/?full=1").content.decode()
    assert all(f"\n  {slug}:\n" in whole for slug in queries.catalogue())
    assert as_charlie.get(f"{WEB}export/?version=9").status_code == 404


def test_a_file_is_previewed_and_imported(as_alice: Client, web: Policy):
    body = "policy: 1\nname: Web\nrules:\n  root-user: shadow\n"
    said = text(post(as_alice, IMPORT, do="preview", text=body).content.decode())
    assert "It would be the next version of Web" in said
    assert "Would open" in said
    assert versions(web) == [1]
    file = SimpleUploadedFile("web.yaml", body.encode())
    answer = as_alice.post(IMPORT, {"do": "save", "file": file, "comment": "From git"})
    assert answer.headers["Location"] == WEB
    assert versions(web) == [2, 1]
    assert queries.version(web, 2).groups == ["Web"]


def test_what_is_wrong_with_a_file_has_its_line(as_alice: Client):
    body = "policy: 1\nname: Web\nrules:\n  priviledged: off\n"
    answer = post(as_alice, IMPORT, do="save", text=body, comment="x")
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "Line 4, column 3: there is no rule 'priviledged'; did you mean privileged?" in text(
        page
    )
    assert "priviledged: off" in page
    assert queries.policies().count() == 1


# --- default and removal


def test_a_policy_becomes_the_default(as_alice: Client, web: Policy):
    answer = as_alice.post(reverse("policy_default", args=["web"]))
    assert answer.headers["Location"] == WEB
    assert "Web is for every group without a policy of its own." in text(read(as_alice, WEB))
    assert Policy.objects.get(default=True) == web


def test_a_policy_is_removed_after_it_was_said_what_that_does(as_alice: Client, web: Policy):
    said = text(read(as_alice, f"{WEB}remove/"))
    assert "Web would have Baseline instead, from each host's next scan." in said
    answer = as_alice.post(f"{WEB}remove/")
    assert answer.headers["Location"] == LIST
    assert as_alice.get(WEB).status_code == 404
    assert "Make another one the default first." in text(read(as_alice, f"{BASELINE}remove/"))
    assert as_alice.post(f"{BASELINE}remove/").status_code == 400


# --- who may, and at what cost


WRITES: list[Callable[[Client], Any]] = [
    lambda client: client.post(WEB, {"do": "save", "comment": "x"}),
    lambda client: client.post(WEB, {"do": "preview"}),
    lambda client: client.post(NEW, {"do": "save", "name": "X", "comment": "x"}),
    lambda client: client.post(IMPORT, {"do": "save", "text": "policy: 1", "comment": "x"}),
    lambda client: client.post(f"{WEB}default/"),
    lambda client: client.post(f"{WEB}remove/"),
]


@pytest.mark.parametrize("who", ["as_bob", "as_erin", "as_charlie", "as_dana"])
def test_nobody_but_administrators_changes_a_policy(
    who: str, web: Policy, request: pytest.FixtureRequest
):
    client = request.getfixturevalue(who)
    for write in WRITES:
        answer = write(client)
        assert answer.status_code == 403
        assert REFUSED in text(answer.content.decode())
    assert (versions(web), queries.policies().count()) == ([1], 2)


@pytest.mark.parametrize("address", [LIST, WEB, NEW, IMPORT, f"{WEB}versions/", f"{WEB}remove/"])
def test_pages_ask_as_much_of_a_large_fleet_as_of_a_small_one(
    as_alice: Client, web: Policy, address: str
):
    counts = []
    for number in (0, 6):
        for place in range(number):
            host = register(f"more-{place}", group=f"More {place}")
            groups = frozenset({host.group_id})
            draft = Draft(f"More {place}", "", {"privileged": "shadow"}, groups)
            actions.create_policy(draft, comment="x", actor=None, now=NOW)
            scan(host, named("privileged"), named("everything"))
        with CaptureQueriesContext(connection) as queried:
            read(as_alice, address)
        counts.append(len(queried))
    assert counts[0] == counts[1] <= 12


def test_a_form_may_have_thousands_of_fields(as_alice: Client, web: Policy):
    many = {f"set:custom-{number}:x": "1" for number in range(3_000)}
    answer = as_alice.post(BASELINE, {"do": "preview", "name": "Baseline", **many})
    assert answer.status_code == 200
    assert "Nothing would change on 1 host." in text(answer.content.decode())
