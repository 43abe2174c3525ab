"""Workers, scheduler, broker and database killed in mid-cycle: nothing is lost or double.

The same simulated fleet goes the same way twice, once with killings and once without. What is
stored in the end must be the same.
"""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import Error as DatabaseError
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from benchmarks.simulator import Simulator
from portal.compliance.models import Result, Scan, ScanState, Transition
from portal.fleet import actions as fleet
from portal.fleet.models import ContainerVersion, Host
from tests.support.product import Product, free_port

pytestmark = [pytest.mark.postgres, pytest.mark.redis]

HOSTS, CONTAINERS, ROUNDS, KILLINGS = 16, 6, 5, 20
PARTS = {
    "worker": "--hostname worker@",
    "slow worker": "--hostname slow-worker@",
    "beat": "portal beat",
    "broker": "valkey-server",
    "database": "bin/postgres",
}
SETTINGS = {
    "bootstrap_email": "alice@example.com",
    "bootstrap_password": "correct horse battery",
    "scan_interval_seconds": "86400",
    "scan_lease_seconds": "5",
}
LONG = 180


class Killer(threading.Thread):
    """Kills parts of a product at random, `times` in all, as often as it is let."""

    def __init__(self, product: Product, times: int) -> None:
        super().__init__(daemon=True)
        self._product, self._left = product, times
        self._may, self._over = threading.Event(), threading.Event()
        self._chances = random.Random(11)  # noqa: S311 - which part, not a secret
        self.killed: list[str] = []

    def run(self) -> None:
        while self._left and not self._over.is_set():
            if not self._may.wait(0.1):
                continue
            time.sleep(self._chances.uniform(0.1, 1.0))
            # Each part in turn, so that none is spared by chance.
            part = list(PARTS)[len(self.killed) % len(PARTS)]
            found = [n for n, said in self._product.processes().items() if PARTS[part] in said]
            for number in found:
                _kill(number)
            if found:
                self.killed.append(part)
                self._left -= 1

    def let(self) -> None:
        self._may.set()

    def hold(self) -> None:
        self._may.clear()

    def end(self) -> None:
        self._over.set()
        self.join(timeout=30)


def _kill(number: int) -> None:
    try:
        os.kill(number, signal.SIGKILL)
    except ProcessLookupError:
        return  # it ended by itself, as its siblings do when the first of them is killed


@contextmanager
def product(directory: Path) -> Iterator[Product]:
    directory.mkdir()
    made = Product(directory / "data", **SETTINGS).start()
    try:
        made.wait_until_ready()
        with made.tables():
            yield made
    finally:
        made.end()


def patiently(act: Callable[[], Any], seconds: float = LONG) -> Any:
    """What it gives once it gives something; the database may be away meanwhile."""
    ends = time.monotonic() + seconds
    while True:
        try:
            if found := act():
                return found
        except DatabaseError:
            connection.close()
        assert time.monotonic() < ends, "it did not come to an end"
        time.sleep(0.2)


def rounds(simulator: Simulator, killer: Killer | None) -> None:
    """Every host is read once after each step of the world, whatever is killed meanwhile."""
    now = timezone.now()
    for host, url in zip(simulator.hosts, simulator.urls, strict=True):
        fleet.add_host(name=host["name"], url=url, scan_now=False, actor=None, now=now)
    for number in range(ROUNDS):
        if number:
            simulator.step()
        asked = timezone.now()
        patiently(lambda asked=asked: Host.objects.update(next_scan_at=asked))
        if killer is not None:
            killer.let()
            wanted = KILLINGS * (number + 1) // ROUNDS
            ends = time.monotonic() + LONG
            while len(killer.killed) < wanted:
                assert time.monotonic() < ends, killer.killed
                time.sleep(0.1)
            killer.hold()
        patiently(lambda asked=asked: all_read(asked))


def all_read(since: Any) -> bool:
    waiting = Scan.objects.filter(finished_at=None).exists()
    left = Host.objects.exclude(last_success_at__gte=since)
    if not waiting and left.exists():
        # A scan whose worker was lost too often has failed; somebody asks for it again.
        lost = Scan.objects.filter(host__in=left, state=ScanState.FAILED, finished_at__gte=since)
        if lost.exists():
            left.update(next_scan_at=timezone.now())
    return not waiting and not left.exists()


def remembered() -> dict[str, Any]:
    """All that must be the same, under names that do not depend on the run."""
    key = ("host__name", "rule", "subject_kind", "workload", "sub_object")
    units = list(Result.objects.values_list(*key, "verdict", "open", "times_opened", "evidence"))
    assert len({unit[:5] for unit in units}) == len(units)
    steps = Transition.objects.order_by("id").values_list(
        *(f"result__{name}" for name in key), "change", "cause"
    )
    story: dict[tuple[Any, ...], list[tuple[str, str]]] = {}
    for *unit, change, cause in steps:
        story.setdefault(tuple(unit), []).append((change, cause))
    versions = ContainerVersion.objects.order_by("id").values_list(
        "host__name", "container__name", "change", "engine_id"
    )
    return {
        "units": sorted(units, key=repr),
        "transitions": list(story.items()),
        "versions": sorted(versions),
    }


def whole(directory: Path, port: int, killings: int) -> tuple[dict[str, Any], list[str]]:
    numbers: dict[str, Any] = {"hosts": HOSTS, "containers": CONTAINERS, "churn": 0.2}
    with (
        Simulator(**numbers, port=port) as simulator,
        product(directory) as running,
    ):
        killer = Killer(running, killings) if killings else None
        if killer is not None:
            killer.start()
        try:
            rounds(simulator, killer)
        finally:
            if killer is not None:
                killer.end()
        return remembered(), killer.killed if killer else []


def test_twenty_killings_lose_nothing_and_double_nothing(
    tmp_path: Path, django_db_blocker: DjangoDbBlocker
):
    with django_db_blocker.unblock():
        port = free_port()  # the same for both: addresses are part of what is judged
        calm, _ = whole(tmp_path / "calm", port, 0)
        troubled, killed = whole(tmp_path / "troubled", port, KILLINGS)
    assert len(killed) == KILLINGS
    assert set(killed) == set(PARTS)
    assert len(calm["units"]) > HOSTS * CONTAINERS * 20
    assert calm["transitions"]
    assert {change for _, story in calm["transitions"] for change, _ in story} > {"opened"}
    for name, found in calm.items():
        assert sorted(map(repr, troubled[name])) == sorted(map(repr, found)), name
