"""Custom rules: who may write them, their versions, how they begin, and what they would say."""

import sys
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.accounts.models import User
from portal.compliance.models import Result, ShadowResult
from portal.core.errors import Conflict, DomainError, NotAllowed, NotFound
from portal.core.models import AuditEntry
from portal.fleet.models import Host
from portal.policies import actions, queries
from portal.policies.models import CustomRuleVersion, PolicyVersion
from scanner import BY_SLUG, Verdict
from tests.fleet import NOW, named, register, scan
from tests.scanner.custom import ruled

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)
TEXT = ruled("container.memory == 0", slug="custom-memory", severity="high")
CHANGED = ruled("container.memory < 1024", slug="custom-memory", severity="low")


def create(actor: User | None, text: str = TEXT) -> Any:
    return actions.create_rule(text, comment="Why not", actor=actor, now=NOW)


def switch_on(actor: User, slug: str = "custom-memory") -> None:
    found = queries.policy("baseline")
    version = queries.versions(found)[0]
    draft = actions.Draft(
        found.name,
        found.description,
        {**version.rules, slug: "on"},
        frozenset(),
    )
    actions.save_policy(
        "baseline", draft, based_on=version.number, comment="It counts", actor=actor, now=NOW
    )


def test_it_is_saved_with_its_audit_entry(alice: User) -> None:
    rule = create(alice)
    version = CustomRuleVersion.objects.get(rule=rule)
    assert (version.number, version.title, version.severity) == (1, "An example", "high")
    entry = AuditEntry.objects.get(verb="policies.create_rule")
    assert entry.details["comment"] == "Why not"


@pytest.mark.parametrize("name", ["bob", "erin", "charlie", "dana"])
def test_only_administrators_may(name: str, alice: User, request: pytest.FixtureRequest) -> None:
    create(alice)
    other = request.getfixturevalue(name)
    for act in (
        lambda: create(other, TEXT.replace("custom-memory", "custom-other")),
        lambda: actions.save_rule(
            "custom-memory", CHANGED, based_on=1, comment="x", actor=other, now=NOW
        ),
        lambda: actions.retire_rule("custom-memory", comment="x", actor=other, now=NOW),
        lambda: actions.restore_rule("custom-memory", comment="x", actor=other, now=NOW),
    ):
        with pytest.raises(NotAllowed):
            act()
    assert CustomRuleVersion.objects.count() == 1


def test_it_is_in_the_catalogue_and_compiled_once(alice: User) -> None:
    assert queries.catalogue().keys() == BY_SLUG.keys()
    create(alice)
    rule = queries.catalogue()["custom-memory"]
    assert (rule.version, rule.family.value) == (1, "custom")
    with CaptureQueriesContext(connection) as asked:
        assert queries.catalogue()["custom-memory"] is rule
    assert len(asked) == 1
    actions.save_rule("custom-memory", CHANGED, based_on=1, comment="x", actor=alice, now=LATER)
    assert queries.catalogue()["custom-memory"].version == 2
    assert list(queries.catalogue())[-1] == "custom-memory"


def test_while_it_is_held_the_catalogue_is_asked_for_once(alice: User) -> None:
    create(alice)
    assert "custom-memory" in queries.catalogue()
    with queries.held(), CaptureQueriesContext(connection) as asked:
        first = queries.catalogue()
        assert queries.catalogue() is first
        assert len(asked) == 1
        actions.retire_rule("custom-memory", comment="x", actor=alice, now=LATER)
        assert "custom-memory" not in queries.catalogue()


def test_it_begins_in_shadow_and_counts_when_a_policy_says_so(alice: User) -> None:
    create(alice)
    host = register("web-1")
    scan(host, named("privileged", "reports"))
    assert not Result.objects.filter(rule="custom-memory").exists()
    assert ShadowResult.objects.get(rule="custom-memory").verdict == "fail"
    assert PolicyVersion.objects.order_by("-number")[0].comment.startswith("custom-memory is new")

    switch_on(alice)
    scan(host, named("privileged", "reports"), now=LATER)
    found = Result.objects.get(rule="custom-memory")
    assert (found.open, found.rule_version) == (True, 1)
    assert found.evidence[0]["fact"] == "HostConfig.Memory"
    assert not ShadowResult.objects.exists()


