"""A policy's life: versions that are never lost, groups that have one policy, a default always."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from portal.accounts.models import User
from portal.core.errors import Conflict, DomainError, NotAllowed, NotFound
from portal.core.models import AuditEntry
from portal.fleet.models import Group
from portal.policies import actions, queries
from portal.policies.actions import Draft
from portal.policies.models import Binding, Policy, PolicyVersion
from scanner import BY_SLUG, policy_file
from scanner import Policy as Judged
from tests.fleet import NOW, register

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


def draft(name: str = "Web", *groups: Group, **rules: Any) -> Draft:
    raw = {slug.replace("_", "-"): value for slug, value in rules.items()}
    return Draft(name, "", raw, frozenset(group.pk for group in groups))


def make(*groups: Group, name: str = "Web", **rules: Any) -> Policy:
    version = actions.create_policy(
        draft(name, *groups, **rules), comment="First", actor=None, now=NOW
    )
    return version.policy


def save(policy: Policy, wanted: Draft, *, based_on: int = 1, actor: Any = None) -> PolicyVersion:
    return actions.save_policy(
        policy.slug, wanted, based_on=based_on, comment="Because", actor=actor, now=LATER
    )


@pytest.fixture
def group() -> Group:
    return register("web-1", group="Web servers").group


# --- the default


def test_there_is_a_default_from_the_first_moment():
    found = Policy.objects.get(default=True)
    [version] = queries.versions(found)
    assert (str(version), version.rules, version.author) == ("Baseline v1", {}, None)


def test_it_is_made_once():
    actions.ensure_default(now=LATER)
    assert Policy.objects.count() == 1


def test_a_host_without_a_policy_of_its_group_has_the_default(group: Group):
    host = register("web-2", group="Web servers")
    assert queries.policy_for(host)[:2] == (Judged(), "Baseline v1")


def test_another_may_become_the_default_and_needs_no_groups_any_more(group: Group):
    web = make(group, privileged="off")
    actions.make_default(web.slug, actor=None, now=LATER)
    assert [found.name for found in queries.policies()] == ["Web", "Baseline"]
    assert not Binding.objects.exists()
    assert queries.policy_for(register("other")).label == "Web v1"
    with pytest.raises(DomainError, match="the default policy already"):
        actions.make_default(web.slug, actor=None, now=LATER)


def test_the_database_itself_keeps_one_default():
    with pytest.raises(IntegrityError), transaction.atomic():
        Policy.objects.create(name="Second", slug="second", default=True, created_at=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        Policy.objects.filter(default=True).update(removed_at=NOW)


# --- groups


def test_a_host_has_the_policy_of_its_group(group: Group):
    make(group, privileged="off", root_user="shadow", memory_limit={"severity": "low"})
    found = queries.policy_for(register("web-2", group="Web servers"))
    assert found.label == "Web v1"
    assert found.policy.off == {"privileged"}
    assert found.policy.shadow == {"root-user"}
    assert queries.policy_for(register("db-1")).label == "Baseline v1"


def test_a_group_has_one_policy_the_last_that_took_it(group: Group):
    first, second = make(group, name="First"), make(group, name="Second")
    assert queries.bindings() == {group.pk: second.pk}
    save(first, draft("First", group, privileged="off"))
    assert queries.bindings() == {group.pk: first.pk}


def test_a_group_that_is_gone_cannot_be_chosen():
    with pytest.raises(DomainError, match="not there any more"):
        actions.create_policy(
            Draft("Web", "", {}, frozenset({999})), comment="x", actor=None, now=NOW
        )
    assert not Policy.objects.filter(name="Web").exists()


# --- versions


def test_each_save_is_a_version_and_keeps_the_whole(group: Group, alice: User):
    web = make(group, privileged="off")
    version = save(web, draft("Web hosts", group, root_user="off"), actor=alice)
    assert (version.number, version.name, version.groups) == (2, "Web hosts", ["Web servers"])
    assert (version.author, version.at, version.comment) == (alice, LATER, "Because")
    assert version.rules == {"root-user": {"state": "off"}}
    assert queries.version(web, 1).rules == {"privileged": {"state": "off"}}
    assert queries.latest()[web.pk] == version
    web.refresh_from_db()
    assert (web.name, web.slug) == ("Web hosts", "web")


def test_who_began_with_an_older_version_overwrites_nothing(alice: User):
    web = make()
    save(web, draft(privileged="off"), actor=alice)
    with pytest.raises(Conflict, match="Alice saved version 2 meanwhile: Because"):
        save(web, draft(root_user="off"), based_on=1)
    assert queries.versions(web).count() == 2


def test_nothing_changed_is_nothing_to_save(group: Group):
    web = make(group, privileged="off")
    with pytest.raises(DomainError, match="Nothing was changed"):
        save(web, draft("Web", group, privileged="off", root_user="on"))
    assert queries.versions(web).count() == 1


def test_groups_alone_make_a_version_too(group: Group):
    web = make(privileged="off")
    assert save(web, draft("Web", group, privileged="off")).groups == ["Web servers"]


@pytest.mark.parametrize("comment", ["", "  ", "x" * 501, "a\x00b"])
def test_saving_wants_a_comment(comment: str):
    with pytest.raises(DomainError, match="what you changed and why"):
        actions.create_policy(draft(), comment=comment, actor=None, now=NOW)


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\x07"])
def test_a_name_is_a_name(name: str):
    with pytest.raises(DomainError, match="1 to 100 printable"):
        actions.create_policy(draft(name), comment="x", actor=None, now=NOW)


def test_two_policies_never_have_the_same_name():
    make()
    with pytest.raises(Conflict, match="already a policy wEB"):
        make(name="wEB")
    second = make(name="Second")
    with pytest.raises(Conflict):
        save(second, draft("web"))


def test_a_page_of_the_product_is_no_policys_address():
    assert [make(name=name).slug for name in ("New", "Import", "新")] == [
        *("policy-new", "policy-import", "policy"),
    ]


def test_what_a_rule_cannot_take_is_refused_with_its_place():
    with pytest.raises(DomainError, match=r"memory-limit → parameters → maximum_mib: .*number"):
        make(memory_limit={"parameters": {"maximum_mib": "much"}})
    with pytest.raises(DomainError, match=r"And 1\smore mistake"):
        make(nothing="off", privileged="maybe")


def test_what_was_set_for_a_rule_that_is_no_more_stays():
    web = make(privileged="off")
    rules = {"gone-rule": {"state": "off"}}
    PolicyVersion.objects.filter(policy=web).update(rules=rules)
    version = save(web, draft(root_user="off"))
    assert version.rules == {"gone-rule": {"state": "off"}, "root-user": {"state": "off"}}


# --- removing


def test_a_removed_policy_is_kept_and_its_groups_get_the_default(group: Group):
    web = make(group)
    actions.remove_policy(web.slug, actor=None, now=LATER)
    assert not queries.policies().filter(name="Web").exists()
    assert PolicyVersion.objects.filter(policy=web).exists()
    assert queries.policy_for(register("web-2", group="Web servers")).label == "Baseline v1"
    with pytest.raises(NotFound):
        save(web, draft(privileged="off"))
    assert make().slug == "web-2"


def test_the_default_cannot_be_removed():
    with pytest.raises(DomainError, match="Make another one the default first"):
        actions.remove_policy("baseline", actor=None, now=NOW)


# --- who may


@pytest.mark.parametrize("name", ["bob", "charlie", "erin", "dana"])
def test_only_administrators_change_policies(name: str, request: pytest.FixtureRequest):
    person = request.getfixturevalue(name)
    web = make()
    told = "Only administrators may change policies and custom rules."
    file = policy_file.PolicyFile("Web", "", {})
    for act in (
        lambda: actions.create_policy(draft("X"), comment="x", actor=person, now=NOW),
        lambda: save(web, draft(privileged="off"), actor=person),
        lambda: actions.import_policy(file, comment="x", actor=person, now=NOW),
        lambda: actions.make_default(web.slug, actor=person, now=NOW),
        lambda: actions.remove_policy(web.slug, actor=person, now=NOW),
    ):
        with pytest.raises(NotAllowed, match=told):
            act()
    assert queries.policies().count() == 2
    assert queries.versions(web).count() == 1


def test_every_act_leaves_an_entry(group: Group, alice: User):
    web = actions.create_policy(
        draft("Web", group, privileged="off"), comment="First", actor=alice, now=NOW
    ).policy
    save(web, draft("Web", root_user="off"), actor=alice)
    actions.make_default(web.slug, actor=alice, now=LATER)
    actions.remove_policy("baseline", actor=alice, now=LATER)
    entries = list(AuditEntry.objects.filter(verb__startswith="policies.").order_by("id"))
    assert [entry.verb.partition(".")[2] for entry in entries] == [
        *("create_policy", "save_policy", "make_default", "remove_policy"),
    ]
    assert {entry.actor for entry in entries} == {alice}
    assert entries[1].details == {
        "version": 2,
        "rules": ["privileged", "root-user"],
        "groups": {"before": ["Web servers"], "after": []},
        "comment": "Because",
    }
    assert entries[2].details == {"before": "Baseline"}


# --- files


def test_an_imported_file_makes_a_policy_then_a_version_and_moves_no_group(group: Group):
    text = "policy: 1\nname: Web\nrules:\n  privileged: off\n"
    first = actions.import_policy(
        policy_file.read(text, BY_SLUG), comment="First", actor=None, now=NOW
    )
    save(first.policy, draft("Web", group, privileged="off"))
    text = text.replace("off", "shadow").replace("Web", "wEb")
    second = actions.import_policy(
        policy_file.read(text, BY_SLUG), comment="Second", actor=None, now=LATER
    )
    assert (str(first), str(second)) == ("Web v1", "Web v3")
    assert second.groups == ["Web servers"]
    assert second.rules == {"privileged": {"state": "shadow"}}


@pytest.mark.parametrize("full", [False, True])
def test_what_is_exported_imports_as_the_same(full: bool):
    web = make(privileged="off", memory_limit={"parameters": {"maximum_mib": 512}})
    version = queries.versions(web)[0]
    text = queries.as_yaml(version, full=full)
    assert text.startswith("# Web v1, saved 2026-11-24 12:00 UTC: First\n")
    found = policy_file.read(text, BY_SLUG)
    assert (found.name, found.settings) == ("Web", queries.settings_of(version))
    with pytest.raises(DomainError, match="Nothing was changed"):
        actions.import_policy(found, comment="x", actor=None, now=LATER)


def test_a_comment_cannot_break_the_file():
    actions.create_policy(draft(), comment="a: [b # c", actor=None, now=NOW)
    text = queries.as_yaml(queries.versions(queries.named("WEB"))[0])
    assert policy_file.read(text, BY_SLUG).name == "Web"
