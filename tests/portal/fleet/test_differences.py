"""What two configurations differ in: all that differs and nothing else, whatever they hold."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.fleet.differences import (
    GROUPS,
    MOST_CHARACTERS,
    MOST_ITEMS,
    differences,
    settings,
)
from scanner.model import Container

_PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=9)
_JSON = (
    _PLAIN
    | st.lists(_PLAIN, max_size=4)
    | st.lists(st.dictionaries(st.text(max_size=4), _PLAIN, max_size=2), max_size=2)
    | st.dictionaries(st.text(max_size=4), _PLAIN, max_size=4)
)
_DOCUMENTS = st.dictionaries(
    st.sampled_from(sorted(Container.FACTS)) | st.text(max_size=5), _JSON, max_size=8
)


@given(_DOCUMENTS)
def test_a_configuration_does_not_differ_from_itself(document: dict[str, Any]):
    assert differences(document, document) == []


@given(_DOCUMENTS, _DOCUMENTS)
def test_the_same_settings_differ_from_either_end(before: dict[str, Any], after: dict[str, Any]):
    there, back = differences(before, after), differences(after, before)
    assert [each.after.field for each in there] == [each.after.field for each in back]
    for one, other in zip(there, back, strict=True):
        assert (one.before, one.after) == (other.after, other.before)
        assert (one.added, one.removed) == (other.removed, other.added)


@given(_DOCUMENTS)
def test_every_value_is_bounded_and_in_a_group(document: dict[str, Any]):
    for setting in settings(document):
        assert setting.group in GROUPS
        assert len(setting.value) <= MOST_CHARACTERS
        assert setting.read == (setting.field in document)


def test_a_hostile_configuration_stays_small():
    huge = {"labels": {f"label-{n}": "x" * 5000 for n in range(5000)}, "x" * 9000: "y"}
    [labels] = [each for each in settings(huge) if each.field == "labels"]
    assert labels.items is not None
    assert len(labels.items) == MOST_ITEMS + 1
    assert labels.items[-1] == "and 4900 more"
    found = differences({"labels": {}}, huge)
    assert [len(each.added) for each in found if each.after.field == "labels"] == [MOST_ITEMS]


def test_of_a_list_it_is_told_what_came_and_went():
    before = {"cap_add": ["SYS_ADMIN", "NET_ADMIN"]}
    after = {"cap_add": ["NET_ADMIN", "SYS_PTRACE"]}
    [found] = differences(before, after)
    assert (found.added, found.removed) == (("SYS_PTRACE",), ("SYS_ADMIN",))


def test_the_order_counts_only_where_it_decides():
    names = [f"CAP_{number}" for number in range(9)]
    mixed = random.Random(1).sample(names, len(names))  # noqa: S311 - not for secrets
    assert differences({"cap_add": names}, {"cap_add": mixed}) == []
    [found] = differences({"command": names}, {"command": mixed})
    assert found.before.value == " ".join(names)


def test_where_the_words_are_the_same_the_values_themselves_are_told():
    [found] = differences({"memory_swap": 0}, {"memory_swap": -1})
    assert (found.before.value, found.after.value) == ("0", "-1")


def test_what_could_not_be_read_is_told_apart_from_what_is_empty():
    [found] = differences({}, {"cap_add": []})
    assert (found.before.read, found.after.read) == (False, True)
    assert found.after.value == "none"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("memory", 0, "no limit"),
        ("memory", 512 << 20, "512\N{NO-BREAK SPACE}MiB"),
        ("pids_limit", None, "no limit"),
        ("pids_limit", -1, "no limit"),
        ("nano_cpus", 1_500_000_000, "1.5"),
        ("privileged", True, "yes"),
        ("user", "", "root, as no user is named"),
        ("restart_policy", {"name": "on-failure", "maximum_retries": 5}, None),
        ("healthcheck", None, "none"),
        ("environment", [{"name": "PASSWORD", "suspicion": "its name"}], "PASSWORD"),
        (
            "mounts",
            [
                {
                    "kind": "bind",
                    "source": "/etc",
                    "destination": "/e",
                    "writable": False,
                    "propagation": "rshared",
                    "volume": "",
                    "host_path": "/etc",
                }
            ],
            "/etc → /e, read-only, rshared",
        ),
        ("mounts", "nonsense", '"nonsense"'),
        ("mounts", [{"nonsense": 1}], '{"nonsense": 1}'),
    ],
)
def test_values_are_in_words(field: str, value: Any, words: str | None):
    [found] = [each for each in settings({field: value}) if each.field == field]
    assert found.value == (words or "on-failure, at most 5 times")


def test_every_fact_of_the_configuration_has_words():
    every = settings(dict.fromkeys(Container.__struct_fields__))
    assert {each.field for each in every if each.group == "other"} == {"hostname", "labels"}
