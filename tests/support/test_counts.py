"""What a test run says about itself is counted, not claimed."""

from typing import Any

import pytest

from tests.support.counts import ANOTHER, PROPERTY, pytest_collection_modifyitems, summary


def report(outcome: Any = "passed", *parts: str) -> pytest.TestReport:
    properties = [(PROPERTY, part) for part in parts]
    return pytest.TestReport(
        "test", ("test", 0, "test"), {}, outcome, None, "call", user_properties=properties
    )


def test_each_kind_of_part_is_counted_with_its_versions():
    reports = [
        report("passed", "engine 20.10.24", "postgres 18.6"),
        report("passed", "engine 20.10.24"),
        report("passed", "engine "),
        report("passed", "redis Valkey 9.1.2"),
        report("passed"),
    ]
    assert summary(reports) == [
        "3 tests ran against a real Docker engine (20.10.24)",
        "1 tests ran against a real PostgreSQL (18.6)",
        "1 tests ran against a real Redis-compatible server (Valkey 9.1.2)",
    ]


def test_versions_of_engines_that_a_test_started_itself_are_named_too():
    told = report("passed", "engine 20.10.24")
    told.user_properties.append((ANOTHER, "Podman 4.3.1"))
    [line] = summary([told])
    assert line == "1 tests ran against a real Docker engine (20.10.24, Podman 4.3.1)"


def test_tests_that_did_not_run_are_said_to_have_not():
    said = summary([report("skipped"), report("passed", "engine 20.10.24")])
    assert said[-1] == "1 tests did NOT run; the reasons are in the summary"


@pytest.mark.parametrize(
    ("fixtures", "own", "marks"),
    [
        ({"engine", "tmp_path"}, (), ["engine"]),
        ({"fresh_engine", "db"}, (), ["engine", "postgres"]),
        (set(), ("django_db",), ["postgres"]),
        ({"redis_url"}, (), ["redis"]),
        ({"browser_page", "live_server"}, (), ["postgres", "browser"]),
        ({"tmp_path"}, (), []),
    ],
)
def test_the_markers_come_from_what_a_test_uses(
    fixtures: set[str], own: tuple[str, ...], marks: list[str]
):
    test = Collected(fixtures, own)
    pytest_collection_modifyitems([test])
    assert test.added == marks


class Collected:
    """As much of a collected test as is looked at."""

    def __init__(self, fixtures: set[str], own: tuple[str, ...]) -> None:
        self.fixturenames, self.own = sorted(fixtures), own
        self.added: list[str] = []

    def get_closest_marker(self, name: str) -> bool:
        return name in self.own

    def add_marker(self, name: str) -> None:
        self.added.append(name)
