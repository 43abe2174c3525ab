"""The form of a policy: every parameter as a text that a person can edit, and back."""

from typing import Annotated, Any

import msgspec
import pytest

from portal.policies.forms import RulesForm, differences, parsed, written
from scanner import BY_SLUG, RULES, policies

PARAMETERS = [(rule, parameter) for rule in RULES for parameter in policies.parameters(rule)]


def sent(form: RulesForm, **changes: str) -> dict[str, str]:
    """What a browser would send of it, with these fields changed."""
    data = {}
    for row in form.rows:
        data[f"state:{row.rule.slug}"] = row.state
        data[f"severity:{row.rule.slug}"] = row.severity
        data |= {field.name: field.text for field in row.fields}
    return data | changes


@pytest.mark.parametrize(
    ("rule", "parameter"), PARAMETERS, ids=[f"{rule.slug}-{p.name}" for rule, p in PARAMETERS]
)
def test_every_parameter_is_read_as_it_was_written(rule: Any, parameter: Any):
    text = written(parameter.own)
    back = msgspec.convert(parsed(parameter.type, text), parameter.type)
    assert back == msgspec.convert(parameter.own, parameter.type)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (bool, "true", True),
        (bool, "false", False),
        (bool, "maybe", "maybe"),
        (int, " 12 ", 12),
        (int, "-1", -1),
        (int, "", ""),
        (int, "1e3", "1e3"),
        (str, " a b ", "a b"),
        (tuple[str, ...], "a\r\n\r\n b \n80", ["a", "b", "80"]),
        (tuple[int, ...], "80\n443\nx", [80, 443, "x"]),
        (tuple[str, ...], "", []),
        (dict[str, int], "nofile: 1024\nnproc: 64", {"nofile": 1024, "nproc": 64}),
        (dict[str, int], "nofile", "nofile"),
        (dict[str, tuple[str, ...]], "ssh: sshd, 22/tcp\nx:", {"ssh": ["sshd", "22/tcp"], "x": []}),
        (dict[str, tuple[str, ...]], "host:5000/app: 80", {"host:5000/app": ["80"]}),
        (Annotated[int, msgspec.Meta(ge=1)], "5", 5),
    ],
)
def test_a_text_is_the_value_that_it_means(kind: Any, text: str, value: Any):
    assert parsed(kind, text) == value


def test_a_form_that_is_sent_as_it_was_changes_nothing():
    settings, _ = policies.read(
        {
            "privileged": "off",
            "memory-limit": {"severity": "low", "parameters": {"maximum_mib": 512}},
            "ulimits": {"parameters": {"ceilings": {"nofile": 4096}, "required": []}},
        },
        BY_SLUG,
    )
    form = RulesForm(BY_SLUG, settings)
    again = RulesForm(BY_SLUG, settings, sent(form))
    assert again.mistakes == []
    assert again.settings == settings
    assert [row.rule.slug for row in again.rows if row.set] == [
        rule.slug for rule in RULES if rule.slug in settings
    ]


def test_what_was_typed_becomes_a_setting():
    data = sent(
        RulesForm(BY_SLUG, {}),
        **{
            "state:privileged": "shadow",
            "severity:root-user": "low",
            "set:memory-limit:maximum_mib": "256",
            "set:added-capabilities:allowed": "CHOWN\nKILL",
        },
    )
    assert policies.plain(RulesForm(BY_SLUG, {}, data).settings) == {
        "added-capabilities": {"parameters": {"allowed": ["CHOWN", "KILL"]}},
        "memory-limit": {"parameters": {"maximum_mib": 256}},
        "privileged": {"state": "shadow"},
        "root-user": {"severity": "low"},
    }


def test_rules_that_were_not_sent_keep_what_they_had():
    settings, _ = policies.read({"privileged": "off", "root-user": "off"}, BY_SLUG)
    form = RulesForm(BY_SLUG, settings, {"state:root-user": "on"})
    assert policies.plain(form.settings) == {"privileged": {"state": "off"}}


def test_what_is_wrong_stands_at_its_field_and_what_was_typed_stays():
    data = sent(
        RulesForm(BY_SLUG, {}),
        **{"set:memory-limit:maximum_mib": "much", "state:privileged": "maybe"},
    )
    form = RulesForm(BY_SLUG, {}, data)
    by_slug = {row.rule.slug: row for row in form.rows}
    field = next(f for f in by_slug["memory-limit"].fields if f.label == "maximum mib")
    assert (field.text, field.error) == ("much", "maximum_mib must be a whole number, not a text")
    assert "one of on, shadow or off" in by_slug["privileged"].errors[0]
    assert {mistake.id for mistake in form.mistakes} == {
        *("set-memory-limit-maximum_mib", "state-privileged"),
    }


def test_numbers_have_their_bounds():
    rows = {row.rule.slug: row for row in RulesForm(BY_SLUG, {}).rows}
    field = next(f for f in rows["memory-limit"].fields if f.label == "maximum mib")
    assert (field.kind, field.least, field.own_in_words) == ("number", "0", "0")


def test_families_are_those_of_the_catalogue():
    found = RulesForm(BY_SLUG, {}).families()
    assert sum(len(family.rows) for family in found) == len(RULES)
    assert len({family.name for family in found}) == len(found) > 3


def test_what_differs_is_told_in_words():
    before, _ = policies.read({"privileged": "off", "root-user": {"severity": "low"}}, BY_SLUG)
    after, _ = policies.read(
        {"privileged": "shadow", "memory-limit": {"parameters": {"maximum_mib": 512}}}, BY_SLUG
    )
    assert [
        tuple(found)[:1] + tuple(found)[2:] for found in differences(before, after, BY_SLUG)
    ] == [
        ("memory-limit", "maximum_mib", "0", "512"),
        ("privileged", "state", "Off", "In shadow"),
        ("root-user", "severity", "Low", "High (its own)"),
    ]
    assert differences(before, before, BY_SLUG) == []


def test_of_a_rule_that_is_no_more_the_slug_is_told():
    gone = policies.stored({"gone-rule": {"state": "off", "parameters": {"x": [1, 2]}}})
    assert [(d.title, d.what, d.before, d.after) for d in differences(gone, {}, BY_SLUG)] == [
        ("gone-rule", "state", "Off", "On"),
        ("gone-rule", "x", "1\n2", "its own"),
    ]
