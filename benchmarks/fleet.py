"""Whole cycles over a simulated fleet, by real workers on a real PostgreSQL and Valkey.

Each cycle: all hosts are due, the dispatcher queues and publishes, worker processes take the scans
over the broker. Everything - simulator, workers, database, broker - runs on this machine's cores.
"""

import cProfile
import io
import os
import pstats
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection
from django.utils import timezone

from benchmarks.simulator import Simulator
from portal.compliance import actions, tasks
from portal.compliance.models import Scan, ScanKind
from portal.fleet import actions as fleet
from portal.fleet.models import Host

HOSTS, CONTAINERS = 1000, 50
CHURN = 0.005
UNREACHABLE = 200
CYCLE_SECONDS = 1800  # nothing is measured any more after that
_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Cycle:
    """One reading of every host. `processor_seconds` are those that each kind of process took;
    `written` are rows that were inserted, updated or deleted, by table."""

    name: str
    workers: int
    hosts: int
    seconds: float
    hosts_per_second: float
    processor_seconds: dict[str, float]
    worker_peak_mib: float
    written: dict[str, int] = field(default_factory=dict)
    database_mib: float = 0.0

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def register(simulator: Simulator, groups: int = 20, suffix: str = "") -> None:
    """Every host of the simulator, not due yet."""
    now = timezone.now()
    made = [
        fleet.add_group(
            name=f"Group {number:02}{suffix}", owner=f"Team {number % 10}", actor=None, now=now
        )
        for number in range(groups)
    ]
    for number, url in enumerate(simulator.urls):
        fleet.add_host(
            name=f"host-{number:04}{suffix}",
            url=url,
            group=made[number % groups],
            scan_now=False,
            actor=None,
            now=now,
        )


def cycle(
    name: str,
    simulator: Simulator,
    *,
    workers: int,
    besides: int = 0,
    only: int | None = None,
) -> Cycle:
    """Reads all hosts once, or `only` so many. The first `besides` are not waited for."""
    hosts = list(Host.objects.order_by("id").values_list("id", flat=True)[:only])
    ids = hosts[besides:]
    before, sizes = _written(), _processors(simulator, [])
    with running(workers) as processes:
        # A worker that still starts would count as a slow one.
        _until(lambda: len(_children(processes)) >= workers + len(processes))
        sizes = _processors(simulator, processes)
        began, start = timezone.now(), time.perf_counter()
        Host.objects.filter(id__in=hosts).update(next_scan_at=began, failed_attempts=0)
        while not _done(ids, began):
            tasks.dispatch_scans()
            time.sleep(0.5)
        seconds = time.perf_counter() - start
        spent = _processors(simulator, processes)
        peak = max(_peak(number) for number in _children(processes))
    after = _written()
    return Cycle(
        name,
        workers,
        len(ids),
        round(seconds, 2),
        round(len(ids) / seconds, 2),
        {kind: round(spent[kind] - sizes[kind], 1) for kind in spent},
        round(peak / 1024**2, 1),
        {table: after[table] - before[table] for table in after if after[table] != before[table]},
        round(_database_size() / 1024**2, 1),
    )


@contextmanager
def running(workers: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Worker processes for scans, and one that waits for slow hosts, as the product starts them."""
    celery = [sys.executable, "-m", "celery", "--app", "portal", "worker", "--loglevel", "WARNING"]
    logs = Path(os.environ["PLIMSOLL_DATA_DIR"])
    commands = {
        "worker": ["--queues", "scan,maintenance", "--concurrency", str(workers)],
        "slow-worker": ["--queues", "scan-slow", "--pool", "threads", "--concurrency", "8"],
    }
    processes = []
    for name, options in commands.items():
        with (logs / f"{name}.log").open("ab") as log:
            processes.append(
                subprocess.Popen(
                    [*celery, "--hostname", f"{name}@bench", *options], stdout=log, stderr=log
                )
            )
    try:
        yield processes
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(timeout=60)


def _done(ids: list[int], began: Any) -> bool:
    if (timezone.now() - began).total_seconds() > CYCLE_SECONDS:
        raise TimeoutError(f"the cycle was not over after {CYCLE_SECONDS} s")
    left = Host.objects.filter(id__in=ids).exclude(last_attempt_at__gte=began)
    return (
        not left.exists()
        and not Scan.objects.filter(host__in=ids, finished_at__isnull=True).exists()
    )


def _until(happened: Callable[[], bool]) -> None:
    ends = time.monotonic() + 180
    while not happened():
        if time.monotonic() > ends:
            raise TimeoutError("the workers did not start")
        time.sleep(0.2)


def _written() -> dict[str, int]:
    """Rows that were ever inserted, updated or deleted, by table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables"
            " WHERE relname LIKE 'fleet_%' OR relname LIKE 'compliance_%'"
        )
        return {str(name): int(rows) for name, rows in cursor.fetchall()}


