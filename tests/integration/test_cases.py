"""The verdicts of tests/integration/cases.py: all of it on one real engine, scanned once from the
command line as people do it, and compared case by case."""

import json
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import docker.errors
import pytest

from portal.compliance import actions
from portal.fleet import queries
from scanner import Engine as Client
from scanner import collect, evaluate
from scanner.rules import RULES
from tests.conftest import start
from tests.fleet import NOW, begin, register
from tests.integration import cases
from tests.integration.cases import CASES, NOT_APPLICABLE, PASS, STRICT_CASES, UNKNOWN, Case, Want
from tests.support.engines import Engine
from tests.support.images import filesystem, load_image

pytestmark = pytest.mark.engine

Found = dict[str, Any]
WAIT_SECONDS = 60
CONTAINER_RULES = {rule.slug for rule in RULES if rule.subject_kind == "container"}


def plimsoll(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "scanner", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


# --- making them


class Maker:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.api = engine.client.api
        self.image_id = str(engine.client.images.get(cases.BUSYBOX).id)

    def make_all(self, wanted: dict[str, Case]) -> None:
        self.engine.docker_run(name="gone", create_only=True)
        joining = {name: case for name, case in wanted.items() if "container:" in str(case.flags)}
        with ThreadPoolExecutor(4) as pool:
            alone = [(name, case) for name, case in wanted.items() if name not in joining]
            # What takes longest to be in its state begins first.
            alone.sort(key=lambda item: item[1].state != cases.RESTARTING)
            list(pool.map(lambda item: self.make(*item), alone))
        for name, case in joining.items():
            self.make(name, case)
        self.engine.cli("rm", "gone")
        for name, case in wanted.items():
            self.settle(name, case)

    def make(self, name: str, case: Case) -> None:
        image = case.image.format(
            **{"id": self.image_id, "short-id": self.image_id.removeprefix("sha256:")[:12]}
        )
        if case.api is None:
            flags = case.flags.split() if isinstance(case.flags, str) else case.flags
            self.engine.docker_run(
                *flags, name=name, image=image, command=case.command, create_only=True
            )
        else:
            command = {"Cmd": list(case.command)} if case.command else {}
            config = {"Image": image, **command, **case.api}
            self.api.create_container_from_config(config, name)
        if case.state == cases.STILLBORN:
            with pytest.raises(docker.errors.APIError):
                self.api.start(name)
        elif case.state != cases.CREATED:
            self.api.start(name)

    def settle(self, name: str, case: Case) -> None:
        if case.health:
            self.until(name, lambda state: state["State"]["Health"]["Status"] == case.health)
        if case.state == cases.PAUSED:
            self.api.pause(name)
        elif case.state == cases.EXITED:
            self.until(name, lambda state: state["State"]["Status"] == "exited")
        elif case.state == cases.RESTARTING:
            self.until(name, lambda state: state["RestartCount"] > 5)
        if name == "user-given-up":
            self.until(name, lambda state: "0" not in self.uids(name))
        if name == "login-hidden":
            self.until(name, lambda state: len(self.uids(name)) > 1)
        for command in case.then:
            self.engine.cli(*command.split())

    def uids(self, name: str) -> list[str]:
        return [row[1] for row in self.api.top(name, "-eo pid,uid")["Processes"]]

    def until(self, name: str, condition: Callable[[Any], bool]) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition(state := self.api.inspect_container(name)):
            assert time.monotonic() < deadline, (name, state["State"])
            time.sleep(0.05)


@pytest.fixture(scope="module")
def fleet() -> Iterator[Engine]:
    engine = start("cases")
    try:
        engine.cli("swarm", "init", "--advertise-addr=127.0.0.1", "--listen-addr=127.0.0.1:2377")
        for name, (flags, _) in cases.NETWORKS.items():
            if flags is not None:
                engine.cli("network", "create", *flags.split(), name)
        for name, flags in cases.VOLUMES.items():
            engine.cli("volume", "create", *flags.split(), name)
        for name in ("moving:1", "fleeting:1", "localhost:5000/app", "localhost:5000/app:1.2"):
            engine.cli("tag", cases.BUSYBOX, name)
        Maker(engine).make_all(CASES)
        yield engine
    finally:
        engine.stop()


@pytest.fixture(scope="module")
def scanned(fleet: Engine) -> Found:
    """What the command line says, while other containers come and go."""
    ended = threading.Event()

    def come_and_go() -> None:
        number = 0
        while not ended.is_set():
            name = f"churn-{number}"
            fleet.client.api.create_container(cases.BUSYBOX, ["true"], name=name)
            fleet.client.api.remove_container(name)
            number += 1

    coming_and_going = threading.Thread(target=come_and_go)
    coming_and_going.start()
    try:
        done = plimsoll("scan", fleet.url, "--format", "json")
    finally:
        ended.set()
        coming_and_going.join()
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    document: Found = json.loads(done.stdout)
    document["text"] = done.stdout
    return document


@pytest.fixture(scope="module")
def table(fleet: Engine) -> str:
    done = plimsoll("scan", fleet.url)
    assert done.returncode == 0, done.stderr
    return done.stdout


# --- comparing


def expectations(wanted: dict[str, Case]) -> list[Any]:
    """A test for each container and rule."""
    pairs = [(name, rule) for name, case in wanted.items() for rule in rules_of(case)]
    return [pytest.param(name, rule, id=f"{name}:{rule}") for name, rule in pairs]


def rules_of(case: Case) -> list[str]:
    return list(dict.fromkeys(want.rule for want in case.wants))


def of(document: Found, name: str, rule: str) -> list[Found]:
    return [
        result
        for result in document["results"]
        if result["rule"] == rule and result["subject"]["name"] == name
    ]


def meets(result: Found, want: Want) -> bool:
    return (
        result["verdict"] == want.verdict
        and want.sub_object in (None, result["sub_object"] or "")
        and want.severity in (None, result["severity"])
    )


def compare(document: Found, case: Case, name: str, rule: str) -> None:
    wants = [want for want in case.wants if want.rule == rule]
    modules = {option.split(",")[0] for option in document["host"]["security_options"]}
    if any(want.module and f"name={want.module}" not in modules for want in wants):
        wants = [Want(rule, NOT_APPLICABLE)]
    found = of(document, name, rule)
    said = [(r["verdict"], r["sub_object"], r["severity"], r.get("reason")) for r in found]
    missing = [want[1:4] for want in wants if not any(meets(result, want) for result in found)]
    surplus = [said[i] for i, r in enumerate(found) if not any(meets(r, want) for want in wants)]
    assert (missing, surplus) == ([], []), said


@pytest.mark.parametrize(("name", "rule"), expectations(CASES))
def test_the_verdict_is_right(scanned: Found, name: str, rule: str) -> None:
    compare(scanned, CASES[name], name, rule)


def test_networks(scanned: Found) -> None:
    for name, (_, verdict) in cases.NETWORKS.items():
        [result] = of(scanned, name, "overlay-encryption")
        assert (name, result["verdict"]) == (name, verdict)


def test_the_host(scanned: Found) -> None:
    [without_wall] = of(scanned, "cases", "mandatory-access-control")
    options = " ".join(scanned["host"]["security_options"])
    walled = "name=apparmor" in options or "name=selinux" in options
    assert without_wall["verdict"] == (PASS if walled else "fail")
    [traffic] = of(scanned, "cases", "inter-container-traffic")
    assert (traffic["verdict"], traffic["severity"]) == ("fail", "medium")


# --- the list itself


def test_every_trap_has_a_case() -> None:
    named = {trap for case in CASES.values() for trap in case.traps.split()}
    assert named <= set(cases.TRAPS)
    assert set(cases.TRAPS) - named == set(cases.ELSEWHERE)


def test_every_rule_is_expected_to_pass_and_to_fail_somewhere() -> None:
    every = (*CASES.values(), *STRICT_CASES.values())
    wants = [want for case in every for want in case.wants]
    for verdict in (PASS, "fail"):
        rules = {want.rule for want in wants if want.verdict == verdict}
        assert CONTAINER_RULES - rules == {"storage-quota"}  # test_resources.py


# --- what is stored of it


@pytest.mark.django_db
def test_what_is_stored_gives_the_same_verdicts_as_the_scan(fleet: Engine) -> None:
    with Client(fleet.url) as client:
        snapshot = collect(client)
    assert len(snapshot.containers) >= len(CASES)
    host = register("cases")
    actions.assess(begin(host), snapshot, now=NOW)
    stored = queries.stored_snapshot(host)
    assert stored is not None
    assert evaluate(stored) == evaluate(snapshot)


# --- what must hold of every verdict


def test_every_rule_judges_every_container(scanned: Found) -> None:
    names = {result["subject"]["name"] for result in scanned["results"]}
    assert set(CASES) <= names
    for name in CASES:
        judged = Counter(r["rule"] for r in scanned["results"] if r["subject"]["name"] == name)
        assert set(judged) == CONTAINER_RULES, name


def test_a_verdict_other_than_fail_stands_alone(scanned: Found) -> None:
    units: dict[tuple[str, str], list[Found]] = {}
    for result in scanned["results"]:
        units.setdefault((result["subject"]["name"], result["rule"]), []).append(result)
    for unit, results in units.items():
        places = [result["sub_object"] for result in results]
        assert len(set(places)) == len(places), unit
        verdicts = Counter(result["verdict"] for result in results)
        if set(verdicts) - {"fail", UNKNOWN}:
            assert len(results) == 1, (unit, verdicts)
        assert verdicts[UNKNOWN] <= 1


def test_every_fail_has_evidence_and_every_unknown_a_reason(scanned: Found) -> None:
    for result in scanned["results"]:
        if result["verdict"] == "fail":
            assert result["evidence"], result
            assert all(fact["fact"] for fact in result["evidence"]), result
            assert any(fact["wanted"] for fact in result["evidence"]), result
        if result["verdict"] in (UNKNOWN, NOT_APPLICABLE):
            assert len(result["reason"]) > 10, result
            assert "could not be judged" not in result["reason"], result


def test_names_are_as_people_write_them(scanned: Found) -> None:
    for result in scanned["results"]:
        assert not result["subject"]["name"].startswith("/")


def test_no_gap_is_left_by_containers_that_come_and_go(scanned: Found) -> None:
    assert scanned["gaps"] == []


def test_no_secret_is_shown(scanned: Found, table: str) -> None:
    for output in (scanned["text"], table):
        for secret in cases.SECRET.values():
            assert secret not in output
    assert "password=" in scanned["text"]  # the probe's output, without the value


def test_the_table_names_all_that_fails(scanned: Found, table: str) -> None:
    failing = {result["rule"] for result in scanned["results"] if result["verdict"] == "fail"}
    assert {rule for rule in failing if rule not in table} == set()
    names = {r["subject"]["name"] for r in scanned["results"] if r["verdict"] == "fail"}
    short = {name for name in names & set(CASES) if len(name) < 12}  # longer ones are folded
    assert {name for name in short if name not in table} == set()
    assert f"{len(CASES)} containers:" in table


# --- an engine with other defaults


@pytest.fixture(scope="module")
def strict() -> Iterator[Engine]:
    """The user that root becomes needs lines in /etc/subuid and /etc/subgid: of the engine's own
    host, not of the machine."""
    engine = start("strict", images=False)
    try:
        engine.kill()
        folder = engine.directory
        for file in ("subuid", "subgid"):
            (folder / file).write_text("nobody:100000:65536\n")
        dockerd = shutil.which("dockerd", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
        script = "".join(
            f"mount --bind {folder}/{file} /etc/{file}\n" for file in ("subuid", "subgid")
        )
        wrapper = folder / "bin" / "dockerd"
        wrapper.write_text(f'#!/bin/sh -e\n{script}exec {dockerd} "$@"\n')
        wrapper.chmod(0o755)
        (folder / "etc" / "seccomp.json").write_text(cases.STRICT_PROFILE)
        (folder / "etc" / "daemon.json").write_text(json.dumps(cases.STRICT))
        engine.restart()
        load_image(engine, cases.BUSYBOX, filesystem())
        Maker(engine).make_all(STRICT_CASES)
        yield engine
    finally:
        engine.stop()


@pytest.fixture(scope="module")
def strict_scan(strict: Engine, fleet: Engine) -> Found:
    """Beside the other engine, which has containers of the same names."""
    done = plimsoll("scan", strict.url, "--format=json")
    assert done.returncode == 0, done.stderr
    document: Found = json.loads(done.stdout)
    return document


@pytest.mark.parametrize(("name", "rule"), expectations(STRICT_CASES))
def test_the_verdict_is_right_by_the_daemons_defaults(
    strict_scan: Found, name: str, rule: str
) -> None:
    compare(strict_scan, STRICT_CASES[name], name, rule)


def test_the_other_engine(strict_scan: Found) -> None:
    assert strict_scan["host"]["name"] == "strict"
    [traffic] = of(strict_scan, "strict", "inter-container-traffic")
    assert traffic["verdict"] == PASS
    containers = [r["subject"] for r in strict_scan["results"]]
    assert {s["name"] for s in containers if s["kind"] == "container"} == set(STRICT_CASES)


def test_a_daemons_default_counts_as_far_as_the_engine_shows_it(strict_scan: Found) -> None:
    [result] = of(strict_scan, "plain", "no-new-privileges")
    shows = "name=no-new-privileges" in strict_scan["host"]["security_options"]
    if shows:
        assert result["verdict"] == PASS
    else:
        # Nothing tells it from an engine without the default: never a pass, and it says why.
        assert result["verdict"] == "fail"
        assert "does not show the daemon's default" in json.dumps(result["evidence"])


def test_the_profile_of_the_daemon_is_shown(strict_scan: Found) -> None:
    [result] = of(strict_scan, "plain", "seccomp-profile")
    assert "/etc/docker/seccomp.json" in json.dumps(result["evidence"])


# --- exit codes


@pytest.mark.parametrize(
    ("rule", "gate", "code"),
    [
        ("privileged", "critical", 1),
        ("memory-limit", "critical", 0),
        ("memory-limit", "high", 1),
    ],
)
def test_the_exit_code_is_a_gate(strict: Engine, rule: str, gate: str, code: int) -> None:
    assert plimsoll("scan", strict.url, f"--rule={rule}", f"--fail-on={gate}").returncode == code


def test_the_severity_of_a_single_finding_opens_the_gate(strict: Engine) -> None:
    """The rule itself is high; one capability of one container makes it critical."""
    gate = ("--rule=added-capabilities", "--fail-on=critical")
    assert plimsoll("scan", strict.url, *gate).returncode == 1


def test_unknown_opens_the_gate_where_it_is_told_to(strict: Engine) -> None:
    choice = ("scan", strict.url, "--rule=host-network", "--fail-on=critical")
    assert plimsoll(*choice).returncode == 0
    assert plimsoll(*choice, "--fail-on-unknown").returncode == 1
