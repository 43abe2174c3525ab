"""Settings as people write them: what is kept, what is refused, and in which words."""

from typing import Any

import msgspec
import pytest

from scanner import BY_SLUG, Policy, Severity, policies
from scanner.policies import PLAIN, Setting, State


def read(raw: dict[Any, Any]) -> dict[str, Setting]:
    found, problems = policies.read(raw, BY_SLUG)
    assert problems == []
    return found


def wrong(raw: dict[Any, Any]) -> list[tuple[tuple[str | int, ...], str]]:
    _, problems = policies.read(raw, BY_SLUG)
    return [(problem.path, problem.message) for problem in problems]


def test_a_state_alone_is_a_setting():
    assert read({"privileged": "off"}) == {"privileged": Setting(State.OFF)}
    assert read({"privileged": False, "root-user": True}) == {"privileged": Setting(State.OFF)}


def test_what_is_as_the_rule_comes_is_left_out():
    own = BY_SLUG["memory-limit"]
    as_it_comes = {
        "state": "on",
        "severity": own.severity.value,
        "parameters": msgspec.to_builtins(own.parameters()),
    }
    assert read({"memory-limit": as_it_comes, "privileged": {}}) == {}


def test_parameters_keep_only_what_differs():
    found = read({"memory-limit": {"parameters": {"maximum_mib": 512, "bounded_swap": False}}})
    assert found["memory-limit"].parameters == {"maximum_mib": 512}


def test_it_becomes_what_the_evaluator_takes():
    settings = read(
        {
            "privileged": "off",
            "root-user": "shadow",
            "memory-limit": {"severity": "low", "parameters": {"maximum_mib": 512}},
        }
    )
    assert policies.policy(settings) == Policy(
        off=frozenset({"privileged"}),
        shadow=frozenset({"root-user"}),
        parameters={"memory-limit": {"maximum_mib": 512}},
        severities={"memory-limit": Severity.LOW},
    )


@pytest.mark.parametrize(
    ("raw", "path", "words"),
    [
        ({"priviledged": "off"}, ("priviledged",), "did you mean privileged?"),
        ({"zzzzz": "off"}, ("zzzzz",), "`plimsoll rules` lists them"),
        ({7: "off"}, ("7",), "there is no rule '7'"),
        ({"privileged": "maybe"}, ("privileged", "state"), "one of on, shadow or off"),
        ({"privileged": 3}, ("privileged",), "state, severity or parameters"),
        ({"privileged": {"sevrity": "low"}}, ("privileged", "sevrity"), "did you mean severity?"),
        (
            {"privileged": {"severity": "urgent"}},
            ("privileged", "severity"),
            "one of low, medium, high or critical",
        ),
        (
            {"privileged": {"parameters": {"x": 1}}},
            ("privileged", "parameters"),
            "this rule has no parameters",
        ),
        (
            {"memory-limit": {"parameters": {"maximum_mb": 1}}},
            ("memory-limit", "parameters", "maximum_mb"),
            "did you mean maximum_mib?",
        ),
        (
            {"memory-limit": {"parameters": {"maximum_mib": "much"}}},
            ("memory-limit", "parameters", "maximum_mib"),
            "maximum_mib must be a whole number, not a text",
        ),
        (
            {"memory-limit": {"parameters": {"maximum_mib": -1}}},
            ("memory-limit", "parameters", "maximum_mib"),
            "maximum_mib must be a whole number >= 0",
        ),
        (
            {"added-capabilities": {"parameters": {"allowed": ["CHOWN", 3]}}},
            ("added-capabilities", "parameters", "allowed", 1),
            "must be a text, not a whole number",
        ),
        (
            {"memory-limit": {"parameters": ["maximum_mib"]}},
            ("memory-limit", "parameters"),
            "a mapping of names to values",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(raw: Any, path: tuple[Any, ...], words: str):
    [(place, message)] = wrong(raw)
    assert place == path
    assert words in message


def test_what_is_wrong_costs_only_itself():
    found, problems = policies.read({"privileged": "off", "nothing": "off"}, BY_SLUG)
    assert found == {"privileged": Setting(State.OFF)}
    assert [problem.of_key for problem in problems] == [True]


def test_too_many_rules_are_not_read():
    found, [problem] = policies.read({f"rule-{n}": "off" for n in range(3000)}, BY_SLUG)
    assert found == {}
    assert "at most 2000" in problem.message


def test_what_was_stored_is_read_again_whatever_the_catalogue_has_become():
    settings = {"gone-rule": Setting(State.OFF, Severity.LOW, {"x": [1]}), "privileged": PLAIN}
    assert policies.stored(policies.plain(settings)) == settings


def test_rules_that_are_set_otherwise_are_told():
    before = {"privileged": Setting(State.OFF), "root-user": Setting(State.SHADOW)}
    after = {"privileged": Setting(State.OFF), "memory-limit": Setting(State.OFF)}
    assert policies.changed(before, after) == {"root-user", "memory-limit"}
    assert policies.changed({"privileged": PLAIN}, {}) == frozenset()


@pytest.mark.parametrize("rule", BY_SLUG.values(), ids=lambda rule: rule.slug)
def test_every_parameter_says_what_it_means_and_takes_its_own_value(rule: Any):
    found = policies.parameters(rule)
    assert [parameter.name for parameter in found] == [
        field.name for field in msgspec.structs.fields(rule.parameters)
    ]
    for parameter in found:
        assert parameter.what
        assert read({rule.slug: {"parameters": {parameter.name: parameter.own}}}) == {}