def _database_size() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])


def _processors(simulator: Simulator, processes: list[subprocess.Popen[bytes]]) -> dict[str, float]:
    """Seconds of processor time so far, of living processes and of children that have ended."""
    kinds = {
        "workers": [number for process in processes for number in _tree(process.pid)],
        "simulator": _tree(simulator.pid),
        "postgres": [number for number in _all() if b"postgres" in _command(number)],
        "valkey": [number for number in _all() if b"valkey-server" in _command(number)],
        "dispatcher": [os.getpid()],
    }
    return {kind: sum(_seconds(number) for number in numbers) for kind, numbers in kinds.items()}


def _children(processes: list[subprocess.Popen[bytes]]) -> list[int]:
    return [number for process in processes for number in _tree(process.pid)]


def _tree(root: int) -> list[int]:
    parents = {number: _stat(number) for number in _all()}
    found = [root]
    for number in found:
        found += [each for each, stat in parents.items() if stat and int(stat[1]) == number]
    return found


def _all() -> list[int]:
    return [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]


def _stat(number: int) -> list[str]:
    """The fields of /proc/N/stat from the state on; empty where the process has ended."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _command(number: int) -> bytes:
    try:
        return Path(f"/proc/{number}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _seconds(number: int) -> float:
    stat = _stat(number)
    # utime, stime, and those of children that were waited for
    return sum(int(value) for value in stat[11:15]) / _TICK if stat else 0.0


def _peak(number: int) -> int:
    """Bytes of memory that it had at most."""
    try:
        lines = Path(f"/proc/{number}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)


def measure(hosts: int = HOSTS, *, whole: bool = True) -> list[Cycle]:
    """The first cycle over so many hosts; with `whole` the others too."""
    with Simulator(hosts=hosts, containers=CONTAINERS, churn=CHURN) as simulator:
        register(simulator)
        cycles = [_told(cycle("first", simulator, workers=2))]
        if not whole:
            return cycles
        cycles.append(_told(cycle("nothing changed", simulator, workers=2)))
        changed = simulator.step()
        name = f"{changed} containers changed"
        cycles.append(_told(cycle(name, simulator, workers=2)))
        for workers in (1, 2, 4):
            name = "nothing changed, a quarter of the hosts"
            share = cycle(name, simulator, workers=workers, only=hosts // 4)
            cycles.append(_told(share))
        away = hosts * UNREACHABLE // HOSTS
        simulator.behave(range(away), "silent")
        cycles.append(
            _told(cycle(f"{away} hosts are silent: the others", simulator, workers=2, besides=away))
        )
    return cycles


def profile(hosts: int = 20) -> str:
    """Where the processor goes in whole scans of hosts on which nothing changed: the fifteen
    functions that take most by themselves."""
    measured = cProfile.Profile()
    with Simulator(hosts=hosts, containers=CONTAINERS, port=2376) as simulator:
        register(simulator, groups=1, suffix=" profiled")
        for again in (False, True):
            for host in Host.objects.order_by("-id")[:hosts]:
                scan = Scan.objects.create(
                    host=host, kind=ScanKind.SCHEDULE, queued_at=timezone.now()
                )
                if again:
                    measured.runcall(actions.run_scan, scan.pk)
                else:
                    actions.run_scan(scan.pk)
    said = io.StringIO()
    pstats.Stats(measured, stream=said).strip_dirs().sort_stats("tottime").print_stats(15)
    return said.getvalue()


def _told(found: Cycle) -> Cycle:
    print(f"{found.name}: {found.seconds} s", file=sys.stderr, flush=True)
    return found