def test_one_that_is_retired_judges_nothing_and_may_come_back(alice: User) -> None:
    create(alice)
    switch_on(alice)
    host = register("web-1")
    scan(host, named("privileged", "reports"))
    actions.retire_rule("custom-memory", comment="No more", actor=alice, now=LATER)
    assert "custom-memory" not in queries.catalogue()
    scan(host, named("privileged", "reports"), now=LATER)
    assert not Result.objects.filter(rule="custom-memory", open=True).exists()
    with pytest.raises(Conflict, match="retired"):
        actions.save_rule("custom-memory", CHANGED, based_on=1, comment="x", actor=alice, now=NOW)
    with pytest.raises(Conflict, match="never given twice"):
        create(alice)
    actions.restore_rule("custom-memory", comment="Again", actor=alice, now=LATER)
    assert queries.states_of("custom-memory")[0][2] == "shadow"
    assert "custom-memory" in queries.catalogue()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ruled("container.memry == 0"), "did you mean memory"),
        (ruled("container.memory"), "must be bool"),
        (TEXT + "---\n" + CHANGED, "there are two rules"),
        (TEXT + "---\n" + CHANGED.replace("memory\n", "m\n", 1), "holds 2 rules"),
        ("", "holds no rule"),
    ],
)
def test_what_cannot_be_judged_by_is_refused(alice: User, text: str, said: str) -> None:
    with pytest.raises(actions.RuleRefused, match=said) as refused:
        create(alice, text)
    assert all(problem.line > 0 for problem in refused.value.problems)
    assert not CustomRuleVersion.objects.exists()


def test_a_change_needs_a_comment_and_has_to_be_one(alice: User) -> None:
    create(alice)
    known = {"based_on": 1, "actor": alice, "now": LATER}
    with pytest.raises(DomainError, match="what you changed"):
        actions.save_rule("custom-memory", CHANGED, comment=" ", **known)
    with pytest.raises(DomainError, match="Nothing was changed"):
        actions.save_rule("custom-memory", TEXT.replace("\n", "\r\n"), comment="x", **known)
    with pytest.raises(actions.RuleRefused, match="the slug stays"):
        actions.save_rule(
            "custom-memory", TEXT.replace("custom-memory", "custom-m"), comment="x", **known
        )
    with pytest.raises(NotFound):
        actions.save_rule("custom-none", TEXT, comment="x", **known)
    actions.save_rule("custom-memory", CHANGED, comment="x", **known)
    with pytest.raises(Conflict, match="saved version 2 meanwhile"):
        actions.save_rule("custom-memory", TEXT, comment="x", **known)


def test_a_text_that_can_no_longer_be_read_is_unknown_and_never_a_pass(alice: User) -> None:
    create(alice)
    switch_on(alice)
    spoilt = TEXT.replace("container.memory", "container.gone")
    CustomRuleVersion.objects.update(text=spoilt, number=7)
    CustomRuleVersion.objects.create(
        **{
            name: getattr(CustomRuleVersion.objects.get(), name)
            for name in ("rule", "title", "subject", "severity", "comment", "author", "at")
        },
        number=8,
        text=spoilt,
    )
    host = register("web-1")
    scan(host, named("privileged", "reports"))
    found = Result.objects.get(rule="custom-memory")
    assert found.verdict == "unknown"
    assert "cannot be read any more" in found.reason
    assert "no field 'gone'" in found.reason


@pytest.fixture
def fleet() -> list[Host]:
    web, test = register("web-1"), register("test-1", group="Test")
    register("never-read")
    scan(web, named("privileged", "reports", memory=0), named("isolation_plain", "shop", memory=9))
    scan(test, named("isolation_plain", "runner", memory=0))
    return [web, test]


def test_a_trial_says_what_the_stored_would_be_judged(alice: User, fleet: list[Host]) -> None:
    rule = actions.read_rule(TEXT)
    found = queries.trial(rule)
    assert (found.hosts, found.counts, found.cut) == (2, {"fail": 2, "pass": 1}, "")
    names = [(line.host.name, line.result.subject.name) for line in found.shown]
    assert names == [("web-1", "reports"), ("test-1", "runner"), ("web-1", "shop")]
    assert found.shown[0].result.evidence[0].found == 0
    assert queries.trial(rule, host="web-1").counts == {"fail": 1, "pass": 1}
    assert queries.trial(rule, group=str(fleet[1].group_id)).counts == {"fail": 1}
    assert queries.trial(rule, name="SHO").counts == {"pass": 1}
    assert queries.trial(rule, host="no-such").hosts == 0
    assert not Result.objects.filter(rule="custom-memory").exists()
    assert found.shown[0].result.verdict is Verdict.FAIL


def test_a_trial_ends_in_time_and_says_so(
    alice: User, fleet: list[Host], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules[queries.trial.__module__]
    monkeypatch.setattr(module, "MOST_SUBJECTS", 1)
    found = queries.trial(actions.read_rule(TEXT))
    assert found.hosts == 1
    assert "the first 1 host" in found.cut
