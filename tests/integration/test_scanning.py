"""Scans with every part real: a Docker engine, the product's worker and beat, its databases."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from portal.compliance import actions, reconcile
from portal.compliance.models import Change, Result, Scan, ScanState, Transition, Verdict
from portal.fleet import actions as fleet
from portal.fleet.models import Container, Host, HostState
from scanner import Engine as Client
from scanner import collect, evaluate
from tests.conftest import start
from tests.support.engines import Engine
from tests.support.hostile import HostileServer, RecordingProxy
from tests.support.product import Product, free_port

pytestmark = [pytest.mark.engine, pytest.mark.postgres, pytest.mark.redis]

READ = (ScanState.COMPLETE, ScanState.PARTIAL)
LONG = 60
SETTINGS = {
    "bootstrap_email": "alice@example.com",
    "bootstrap_password": "correct horse battery",
    "scan_interval_seconds": "10",
    "scan_lease_seconds": "5",
    "engine_timeout_seconds": "2",
}


@pytest.fixture(scope="module")
def machine() -> Iterator[Engine]:
    """An engine that this module may stop, with containers of several kinds."""
    started = start("scanned")
    started.docker_run("--privileged", name="reports")
    started.docker_run("--pid", "host", "--cap-add", "SYS_ADMIN", name="agent")
    started.docker_run("--read-only", "--cap-drop", "ALL", name="web")
    started.docker_run(name="stopped", create_only=True)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def product(
    machine: Engine,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[Product]:
    data = tmp_path_factory.mktemp("scanning") / "data"
    made = Product(data, bootstrap_host=machine.url, **SETTINGS).start()
    try:
        made.wait_until_ready()
        with django_db_blocker.unblock(), made.tables():
            yield made
    finally:
        made.end()


@pytest.fixture
def host(product: Product) -> Host:
    """The one that the product registered by itself, after a scan that read it."""
    found = Host.objects.get(id=1)
    scanned(found)
    return found


@pytest.fixture
def proxy(machine: Engine) -> Iterator[RecordingProxy]:
    with RecordingProxy(machine.socket) as made:
        yield made


@pytest.fixture
def register(product: Product) -> Iterator[Callable[[str, str], Host]]:
    """Registers hosts, and removes them in the end so that nobody scans them any longer."""
    made: list[Host] = []

    def add(name: str, url: str) -> Host:
        made.append(fleet.add_host(name=name, url=url, actor=None, now=timezone.now()))
        return made[-1]

    yield add
    for found in made:
        fleet.remove_host(found.pk, typed_name=found.name, actor=None, now=timezone.now())


def eventually(true: Callable[[], Any], seconds: float = LONG) -> Any:
    """What it gives once it gives something; fails after that time."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, state_of_things()
        time.sleep(0.1)
    return found


def state_of_things() -> list[Any]:
    columns = ("host__name", "state", "attempts", "phase", "done", "total", "diagnosis")
    return list(Scan.objects.order_by("-id").values_list(*columns)[:12])


def scanned(host: Host) -> Scan:
    """A scan that began after now and read the host."""
    asked = actions.request_scan(host.pk, actor=None, now=timezone.now())
    return eventually(Scan.objects.filter(id=asked.pk, state__in=READ).first)


def findings(host: Host) -> list[dict[str, Any]]:
    return list(Result.objects.filter(host=host).order_by("id").values())


def judged(host: Host, url: str) -> dict[bytes, str]:
    """What the scanner says by itself, as identities with their verdicts."""
    with Client(url) as client:
        results = evaluate(collect(client))
    units = reconcile.observed(host.pk, results, timezone.now())
    return {key: unit.verdict for key, unit in units.items()}


def stored(host: Host) -> dict[bytes, str]:
    rows = Result.objects.filter(host=host, gone_at=None).values_list("identity", "verdict")
    found = [(bytes(identity), verdict) for identity, verdict in rows]
    assert len(dict(found)) == len(found)
    return dict(found)


def test_within_a_minute_of_the_start_every_finding_is_there(product: Product, machine: Engine):
    # The product has said that it is ready; the first scan was due from its first second on.
    host = Host.objects.get()
    eventually(Result.objects.filter(host=host, open=True).exists)
    assert product.started_seconds_ago() < 60
    assert stored(host) == judged(host, machine.url)
    assert Result.objects.get(host=host, rule="privileged", subject="reports").open
    host.refresh_from_db()
    assert host.state == HostState.OK
    assert set(Container.objects.filter(host=host).values_list("name", flat=True)) == {
        *("agent", "reports", "stopped", "web")
    }


def test_a_recreated_container_keeps_its_dates_and_a_removed_one_resolves(
    machine: Engine, host: Host
):
    machine.docker_run("--privileged", name="short")
    scanned(host)
    first = Result.objects.get(host=host, rule="privileged", subject="short")
    assert first.open

    machine.cli("rm", "--force", "short")
    new = machine.docker_run("--privileged", name="short")
    scanned(host)
    again = Result.objects.get(id=first.pk)
    assert again.open
    assert (again.first_failed_at, again.failed_since) == (first.first_failed_at,) * 2
    assert Container.objects.get(host=host, name="short").engine_id == new

    machine.cli("rm", "--force", "short")
    scanned(host)
    gone = Result.objects.get(id=first.pk)
    assert not gone.open
    assert gone.resolved_at == gone.gone_at is not None
    steps = Transition.objects.filter(result=first).order_by("id")
    assert {step.change for step in steps} == {Change.OPENED, Change.VANISHED}


