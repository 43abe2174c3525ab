"""What the tests really ran against, counted at the end of a run.

The markers engine, postgres, redis and browser come from the fixtures that a test uses. A test
that is skipped fails, unless PLIMSOLL_TEST_ALLOW_MISSING=1 allows what it needs to be missing.
"""

import os
from collections import Counter
from collections.abc import Generator

import psycopg
import pytest
import redis

from tests.support.engines import Engine, missing_programs

MARKERS = {
    "engine": {"engine", "second_engine", "empty_engine", "fresh_engine"},
    "postgres": {"db", "transactional_db", "live_server"},
    "redis": {"redis_url", "celery_worker_process"},
    "browser": {"browser_page"},
}
SENTENCES = {
    "engine": "against a real Docker engine",
    "postgres": "against a real PostgreSQL",
    "redis": "against a real Redis-compatible server",
    "browser": "in a real Chromium",
}
PROPERTY = "ran against"
ANOTHER = "another engine"
"""What a test records of an engine that is none of this run's fixtures: its version."""


def missing_allowed() -> bool:
    return os.environ.get("PLIMSOLL_TEST_ALLOW_MISSING") == "1"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        uses = set(getattr(item, "fixturenames", ()))
        if item.get_closest_marker("django_db"):
            uses.add("db")
        for marker, fixtures in MARKERS.items():
            if uses & fixtures:
                item.add_marker(marker)


def pytest_runtest_setup(item: pytest.Item) -> None:
    absent = missing_programs() if item.get_closest_marker("engine") else []
    if absent and missing_allowed():
        pytest.skip(f"no Docker engine: {', '.join(absent)} missing")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and not missing_allowed():
        report.outcome = "failed"
        report.longrepr = f"skipped, which counts as failed: {report.longrepr}"
    if report.when == "call" and report.passed:
        # A property travels from the processes of xdist to the one that counts.
        for marker in MARKERS:
            if item.get_closest_marker(marker):
                report.user_properties.append((PROPERTY, f"{marker} {_version(marker, item)}"))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [
        report
        for outcome in ("passed", "failed", "error", "skipped")
        for report in terminalreporter.getreports(outcome)
        if isinstance(report, pytest.TestReport)
    ]
    lines = summary(reports)
    if lines:
        terminalreporter.section("real parts")
        for line in lines:
            terminalreporter.write_line(line)


def summary(reports: list[pytest.TestReport]) -> list[str]:
    """A line for each kind of part, and the number of tests that did not run."""
    tests: Counter[str] = Counter()
    versions: dict[str, set[str]] = {marker: set() for marker in MARKERS}
    for report in reports:
        for name, value in report.user_properties:
            if name == PROPERTY and report.when == "call":
                marker, _, version = str(value).partition(" ")
                tests[marker] += 1
                versions[marker] |= {version} - {""}
            elif name == ANOTHER and report.when == "call":
                versions["engine"].add(str(value))
    lines = [
        f"{tests[marker]} tests ran {sentence}"
        + (f" ({', '.join(sorted(versions[marker]))})" if versions[marker] else "")
        for marker, sentence in SENTENCES.items()
        if tests[marker]
    ]
    if skipped := sum(report.skipped for report in reports):
        lines.append(f"{skipped} tests did NOT run; the reasons are in the summary")
    return lines


def _version(marker: str, item: pytest.Item) -> str:
    """Asked of the part itself; empty where the test does not use this run's own."""
    values = getattr(item, "funcargs", {})
    if marker == "engine":
        used = sorted({value.version for value in values.values() if isinstance(value, Engine)})
        return used[0].partition("+")[0] if used else ""
    if marker == "browser":
        page = values.get("browser_page")
        return str(page.context.browser.version) if page else ""
    if marker not in _asked:
        _asked[marker] = _postgres() if marker == "postgres" else _redis()
    return _asked[marker]


_asked: dict[str, str] = {}


def _postgres() -> str:
    with psycopg.connect(os.environ["PLIMSOLL_DATABASE_URL"]) as connection:
        return str(connection.info.parameter_status("server_version"))


def _redis() -> str:
    url = os.environ["PLIMSOLL_REDIS_URL"].replace("redis+socket://", "unix://").split("?")[0]
    with redis.Redis.from_url(url) as connection:
        told = connection.info("server")
    if "valkey_version" in told:
        return f"Valkey {told['valkey_version']}"
    return f"Redis {told['redis_version']}"
