"""What the rules about the engine and its swarm advise is true: a real engine that is set up with
what is wrong fails, and the same engine passes once the advice is followed.
"""

import re
import shlex

import pytest
from msgspec.structs import replace

from scanner import machine
from scanner.collect import collect
from scanner.engine import Engine as Client
from scanner.evaluate import evaluate
from scanner.rule import Family, Policy, Severity, Verdict
from scanner.rules import BY_SLUG, RULES
from tests.conftest import start
from tests.integration.test_diagnosis import Plugin
from tests.integration.test_networks import running_task
from tests.support.certificates import Certificates
from tests.support.machines import Local
from tests.support.podman import Podman

pytestmark = pytest.mark.engine

FAIL, PASS, UNKNOWN = Verdict.FAIL, Verdict.PASS, Verdict.UNKNOWN
NOT_APPLICABLE = Verdict.NOT_APPLICABLE
APP = ("plimsoll/busybox:1", "sleep", "100000")
NOBODY = re.compile("nothing")

# What stands in daemon.json so that a rule fails; nothing where the engine as it comes fails.
FLAWS = {
    "authorization-plugin": {},
    "default-no-new-privileges": {},
    "default-ulimits": {},
    "experimental-off": {"experimental": True},
    "insecure-registries": {"insecure-registries": ["registry.example:5000", "10.0.0.0/8"]},
    "inter-container-traffic": {},
    "iptables": {"iptables": False},
    "live-restore": {},
    "log-driver": {},
    "log-level": {"log-level": "error"},
    "userland-proxy": {},
    "userns-remap": {},
}
ONLY_THE_MACHINE_TELLS = (
    "default-cgroup-parent",
    "default-no-new-privileges",
    "iptables",
    "log-level",
    "userland-proxy",
)


def seen(engine, url=""):
    """With what its machine tells."""
    with Client(url or engine.url) as client:
        snapshot = collect(client, processes=False)
    root = snapshot.host.data_root
    read = machine.read(Local(engine), data_root=root, socket=str(engine.socket))
    return replace(snapshot, machine=read)


def verdicts(snapshot, slug, parameters=None):
    """{sub-object: verdict} of the host."""
    policy = Policy(parameters={slug: parameters or {}})
    judged = evaluate(snapshot, policy, rules=[BY_SLUG[slug]])
    return {r.sub_object: r.verdict for r in judged if r.subject.kind == "host"}


def merged(settings):
    return {name: value for setting in settings for name, value in setting.items()}


@pytest.fixture(scope="module")
def before_and_after():
    """One engine with all that is wrong, and after all advice was followed."""
    wrong = merged(FLAWS.values())
    engine = start("daemon", daemon_config=wrong)
    with Plugin() as plugin:
        plugin.denies = NOBODY
        try:
            engine.docker_run(name="plain", create_only=True)
            before = seen(engine)
            engine._configure(wrong | merged(BY_SLUG[slug].fix.daemon for slug in FLAWS))
            (engine.directory / "etc" / "plugins").mkdir()
            (engine.directory / "etc" / "plugins" / "NAME.spec").write_text(plugin.url)
            engine.restart()
            after = seen(engine)
            engine.kill()
        finally:
            engine.stop()
    return before, after


@pytest.mark.parametrize("slug", FLAWS)
def test_following_the_advice_mends_the_daemon(before_and_after, slug):
    before, after = before_and_after
    assert set(verdicts(before, slug).values()) == {FAIL}
    assert verdicts(after, slug) == {"": PASS}


def test_each_flaw_is_a_finding_of_its_own(before_and_after):
    before, _ = before_and_after
    assert set(verdicts(before, "insecure-registries")) == {"registry.example:5000", "10.0.0.0/8"}
    assert set(verdicts(before, "default-ulimits")) == {"nofile", "nproc"}


@pytest.mark.parametrize("slug", ONLY_THE_MACHINE_TELLS)
def test_without_the_machine_it_is_unknown_and_never_a_pass(before_and_after, slug):
    for snapshot in before_and_after:
        assert verdicts(replace(snapshot, machine=None), slug) == {"": UNKNOWN}


def test_a_container_without_limits_tells_that_the_daemon_gives_none(before_and_after):
    before, after = (replace(snapshot, machine=None) for snapshot in before_and_after)
    assert verdicts(before, "default-ulimits") == {"nofile": FAIL, "nproc": FAIL}
    assert verdicts(after, "default-ulimits") == {"": UNKNOWN}


