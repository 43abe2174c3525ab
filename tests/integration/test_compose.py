"""The whole product in containers on a real engine: built, started, scaled, stopped, started again,
and judged by itself."""

import http.client
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner import Engine as Client
from scanner import collect, evaluate
from tests.support.engines import Engine
from tests.support.stack import IMAGES, Stack, build

pytestmark = pytest.mark.engine

SETTINGS = dict(
    zip(("PLIMSOLL_IMAGE", "POSTGRES_IMAGE", "REDIS_IMAGE"), IMAGES, strict=True),
    PLIMSOLL_BOOTSTRAP_EMAIL="alice@example.com",
    PLIMSOLL_BOOTSTRAP_PASSWORD="correct horse battery",
    PLIMSOLL_SCAN_INTERVAL_SECONDS="15",
    POSTGRES_CPUS="1",
)
COUNTS = """
import json
from portal.compliance.models import Result, Scan, Transition
from portal.fleet.models import Host
print(json.dumps({
    "hosts": list(Host.objects.values_list("state", flat=True)),
    "results": Result.objects.count(),
    "transitions": Transition.objects.count(),
    "scans": Scan.objects.filter(state="complete").count(),
}))
"""
OWN = """
import json
from portal.compliance.models import Result
rows = Result.objects.filter(open=True, subject_kind="container", subject__startswith="plimsoll-")
print(json.dumps(sorted(rows.values_list("severity", "rule", "subject"))))
"""
DONE = """
import json
from portal.celery import app
workers = app.control.inspect(timeout=3).stats() or {}
print(json.dumps({name: sum(said["total"].values())
    for name, said in workers.items() if name.startswith("worker@")}))
"""


@pytest.fixture(scope="module")
def machine() -> Iterator[Engine]:
    """With the images on it; containers on it reach its engine by TCP, as another machine would."""
    started = Engine.start("stack", args=("--host", "tcp://0.0.0.0:2375"))
    try:
        built = build()
        try:
            built.give(started)
        finally:
            built.stop()
        yield started
    finally:
        started.stop()


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="module")
def stack(machine: Engine, directory: Path) -> Iterator[Stack]:
    settings = SETTINGS | {"PLIMSOLL_BOOTSTRAP_HOST": "tcp://172.17.0.1:2375"}
    made = Stack(machine, directory, **settings)
    try:
        made.up()
        yield made
    finally:
        made.compose("down", "--volumes", "--timeout", "5")


def eventually(stack: Stack, code: str, wanted: Any, seconds: float = 90) -> Any:
    ends = time.monotonic() + seconds
    while not wanted(found := stack.python(code)):
        assert time.monotonic() < ends, (found, stack.compose("logs", "--tail", "30", "worker"))
        time.sleep(1)
    return found


def read(counts: dict[str, Any]) -> bool:
    return counts["hosts"] == ["ok"] and counts["scans"] > 0


def test_a_worker_container_scans_the_host_that_the_environment_names(stack: Stack):
    counts = eventually(stack, COUNTS, read)
    assert counts["results"] > 100
    services = stack.compose("ps", "--services", "--status", "running").split()
    assert sorted(services) == ["beat", "postgres", "redis", "slow-worker", "web", "worker"]


def test_the_page_answers_where_it_is_published(stack: Stack):
    code = (
        "import http.client, json; c = http.client.HTTPConnection('127.0.0.1', 8000);"
        "c.request('GET', '/login/'); a = c.getresponse();"
        "print(json.dumps([a.status, 'Plimsoll' in a.read().decode()]))"
    )
    assert stack.python(code) == [http.HTTPStatus.OK, True]
    assert stack.compose("port", "web", "8000") == "127.0.0.1:8000"


def test_its_own_containers_have_no_open_finding_above_low(stack: Stack, machine: Engine):
    eventually(stack, COUNTS, read)
    assert [row for row in stack.python(OWN) if row[0] > 0] == []
    # The command line says the same, of each of them.
    with Client(machine.url) as client:
        snapshot = collect(client)
    own = {c.name for c in snapshot.containers if c.name.startswith("plimsoll-")}
    assert len(own) >= 6
    failed = [
        (result.severity.value, result.rule, result.subject.name)
        for result in evaluate(snapshot)
        if result.verdict.value == "fail" and result.subject.name in own
    ]
    assert {severity for severity, _, _ in failed} <= {"low"}


def test_three_workers_share_the_work(stack: Stack):
    stack.up("--scale", "worker=3", "--no-recreate")
    names = stack.compose("ps", "--format", "{{.Name}}", "worker").split()
    assert len(names) == 3
    done = eventually(stack, DONE, lambda tasks: len(tasks) == 3 and all(tasks.values()))
    assert len(done) == 3


def test_taken_down_and_up_again_nothing_is_lost(stack: Stack):
    before = eventually(stack, COUNTS, read)
    stack.down()
    stack.up()
    after = stack.python(COUNTS)
    for name in ("results", "transitions", "scans"):
        assert after[name] >= before[name], name
    eventually(stack, COUNTS, lambda counts: counts["scans"] > after["scans"])


def test_with_the_socket_by_choice_a_worker_reads_the_engine_that_it_runs_on(
    machine: Engine, directory: Path, stack: Stack
):
    stack.down()
    files = ("docker-compose.yml", "docker-compose.socket.yml")
    group = str(machine.socket.stat().st_gid)
    settings = SETTINGS | {
        "DOCKER_SOCKET_GROUP": group,
        "PLIMSOLL_BOOTSTRAP_HOST": "unix:///var/run/docker.sock",
    }
    by_socket = Stack(machine, directory, *files, **settings)
    by_socket.up()
    try:
        eventually(by_socket, COUNTS, lambda counts: counts["hosts"] == ["ok", "ok"])
    finally:
        by_socket.down()
