"""The rules that look at what a container does now, on containers that do it."""

import time

import pytest

from scanner.collect import collect
from scanner.engine import Engine
from scanner.evaluate import evaluate
from scanner.rule import Verdict
from scanner.rules import BY_SLUG

UNHEALTHY = ("--health-cmd=echo refused; false", "--health-interval=100ms", "--health-retries=1")


@pytest.fixture
def run(engine):
    names = []

    def start(name, *flags, **options):
        names.append(name)
        return engine.docker_run(*flags, name=name, **options)

    yield start
    engine.cli("rm", "--force", *names)


def results(engine, slug, name):
    with Engine(engine.url) as client:
        judged = evaluate(collect(client), rules=[BY_SLUG[slug]])
    return [result for result in judged if result.subject.name == name]


def wait_for(engine, name, template, wanted):
    deadline = time.monotonic() + 30
    while (found := engine.cli("inspect", "--format", template, name)) != wanted:
        assert time.monotonic() < deadline, f"{found!r} is not {wanted!r}"
        time.sleep(0.05)


def test_a_container_whose_probe_fails_is_unhealthy_with_what_the_probe_said(engine, run):
    run("sick", *UNHEALTHY)
    wait_for(engine, "sick", "{{.State.Health.Status}}", "unhealthy")
    [result] = results(engine, "unhealthy", "sick")
    assert result.verdict is Verdict.FAIL
    assert {fact.fact: fact.found for fact in result.evidence}["State.Health.Log"] == "refused"


@pytest.mark.parametrize(("verb", "status"), [("pause", "paused"), ("kill", "exited")])
def test_a_healthy_container_that_rests_is_not_called_unhealthy(engine, run, verb, status):
    run("well", "--health-cmd=true", "--health-interval=100ms")
    wait_for(engine, "well", "{{.State.Health.Status}}", "healthy")
    assert [r.verdict for r in results(engine, "unhealthy", "well")] == [Verdict.PASS]
    engine.cli(verb, "well")
    wait_for(engine, "well", "{{.State.Status}}", status)
    wait_for(engine, "well", "{{.State.Health.Status}}", "unhealthy")
    assert [r.verdict for r in results(engine, "unhealthy", "well")] == [Verdict.UNKNOWN]


def test_a_container_that_ends_at_every_start_is_in_a_loop(engine, run):
    run("loop", "--restart=always", command=("false",))
    wait_for(engine, "loop", "{{ge .RestartCount 3}}", "true")
    wait_for(engine, "loop", "{{.State.Status}}", "restarting")
    assert [r.verdict for r in results(engine, "restart-loop", "loop")] == [Verdict.FAIL]


def test_what_runs_decides_about_root_and_not_what_was_configured(engine, run):
    run("root")
    run("given-up", command=("su", "-s", "/bin/sh", "app", "-c", "exec sleep 100000"))
    run("named", image="plimsoll/named-user:1")
    wait_for_no_root(engine, "given-up")
    [result] = results(engine, "root-user", "root")
    assert result.verdict is Verdict.FAIL
    assert result.evidence[0].found == {"uid": 0, "programs": ["sleep"]}
    assert [r.verdict for r in results(engine, "root-user", "given-up")] == [Verdict.PASS]
    assert [r.verdict for r in results(engine, "root-user", "named")] == [Verdict.PASS]


def wait_for_no_root(engine, name):
    deadline = time.monotonic() + 30
    while "0" in engine.cli("top", name, "-eo", "pid,uid").split()[2:][1::2]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("image", "flags", "verdict"),
    [
        ("plimsoll/named-user:1", (), Verdict.PASS),
        ("plimsoll/named-user:1", ("--user=0:1000",), Verdict.FAIL),
        ("plimsoll/busybox:1", ("--user=app",), Verdict.PASS),
        ("plimsoll/busybox:1", ("--user=toor",), Verdict.FAIL),
        ("plimsoll/busybox:1", ("--user=nobody-knows",), Verdict.UNKNOWN),
    ],
)
def test_a_stopped_container_is_judged_by_its_user(engine, run, image, flags, verdict):
    run("created", *flags, image=image, create_only=True)
    assert [r.verdict for r in results(engine, "root-user", "created")] == [verdict]


def test_a_tag_that_has_moved_on_makes_the_container_outdated(engine, run):
    engine.cli("tag", "plimsoll/busybox:1", "shop:1.0")
    run("shop", image="shop:1.0", create_only=True)
    assert [r.verdict for r in results(engine, "outdated-image", "shop")] == [Verdict.PASS]
    engine.cli("tag", "plimsoll/app:1", "shop:1.0")
    assert [r.verdict for r in results(engine, "outdated-image", "shop")] == [Verdict.FAIL]
    engine.cli("rmi", "shop:1.0")
    [result] = results(engine, "outdated-image", "shop")
    assert result.verdict is Verdict.NOT_APPLICABLE


def test_the_images_own_health_check_counts(engine, run):
    run("checked", image="plimsoll/app:1", create_only=True)
    assert [r.verdict for r in results(engine, "healthcheck", "checked")] == [Verdict.PASS]
