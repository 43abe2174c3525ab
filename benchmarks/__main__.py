"""`make bench`: tables on the screen, and the same as JSON in benchmarks/results/.

`python -m benchmarks fleet pages` measures some of the parts only.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
from django.core.management import call_command
from rich.console import Console
from rich.table import Table

from tests.support.engines import Engine
from tests.support.images import load_images
from tests.support.services import Services

if TYPE_CHECKING:
    from benchmarks.scanning import Row

RESULTS = Path(__file__).parent / "results"
SIZES = (10, 50, 100, 200)
BUDGETS = {
    "collect_ratio": "1.5",
    "evaluate_ratio": "0.3",
    "first_scan_without_processes_ratio": "12",
    "unchanged_scan_without_processes_ratio": "4",
    "command_line_start": "0.35 s",
    "peak_mib": "150",
    "what_if_seconds": "5",
}


PARTS = ("scanning", "whatif", "fleet", "pages")


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    arguments.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all by default")
    arguments.add_argument("--hosts", type=int, default=1000, help="of the simulated fleet")
    given = arguments.parse_args()
    parts = given.parts or list(PARTS)
    if unknown := set(parts) - set(PARTS):
        arguments.error(f"no part {', '.join(sorted(unknown))}")
    document: dict[str, Any] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "command": " ".join(["python -m benchmarks", *given.parts])
        if given.parts
        else "make bench",
        "budgets": BUDGETS,
    }
    console = Console(width=120)
    if "scanning" in parts or "whatif" in parts:
        with services(), engine() as started:
            document |= {"machine": machine(started.version)}
            document |= _small(started, parts, console)
    if "fleet" in parts or "pages" in parts:
        with services():
            document |= {"machine": machine("simulated")} | document
            document |= _large(given.hosts, parts, console)
    file = RESULTS / f"{datetime.now(UTC):%Y-%m-%d}-{commit()}{'-'.join(['', *given.parts])}.json"
    file.write_text(json.dumps(document, indent=1) + "\n")
    console.print(f"written to {file.relative_to(Path.cwd())}")


def _small(started: Engine, parts: list[str], console: Console) -> dict[str, Any]:
    """One host after the other, and what-if over stored ones."""
    # The models can be imported only when Django knows its settings.
    from benchmarks import scanning, whatif  # noqa: PLC0415

    found: dict[str, Any] = {"rules": scanning.rules(), "growth_exponents": {}}
    growth: dict[str, float] = {}
    if "scanning" in parts:
        rows = []
        for size in SIZES:
            while len(started.client.containers.list()) < size:
                number = len(started.client.containers.list())
                started.run(f"bench-{number}", network_mode="none")
            say(f"measuring {size} containers")
            rows.append(scanning.measure(started, size))
        found["scan"] = [row.plain() for row in rows]
        growth |= {
            "unchanged_scan": scanning.exponent(rows, lambda row: row.unchanged_scan),
            "first_scan": scanning.exponent(rows, lambda row: row.first_scan),
            "floor": scanning.exponent(rows, lambda row: row.floor),
        }
        console.print(_scans(rows, scanning.rules()))
    if "whatif" in parts:
        say(f"storing and previewing {whatif.HOSTS} hosts")
        edits = whatif.measure()
        found["what_if"] = [row.plain() for row in edits]
        growth |= {f"what_if_{edit}": whatif.exponent(edits, edit) for edit in whatif.EDITS}
        console.print(_edits(found["what_if"]))
    found["growth_exponents"] = {name: round(value, 2) for name, value in growth.items()}
    console.print(f"grows with the number to the power of {found['growth_exponents']}")
    return found


def _large(hosts: int, parts: list[str], console: Console) -> dict[str, Any]:
    """Cycles over a simulated fleet, and pages over it with a year of history."""
    from benchmarks import fleet, pages  # noqa: PLC0415

    found: dict[str, Any] = {}
    cycles = fleet.measure(hosts, whole="fleet" in parts)
    found["fleet"] = [cycle.plain() for cycle in cycles]
    console.print(_cycles(found["fleet"]))
    if "fleet" in parts:
        found["profile"] = fleet.profile().splitlines()
        console.print("\n".join(found["profile"]))
    if "pages" in parts:
        say("a year of history")
        pages.age()
        measured = pages.measure()
        found["pages"] = [page.plain() for page in measured]
        console.print(_pages(found["pages"]))
    return found


def say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


@contextmanager
def services() -> Iterator[None]:
    """PostgreSQL and Valkey as the product starts them, with durable writes, and its tables."""
    started = Services(options=())
    try:
        os.environ |= {
            "PLIMSOLL_DATA_DIR": str(started.directory / "data"),
            "PLIMSOLL_DATABASE_URL": started.start_postgres(),
            "PLIMSOLL_REDIS_URL": started.start_valkey(),
            "DJANGO_SETTINGS_MODULE": "portal.settings",
        }
        django.setup()
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        yield
    finally:
        started.stop()


@contextmanager
def engine() -> Iterator[Engine]:
    started = Engine.start("bench")
    try:
        load_images(started)
        yield started
    finally:
        started.stop()


def commit() -> str:
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], check=True, capture_output=True, text=True
    )
    return found.stdout.strip()


def machine(engine_version: str) -> dict[str, Any]:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 1024**3),
        "architecture": platform.machine(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "engine": engine_version,
    }


def _scans(rows: "list[Row]", rules: int) -> Table:
    table = Table(title=f"a scan beside the engine's own time ({rules} rules)")
    table.add_column("figure")
    table.add_column("budget", justify="right")
    for row in rows:
        table.add_column(str(row.containers), justify="right")
    for name in rows[0].plain():
        if name != "containers":
            table.add_row(name, BUDGETS.get(name, ""), *(f"{row.plain()[name]:g}" for row in rows))
    return table


def _cycles(rows: list[dict[str, Any]]) -> Table:
    table = Table(title="whole cycles over a simulated fleet")
    for name in ("cycle", "workers", "hosts", "seconds", "hosts/s", "peak MiB", "rows", "MiB"):
        table.add_column(name, justify="left" if name == "cycle" else "right")
    table.add_column("processor seconds")
    for row in rows:
        spent = ", ".join(f"{kind} {value:g}" for kind, value in row["processor_seconds"].items())
        table.add_row(
            row["name"],
            *(str(row[name]) for name in ("workers", "hosts", "seconds", "hosts_per_second")),
            str(row["worker_peak_mib"]),
            f"{sum(row['written'].values()):,}",
            str(row["database_mib"]),
            spent,
        )
    return table


def _pages(rows: list[dict[str, Any]]) -> Table:
    table = Table(title="server time of pages in milliseconds (budget p50 60, p95 200; 12 queries)")
    for name in ("page", "p50", "p95", "queries", "KiB"):
        table.add_column(name, justify="left" if name == "page" else "right")
    for row in rows:
        figures = (row["p50"], row["p95"], row["queries"], row["kib"])
        table.add_row(row["page"], *map(str, figures))
    return table


def _edits(rows: list[dict[str, Any]]) -> Table:
    table = Table(title=f"what-if, in seconds (budget {BUDGETS['what_if_seconds']} s)")
    sizes = sorted({row["hosts"] for row in rows})
    table.add_column("edit")
    for size in sizes:
        table.add_column(f"{size} hosts", justify="right")
    for edit in dict.fromkeys(row["edit"] for row in rows):
        found = {row["hosts"]: row["seconds"] for row in rows if row["edit"] == edit}
        table.add_row(edit, *(f"{found[size]:g}" for size in sizes))
    return table


if __name__ == "__main__":
    main()