def test_the_daemons_own_profile_and_the_choice_of_none(fresh_engine):
    """Engines before 23 know no way to switch the profile off."""
    wrong = {"seccomp-profile": "unconfined"}
    engine = fresh_engine("unconfined", images=False, release="26.1", daemon_config=wrong)
    assert verdicts(seen(engine), "daemon-seccomp") == {"": FAIL}
    engine._configure(wrong | BY_SLUG["daemon-seccomp"].fix.daemon)
    engine.restart()
    assert verdicts(seen(engine), "daemon-seccomp") == {"": PASS}


def test_a_newer_engine_tells_its_default_of_no_new_privileges_by_itself(fresh_engine):
    engine = fresh_engine("newer", images=False, release="26.1")
    slug = "default-no-new-privileges"
    assert verdicts(replace(seen(engine), machine=None), slug) == {"": FAIL}
    engine._configure(BY_SLUG[slug].fix.daemon)
    engine.restart()
    assert verdicts(replace(seen(engine), machine=None), slug) == {"": PASS}


def test_the_control_group_of_containers(fresh_engine):
    engine = fresh_engine("grouped", images=False)  # as all engines of the tests are
    slug = "default-cgroup-parent"
    assert verdicts(seen(engine), slug) == {"": FAIL}
    own = f"/{engine.directory.name}"
    assert verdicts(seen(engine), slug, {"accepted": [own]}) == {"": PASS}
    engine.args = ("--cgroup-parent=",)
    engine.restart()
    assert verdicts(seen(engine), slug) == {"": PASS}


def test_plain_tcp_is_critical_and_so_is_a_listener_that_asks_for_no_certificate(fresh_engine):
    engine = fresh_engine("open", images=False, tcp=True)
    [found] = evaluate(seen(engine, engine.tcp_url), rules=[BY_SLUG["engine-tls"]])
    assert (found.verdict, found.severity) == (FAIL, Severity.CRITICAL)
    assert verdicts(seen(engine), "engine-tls") == {"": PASS}  # it does not tell of fd://

    certificates = Certificates.make(engine.directory / "tls")
    engine.port = None
    unverified = [*certificates.server_flags(), "--tlsverify=false"]  # the later flag counts
    engine.args = ("--host=tcp://127.0.0.1:2376", *unverified)
    engine.restart()
    assert verdicts(seen(engine), "engine-tls") == {"https://127.0.0.1:2376": FAIL}
    engine.args = ("--host=tcp://127.0.0.1:2375",)
    engine.restart()
    assert verdicts(seen(engine), "engine-tls") == {"http://127.0.0.1:2375": FAIL}
    engine.args = ("--host=tcp://127.0.0.1:2376", *certificates.server_flags())
    engine.restart()
    assert verdicts(seen(engine), "engine-tls") == {"": PASS}


def test_the_machines_own_release_is_past_its_end_unless_somebody_maintains_it(engine):
    snapshot = replace(seen(engine), taken_at="2026-11-25T02:00:00+00:00")
    assert snapshot.host.version.startswith("20.10.")
    assert verdicts(snapshot, "engine-version") == {"": FAIL}
    assert verdicts(snapshot, "engine-version", {"maintained": ["20.10"]}) == {"": PASS}


def test_stopped_containers_are_counted_and_gone_after_what_the_advice_says(fresh_engine):
    engine = fresh_engine("sprawl")
    for number in range(11):
        engine.docker_run(name=f"old-{number}", create_only=True)
    assert verdicts(seen(engine), "container-sprawl") == {"": FAIL}
    engine.cli("container", "prune", "--force")
    assert verdicts(seen(engine), "container-sprawl") == {"": PASS}


@pytest.fixture(scope="module")
def manager():
    engine = start("manager")
    engine.cli("swarm", "init", "--advertise-addr=127.0.0.1", "--listen-addr=127.0.0.1:2377")
    yield engine
    engine.stop()


def follow(engine, slug, number, **values):
    """Runs one of the commands that a rule advises."""
    command = BY_SLUG[slug].fix.commands[number]
    for name, value in values.items():
        command = command.replace(name, value)
    program, *words = shlex.split(command)
    assert program == "docker"
    return engine.cli(*words)


def test_certificates_of_nodes_that_live_too_long(manager):
    slug = "swarm-certificate-expiry"
    assert verdicts(seen(manager), slug) == {"": PASS}
    manager.cli("swarm", "update", "--cert-expiry=2161h")
    assert verdicts(seen(manager), slug) == {"": FAIL}
    follow(manager, slug, 0)
    assert verdicts(seen(manager), slug) == {"": PASS}


