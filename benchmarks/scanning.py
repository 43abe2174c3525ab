"""A scan's parts, each beside the floor of the same run."""

import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from benchmarks.floor import Floor
from portal.compliance import actions
from portal.compliance.actions.lease import Lease
from portal.compliance.models import Result, Scan, ScanKind
from portal.fleet import actions as fleet
from portal.fleet.models import Host
from scanner import RULES, Engine, collect, evaluate
from tests.support.engines import Engine as TestEngine

RUNS = 7


@dataclass(frozen=True)
class Row:
    """Medians of the runs, in seconds; ratios are to `floor` unless they say otherwise."""

    containers: int
    floor: float
    collect_ratio: float
    collect_with_processes: float
    collect_with_processes_ratio: float
    evaluations_per_second: int
    evaluate_ratio: float
    first_scan: float
    first_scan_ratio: float
    first_scan_without_processes_ratio: float
    unchanged_scan: float
    unchanged_scan_ratio: float
    unchanged_scan_without_processes_ratio: float
    unchanged_scan_queries: int
    unchanged_scan_writes: int
    results: int
    open_findings: int
    command_line: float
    command_line_without_processes: float
    command_line_start: float
    peak_mib: float
    peak_above_imports_mib: float

    def plain(self) -> dict[str, Any]:
        return {name: _rounded(value) for name, value in asdict(self).items()}


def measure(engine: TestEngine, size: int) -> Row:
    floor = Floor(str(engine.socket))
    alone = median(lambda: floor.seconds(floor.list_and_inspect))
    same = median(lambda: floor.seconds(floor.configuration))
    same_with_processes = median(lambda: floor.seconds(floor.everything), runs=3)
    collected = median(lambda: seconds(lambda: _collect(engine.url, processes=False)))
    with_processes = median(lambda: seconds(lambda: _collect(engine.url, processes=True)), runs=3)
    snapshot = _collect(engine.url, processes=True)
    judged = median(lambda: seconds(lambda: evaluate(snapshot)))
    results = len(evaluate(snapshot))

    quick = _register(f"quick {size}", engine.url)
    first_quick = seconds(lambda: _scan(quick.pk, processes=False))
    unchanged_quick = median(lambda: seconds(lambda: _scan(quick.pk, processes=False)))
    fleet.remove_host(quick.pk, typed_name=quick.name, actor=None, now=timezone.now())
    host = _register(f"bench {size}", engine.url)
    first = seconds(lambda: _scan(host.pk))
    unchanged = median(lambda: seconds(lambda: _scan(host.pk)), runs=3)
    scan_id = _queue(host.pk)
    with CaptureQueriesContext(connection) as queries:
        actions.run_scan(scan_id)
    writes = [q for q in queries if str(q["sql"]).startswith(("INSERT", "UPDATE", "DELETE"))]
    open_findings = Result.objects.filter(host=host, open=True).count()
    fleet.remove_host(host.pk, typed_name=host.name, actor=None, now=timezone.now())

    command = [sys.executable, "-m", "scanner", "scan", engine.url, "--format", "json"]
    start = [sys.executable, "-m", "scanner", "--version"]
    peaks = [_peaks(engine.url) for _ in range(3)]
    return Row(
        containers=size,
        floor=alone,
        collect_ratio=collected / same,
        collect_with_processes=with_processes,
        collect_with_processes_ratio=with_processes / same_with_processes,
        evaluations_per_second=round(results / judged),
        evaluate_ratio=judged / alone,
        first_scan=first,
        first_scan_ratio=first / alone,
        first_scan_without_processes_ratio=first_quick / alone,
        unchanged_scan=unchanged,
        unchanged_scan_ratio=unchanged / alone,
        unchanged_scan_without_processes_ratio=unchanged_quick / alone,
        unchanged_scan_queries=len(queries),
        unchanged_scan_writes=len(writes),
        results=results,
        open_findings=open_findings,
        command_line=median(lambda: _process(command), runs=3),
        command_line_without_processes=median(
            lambda: _process([*command, "--no-processes"]), runs=3
        ),
        command_line_start=median(lambda: _process(start), runs=5),
        peak_mib=statistics.median(peak for _, peak in peaks),
        peak_above_imports_mib=statistics.median(peak - imports for imports, peak in peaks),
    )


def seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def median(measured: Callable[[], float], runs: int = RUNS) -> float:
    measured()  # the first one warms what is cold
    return statistics.median(measured() for _ in range(runs))


def exponent(rows: list[Row], figure: Callable[[Row], float]) -> float:
    """How the figure grows with the number of containers: 1 is linear."""
    points = [(row.containers, figure(row)) for row in rows]
    return statistics.linear_regression(
        *zip(*[_logs(point) for point in points], strict=True)
    ).slope


def rules() -> int:
    return len(RULES)


def _collect(url: str, *, processes: bool) -> Any:
    with Engine(url) as engine:
        return collect(engine, processes=processes)


def _queue(host_id: int) -> int:
    return Scan.objects.create(host_id=host_id, kind=ScanKind.SCHEDULE, queued_at=timezone.now()).pk


def _register(name: str, url: str) -> Host:
    return fleet.add_host(name=name, url=url, actor=None, now=timezone.now(), scan_now=False)


def _scan(host_id: int, *, processes: bool = True) -> None:
    scan_id = _queue(host_id)
    if processes:
        actions.run_scan(scan_id)
        return
    # The same steps as run_scan takes, less the process lists.
    begun = actions.begin(scan_id, now=timezone.now())
    assert begun is not None
    with Lease(begun):
        snapshot = _collect(begun.url, processes=False)
        actions.assess(begun, snapshot, now=timezone.now())


def _process(command: list[str]) -> float:
    return seconds(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))


def _peaks(url: str) -> tuple[float, float]:
    command = [sys.executable, "-m", "benchmarks.once", url]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(said[0]), float(said[1])


def _logs(point: tuple[float, float]) -> tuple[float, float]:
    return math.log(point[0]), math.log(point[1])


def _rounded(value: float) -> float:
    return value if isinstance(value, int) else round(value, 4)
