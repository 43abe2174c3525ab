"""Hooks of every test run."""

pytest_plugins = ["tests.support.counts"]
