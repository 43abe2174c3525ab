"""The advice that we print is true: what it says is run on a real engine, and then the rule passes.

For every rule that flags or an image can express, a container is created with what is bad; the
rule must fail. Then the very command that the advice shows is run, and the rule must pass.
"""

import itertools
import shlex

import msgspec
import pytest
from msgspec.structs import replace

from scanner.collect import collect
from scanner.engine import Engine
from scanner.evaluate import evaluate
from scanner.remedy import advice, docker_run, written
from scanner.rule import Verdict
from scanner.rules import RULES
from tests.recorded.cases_lifecycle import CASES

RULES_TO_SHOW = [rule for rule in RULES if rule.fix.change is not None]
BUILT_IN = {"", "default", "bridge", "host", "none"}
# A kernel without these modules cannot show what the rules are about; their own tests do.
NEEDS_A_MODULE = {"apparmor-profile": "has_apparmor", "selinux-label": "has_selinux"}


def seen(engine, name):
    with Engine(engine.url) as client:
        snapshot = collect(client, processes=False)
    [container] = [found for found in snapshot.containers if found.name == name]
    return snapshot, container


def verdicts(rule, snapshot, container):
    host = snapshot.host
    if rule.slug == "host-user-namespace":  # has a meaning only where the engine remaps users
        host = replace(host, security_options=(*host.security_options, "name=userns"))
    judged = evaluate(replace(snapshot, host=host), rules=[rule])
    return {result.verdict for result in judged if result.subject.id == container.id}


@pytest.mark.parametrize("rule", RULES_TO_SHOW, ids=lambda rule: rule.slug)
def test_following_the_advice_mends_it(engine, rule):
    name = f"advice-{rule.slug}"
    image = rule.fix.bad_image or "plimsoll/busybox:1"
    networks = []
    engine.cli("create", "--name", name, *rule.fix.bad, image, "sleep", "100000")
    try:
        snapshot, bad = seen(engine, name)
        expected = {Verdict.FAIL}
        if module := NEEDS_A_MODULE.get(rule.slug):
            expected = expected if getattr(snapshot.host, module) else {Verdict.NOT_APPLICABLE}
        if rule.slug == "storage-quota" and snapshot.host.storage_driver not in {"btrfs", "zfs"}:
            # The engine would refuse what the advice says; tests/integration/test_resources.py.
            assert verdicts(rule, snapshot, bad) <= {Verdict.NOT_APPLICABLE, Verdict.UNKNOWN}
            return
        assert verdicts(rule, snapshot, bad) == expected

        [text] = [r.text for r in advice(rule, bad).renderings if r.form == "docker run"]
        words = shlex.split(text.replace("\\\n", " "))
        assert words[:3] == ["docker", "run", "--detach"]
        networks = wanted_networks(words)
        for network in networks:
            engine.cli("network", "create", network)
        engine.cli("rm", name)
        # Created is enough: every rule that a flag decides is decided by the configuration.
        engine.cli("create", *words[3:])

        snapshot, good = seen(engine, name)
        if expected == {Verdict.FAIL}:
            expected = {Verdict.PASS}
        assert verdicts(rule, snapshot, good) == expected
        assert good.id != bad.id
    finally:
        engine.cli("rm", "--force", name)
        for network in networks:
            engine.cli("network", "rm", network)


def test_the_command_makes_the_same_container_again(engine, monkeypatch):
    case = CASES["everything"]
    monkeypatch.setenv("GREETING", "hello")
    engine.docker_run(*case.flags, name="twin", command=case.command, create_only=True)
    try:
        _, first = seen(engine, "twin")
        words = shlex.split("\n".join(docker_run(written(first))).replace("\\\n", " "))
        engine.cli("rm", "twin")
        engine.cli("create", *words[3:])
        _, second = seen(engine, "twin")
    finally:
        engine.cli("rm", "--force", "--volumes", "twin")
    assert compared(first) == compared(second)


def compared(container):
    """All that a person can have written, without names that the engine makes up."""
    kept = written(container)
    mounts = [(m.kind, m.destination, m.writable, m.propagation, m.host_path) for m in kept.mounts]
    facts = msgspec.structs.asdict(kept)
    for made_up in ("id", "created", "labels", "mounts"):
        del facts[made_up]
    return facts, mounts


def wanted_networks(words):
    found = [after for word, after in itertools.pairwise(words) if word == "--network"]
    return [name for name in found if name not in BUILT_IN and not name.startswith("container:")]
