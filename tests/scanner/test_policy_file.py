"""Policy files: what is written is read again, and what is wrong has its line and column."""

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner import BY_SLUG, RULES, policies, policy_file
from scanner.custom import Refused
from scanner.policies import Setting, State

HEAD = "policy: 1\nname: Web\n"


def read(text: str) -> dict[str, Setting]:
    return policy_file.read(text, BY_SLUG).settings


def wrong(text: str) -> list[tuple[int, int, str]]:
    with pytest.raises(Refused) as refused:
        policy_file.read(text, BY_SLUG)
    return [(found.line, found.column, found.message) for found in refused.value.problems]


def test_a_whole_file():
    found = policy_file.read(
        """\
# What web servers are held to
policy: 1
name: Web
description: Public machines.
rules:
  privileged: off
  root-user:
    state: shadow
    severity: low
  memory-limit:
    parameters: {maximum_mib: 512}
  added-capabilities:
    parameters:
      allowed: []
""",
        BY_SLUG,
    )
    assert (found.name, found.description) == ("Web", "Public machines.")
    assert policies.plain(found.settings) == {
        "added-capabilities": {"parameters": {"allowed": []}},
        "memory-limit": {"parameters": {"maximum_mib": 512}},
        "privileged": {"state": "off"},
        "root-user": {"state": "shadow", "severity": "low"},
    }


@pytest.mark.parametrize("word", ["off", "'off'", "false"])
def test_off_is_off_however_yaml_takes_the_word(word: str):
    assert read(f"{HEAD}rules:\n  privileged: {word}\n") == {"privileged": Setting(State.OFF)}


@pytest.mark.parametrize("rules", ["", "rules:\n", "rules: {}\n"])
def test_a_policy_may_set_nothing(rules: str):
    assert read(HEAD + rules) == {}


@pytest.mark.parametrize(
    ("rules", "line", "column", "words"),
    [
        ("  priviledged: off", 4, 3, "did you mean privileged?"),
        ("  privileged: maybe", 4, 15, "'maybe' is no state"),
        ("  privileged:\n    sevrity: low", 5, 5, "did you mean severity?"),
        ("  privileged:\n    severity: urgent", 5, 15, "'urgent' is no severity"),
        ("  privileged: off\n  privileged: on", 5, 3, "stands here twice, first in line 4"),
        (
            "  memory-limit:\n    parameters:\n      maximum_mib: much",
            *(6, 20, "must be a whole number, not a text"),
        ),
        (
            "  memory-limit:\n    parameters:\n      maximum: 1",
            *(6, 7, "this rule has no parameter 'maximum'"),
        ),
        (
            "  added-capabilities:\n    parameters:\n      allowed:\n      - CHOWN\n      - 3",
            *(8, 9, "must be a text"),
        ),
        ("  privileged: [off]", 4, 15, "state, severity or parameters"),
        ("  privileged: !!python/object:os.system {}", 4, 15, "the tag"),
        ("  privileged: !mine off", 4, 15, "the tag '!mine' is not read"),
        ("  [privileged]: off", 4, 3, "a key is a text"),
        ("  memory-limit: {parameters: {maximum_mib: 0x10}}", 4, 44, "a whole number, not a text"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(rules: str, line: int, column: int, words: str):
    [(at_line, at_column, message)] = wrong(f"{HEAD}rules:\n{rules}\n")
    assert (at_line, at_column) == (line, column)
    assert words in message


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "one policy, not none"),
        (f"{HEAD}---\n{HEAD}", 1, "one policy, not 2"),
        ("- a\n", 1, "a policy is a mapping"),
        ("name: Web\n", 1, "begins with `policy: 1`"),
        ("policy: 2\nname: Web\n", 1, "begins with `policy: 1`"),
        ("policy: 1\n", 1, "'name' is missing"),
        ("policy: 1\nname: ''\n", 2, "name has at most 100"),
        (f"policy: 1\nname: {'x' * 101}\n", 2, "name has at most 100"),
        ("policy: 1\nname: [Web]\n", 2, "name is a text"),
        (f"{HEAD}rule: {{}}\n", 3, "did you mean rules?"),
        (f"{HEAD}rules: [privileged]\n", 3, "a mapping of slugs to settings"),
        (f"{HEAD}rules: {{\n", 4, "cannot be read as YAML"),
        (f"{HEAD}rules: &a {{}}\n", 3, "anchors and aliases"),
        (f"{HEAD}rules: {'[' * 30}{']' * 30}\n", 3, "nested more than"),
        (f"{HEAD}\x00", 1, "cannot be read as YAML"),
    ],
)
def test_what_is_no_policy_is_refused(text: str, line: int, words: str):
    found = wrong(text)
    assert len(found) == 1
    assert found[0][0] == line
    assert words in found[0][2]


