"""Daemon's defaults for the rules of the family isolation, on a real engine."""

import pytest

from scanner.collect import collect
from scanner.engine import Engine
from scanner.evaluate import evaluate
from scanner.rule import Verdict
from scanner.rules import BY_SLUG

pytestmark = pytest.mark.engine


def test_the_daemons_default_ulimits_count_as_the_containers_own(fresh_engine):
    limits = BY_SLUG["ulimits"].fix.daemon
    started = fresh_engine("limited", daemon_config=dict(limits))
    started.docker_run(name="created-only", create_only=True)
    started.docker_run("--ulimit=nofile=100:200", name="with-its-own")
    with Engine(started.url) as client:
        snapshot = collect(client, processes=False)
    judged = evaluate(snapshot, rules=[BY_SLUG["ulimits"]])
    assert {result.subject.name: result.verdict for result in judged} == {
        "created-only": Verdict.PASS,
        "with-its-own": Verdict.PASS,
    }