def test_a_credential_in_the_environment_of_a_service(manager, tmp_path):
    slug = "swarm-secrets"
    assert verdicts(seen(manager), slug) == {"": NOT_APPLICABLE}
    assert verdicts(seen(manager), "swarm-unneeded") == {"": FAIL}
    given = "--env=DB_PASSWORD=correct-horse-battery"
    manager.cli("service", "create", "--detach", "--name=shop", given, *APP)
    assert verdicts(seen(manager), slug) == {"shop": FAIL}
    assert verdicts(seen(manager), "swarm-unneeded") == {"": PASS}
    (tmp_path / "password").write_text("correct-horse-battery-staple")
    follow(manager, slug, 0, NAME="db", FILE=str(tmp_path / "password"))
    updated = {"NAME": "db", "VARIABLE": "DB_PASSWORD", "SERVICE": "--detach shop"}
    follow(manager, slug, 1, **updated)
    assert verdicts(seen(manager), slug) == {"": PASS}
    manager.cli("service", "rm", "shop")


def test_one_manager_is_enough_for_one_node(manager):
    assert verdicts(seen(manager), "swarm-managers") == {"": PASS}


def test_live_restore_cannot_be_had_in_a_swarm(manager):
    assert verdicts(seen(manager), "live-restore") == {"": NOT_APPLICABLE}


def test_keys_are_locked_also_while_the_manager_waits_for_them(fresh_engine):
    engine = fresh_engine("locked", images=False)
    slug = "swarm-autolock"
    assert verdicts(seen(engine), slug) == {"": NOT_APPLICABLE}
    engine.cli("swarm", "init", "--advertise-addr=127.0.0.1", "--listen-addr=127.0.0.1:2377")
    assert verdicts(seen(engine), slug) == {"": FAIL}
    follow(engine, slug, 0)
    assert verdicts(seen(engine), slug) == {"": PASS}
    engine.restart()
    snapshot = seen(engine)
    assert snapshot.host.swarm_state == "locked"
    assert verdicts(snapshot, slug) == {"": PASS}
    for other in ("swarm-managers", "swarm-certificate-expiry", "swarm-secrets", "swarm-unneeded"):
        assert verdicts(snapshot, other) == {"": UNKNOWN}
    follow(engine, "swarm-unneeded", 0)
    assert verdicts(seen(engine), "swarm-unneeded") == {"": PASS}


def test_a_task_is_restarted_as_its_service_says(manager):
    manager.cli("service", "create", "--detach", "--name=loop", *APP)
    running_task(manager, "loop")
    assert of_tasks(manager, "loop") == {FAIL}
    attempts = "--restart-max-attempts=5"
    manager.cli("service", "update", "--detach", attempts, "--restart-condition=any", "loop")
    assert of_tasks(manager, "loop") == {PASS}
    manager.cli("service", "rm", "loop")


def of_tasks(engine, service):
    """Verdicts of restart-policy on the tasks of a service."""
    judged = evaluate(seen(engine), rules=[BY_SLUG["restart-policy"]])
    return {r.verdict for r in judged if r.subject.workload == f"service/{service}"}


@pytest.fixture(scope="module")
def podman():
    engine = Podman.start("daemonless")
    yield engine
    engine.stop()


WITHOUT_A_DAEMON = {
    "authorization-plugin": NOT_APPLICABLE,
    "container-sprawl": PASS,
    "daemon-seccomp": PASS,  # it tells of its own profile
    "default-cgroup-parent": NOT_APPLICABLE,
    "default-no-new-privileges": NOT_APPLICABLE,
    "default-ulimits": NOT_APPLICABLE,
    "engine-tls": UNKNOWN,
    "engine-version": FAIL,
    "experimental-off": NOT_APPLICABLE,
    "insecure-registries": UNKNOWN,
    "iptables": NOT_APPLICABLE,
    "live-restore": NOT_APPLICABLE,
    "log-driver": UNKNOWN,  # it tells an empty name
    "log-level": NOT_APPLICABLE,
    "swarm-autolock": NOT_APPLICABLE,
    "swarm-certificate-expiry": NOT_APPLICABLE,
    "swarm-managers": NOT_APPLICABLE,
    "swarm-secrets": NOT_APPLICABLE,
    "swarm-unneeded": NOT_APPLICABLE,
    "userland-proxy": NOT_APPLICABLE,
    "userns-remap": UNKNOWN,
}


def test_podman_passes_nothing_that_only_a_daemon_has(podman):
    with Client(podman.url) as client:
        snapshot = collect(client)
    rules = [rule for rule in RULES if rule.family in (Family.ENGINE, Family.SWARM)]
    judged = {rule.slug: verdicts(snapshot, rule.slug)[""] for rule in rules}
    assert judged == WITHOUT_A_DAEMON
