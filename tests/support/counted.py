"""Says at the end how many tests ran against the real thing. A pytest plugin."""

from collections import Counter

import pytest

REAL = {
    "Docker engine": {"engine"},
    "PostgreSQL": {"postgres", "django_db"},
    "Redis": {"redis"},
    "Chromium": {"browser"},
}
passed = pytest.StashKey[Counter[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[passed] = Counter()
    config.pluginmanager.register(Counted(config.stash[passed]), "counted")


class Counted:
    def __init__(self, counts: Counter[str]) -> None:
        self.counts = counts

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # The report, not the test: with xdist the tests are in other processes.
        if report.when == "call" and report.passed:
            for thing, marks in REAL.items():
                self.counts[thing] += bool(marks & set(report.keywords))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        said = ", ".join(f"{thing} {self.counts[thing]}" for thing in REAL)
        terminalreporter.write_line(f"Passed against the real thing: {said}")