def test_a_stopped_engine_changes_no_finding_and_is_current_when_it_is_back(
    machine: Engine, host: Host
):
    before = findings(host)
    assert before
    machine.kill()
    try:
        eventually(lambda: Host.objects.filter(id=host.pk, state=HostState.UNREACHABLE).exists())
        assert findings(host) == before
        host.refresh_from_db()
        assert host.diagnosis_kind == "socket_missing"
        assert host.advice
    finally:
        machine.restart()
        for name in ("reports", "agent", "web"):
            machine.client.containers.get(name).start()
    scanned(host)
    host.refresh_from_db()
    assert (host.state, host.diagnosis, host.failed_attempts) == (HostState.OK, "", 0)
    assert stored(host) == judged(host, machine.url)


@pytest.mark.parametrize("who", ["the worker", "its child"])
def test_a_worker_killed_in_the_middle_of_a_scan_costs_only_time(
    product: Product,
    proxy: RecordingProxy,
    register: Callable[[str, str], Host],
    who: str,
):
    proxy.delay("/containers/.*/json", 1)
    host = register("slow", proxy.url)
    scan = Scan.objects.filter(host=host)
    eventually(scan.exists)
    # Another that waited already would make this one's end a failure.
    Host.objects.filter(id=host.pk).update(next_scan_at=timezone.now() + timedelta(hours=1))
    eventually(scan.filter(state=ScanState.RUNNING, phase="reading", done__gte=1).exists)
    for number in workers(product, children_only=who == "its child"):
        os.kill(number, signal.SIGKILL)
    killed = time.monotonic()
    proxy.mend()

    done = eventually(scan.filter(finished_at__isnull=False).order_by("id").first)
    assert (done.state, done.attempts) == (ScanState.COMPLETE, 2)
    assert time.monotonic() - killed < 40
    expected = judged(host, proxy.url)
    assert stored(host) == expected
    failing = sum(verdict == Verdict.FAIL for verdict in expected.values())
    assert Result.objects.filter(host=host, open=True).count() == failing == done.opened
    assert Transition.objects.filter(result__host=host).count() == failing
    assert not Scan.objects.filter(host=host, id__lt=done.pk).exists()


def workers(product: Product, *, children_only: bool) -> list[int]:
    """The worker's processes: the one that takes messages is the parent of those that scan."""
    found = [number for number, words in product.processes().items() if "portal worker" in words]
    return [number for number in found if not children_only or parent(number) in found]


def parent(number: int) -> int:
    with open(f"/proc/{number}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1])


def test_hostile_hosts_hurt_only_themselves(
    host: Host, proxy: RecordingProxy, register: Callable[[str, str], Host]
):
    behaviours = {
        "garbage": "not_an_engine",
        "server_error": "server_error",
        "half_body": "cut_off",
        "never": "timeout",
        "not_an_engine": "not_an_engine",
        "wrong_types": "garbage",
        "deep": "not_an_engine",
    }
    once_good = register("once-good", proxy.url)
    scanned(once_good)
    before = findings(once_good)
    assert before

    servers = {behaviour: HostileServer(behaviour) for behaviour in behaviours}
    try:
        wanted = {register(name, servers[name].url): kind for name, kind in behaviours.items()}
        wanted[register("no-socket", "unix:///nowhere/docker.sock")] = "socket_missing"
        wanted[register("nobody", f"tcp://127.0.0.1:{free_port()}")] = "refused"
        wanted[once_good] = "server_error"
        proxy.fail(".*")
        actions.request_scan(once_good.pk, actor=None, now=timezone.now())
        failing = Host.objects.filter(failed_attempts__gt=0)
        eventually(lambda: failing.count() == len(wanted))
        scanned(host)
    finally:
        for server in servers.values():
            server.stop()
    for bad, kind in wanted.items():
        bad.refresh_from_db()
        assert (bad.name, bad.diagnosis_kind) == (bad.name, kind)
        assert bad.state == HostState.UNREACHABLE
        assert bad.diagnosis
        failed = Scan.objects.filter(host=bad, state=ScanState.FAILED).first()
        assert failed is not None
        assert failed.diagnosis == bad.diagnosis
    assert findings(once_good) == before
    assert Result.objects.filter(host__in=[bad for bad in wanted if bad != once_good]).count() == 0


def test_a_broker_that_was_down_delays_and_loses_nothing(product: Product, host: Host):
    product.stop_part("valkey")
    try:
        asked = actions.request_scan(host.pk, actor=None, now=timezone.now())
        time.sleep(4)  # two turns of the dispatcher, had it been able to take them
        asked.refresh_from_db()
        assert asked.state == ScanState.QUEUED
    finally:
        product.start_part("valkey")
    eventually(Scan.objects.filter(id=asked.pk, state=ScanState.COMPLETE).exists)
    scanned(host)
    eventually(lambda: product.readiness()[0] == 200)