def test_a_bomb_of_aliases_is_refused_at_its_first():
    text = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"
    assert "anchors and aliases" in wrong(text)[0][2]


def test_a_file_that_is_too_large_is_not_even_parsed():
    [(line, _, message)] = wrong(HEAD + "#" * 300_000)
    assert (line, "at most 262144" in message) == (1, True)


def test_all_that_is_wrong_is_named_at_once():
    lines = [line for line, _, _ in wrong(f"{HEAD}rules:\n  nothing: on\n  privileged: maybe\n")]
    assert lines == [4, 5]


# --- writing


def test_it_is_written_with_titles_and_always_the_same():
    settings = {"root-user": Setting(State.OFF), "privileged": Setting(State.SHADOW)}
    text = policy_file.write("Web", "", settings, BY_SLUG)
    assert text == policy_file.write("Web", "", dict(reversed(settings.items())), BY_SLUG)
    assert text == (
        "policy: 1\nname: Web\nrules:\n"
        f"  # {BY_SLUG['privileged'].title}\n  privileged:\n    state: shadow\n"
        f"  # {BY_SLUG['root-user'].title}\n  root-user:\n    state: off\n"
    )


def test_all_that_can_be_set_is_written_on_request_and_sets_nothing():
    text = policy_file.write("Web", "Why", {}, BY_SLUG, full=True)
    assert all(f"\n  {rule.slug}:\n" in text for rule in RULES)
    assert all(parameter.name in text for rule in RULES for parameter in policies.parameters(rule))
    assert policy_file.read(text, BY_SLUG) == ("Web", "Why", {})


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=20)
VALUES = st.one_of(
    st.booleans(),
    st.integers(-(10**15), 10**15),
    TEXT,
    st.sampled_from(["off", "0x1f", "1_000", "22:22", "1e3", "null", "2026-01-01", "- a", "#"]),
    st.lists(st.one_of(TEXT, st.integers(0, 70_000)), max_size=3),
    st.dictionaries(TEXT, st.one_of(st.integers(0, 9), st.lists(TEXT, max_size=2)), max_size=3),
)


@st.composite
def settings(draw: Any) -> dict[str, Setting]:
    raw: dict[str, Any] = {}
    for rule in draw(st.lists(st.sampled_from(RULES), max_size=5)):
        found = {}
        for field in msgspec.structs.fields(rule.parameters):
            value = draw(VALUES)
            try:
                msgspec.convert(value, field.type)
            except msgspec.ValidationError:
                continue
            found[field.name] = value
        severity = draw(st.sampled_from(["low", "medium", "high", "critical", None]))
        state = draw(st.sampled_from(["on", "off", "shadow"]))
        raw[rule.slug] = {"state": state, "severity": severity, "parameters": found or None}
    read_ones, problems = policies.read(raw, BY_SLUG)
    assert problems == []
    return read_ones


@given(settings(), TEXT, st.booleans())
def test_what_is_written_is_read_again(given: dict[str, Setting], name: str, full: bool):
    text = policy_file.write(name, name, given, BY_SLUG, full=full)
    assert policy_file.read(text, BY_SLUG) == (name, name, given)


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str):
    for whole in (text, f"{HEAD}rules:\n  {text}"):
        with suppress(Refused):
            policy_file.read(whole, BY_SLUG)
