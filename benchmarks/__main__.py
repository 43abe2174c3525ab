"""`make bench`: a table on the screen, and the same as JSON in benchmarks/results/."""

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


def main() -> None:
    with services(), engine() as started:
        # The models can be imported only when Django knows its settings.
        from benchmarks import scanning, whatif  # noqa: PLC0415

        rows = []
        for size in SIZES:
            while len(started.client.containers.list()) < size:
                number = len(started.client.containers.list())
                started.run(f"bench-{number}", network_mode="none")
            print(f"measuring {size} containers", file=sys.stderr, flush=True)
            rows.append(scanning.measure(started, size))
        print(f"storing and previewing {whatif.HOSTS} hosts", file=sys.stderr, flush=True)
        edits = whatif.measure()
        growth = {
            "unchanged_scan": scanning.exponent(rows, lambda row: row.unchanged_scan),
            "first_scan": scanning.exponent(rows, lambda row: row.first_scan),
            "floor": scanning.exponent(rows, lambda row: row.floor),
            **{f"what_if_{edit}": whatif.exponent(edits, edit) for edit in whatif.EDITS},
        }
        document = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": commit(),
            "command": "make bench",
            "machine": machine(started.version),
            "rules": scanning.rules(),
            "budgets": BUDGETS,
            "scan": [row.plain() for row in rows],
            "what_if": [row.plain() for row in edits],
            "growth_exponents": {name: round(value, 2) for name, value in growth.items()},
        }
    file = RESULTS / f"{datetime.now(UTC):%Y-%m-%d}-{commit()}.json"
    file.write_text(json.dumps(document, indent=1) + "\n")
    show(rows, document)
    print(f"written to {file.relative_to(Path.cwd())}")


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


def show(rows: "list[Row]", document: dict[str, Any]) -> None:
    table = Table(title=f"a scan beside the engine's own time ({document['rules']} rules)")
    table.add_column("figure")
    table.add_column("budget", justify="right")
    for row in rows:
        table.add_column(str(row.containers), justify="right")
    for name in rows[0].plain():
        if name != "containers":
            table.add_row(name, BUDGETS.get(name, ""), *(f"{row.plain()[name]:g}" for row in rows))
    console = Console(width=110)
    console.print(table)
    console.print(_edits(document["what_if"]))
    console.print(
        f"grows with the number of containers to the power of {document['growth_exponents']}"
    )


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
