"""`make demo`: the product with a simulated fleet and 100 days of its past, until Ctrl-C.

The first start makes the past, which takes minutes; later ones add the days since.
"""

import os
import secrets
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import django
import msgspec

from benchmarks.demo import story
from benchmarks.simulator import Simulator
from portal.serve import options as launcher_options
from portal.serve.options import ROOT

EMAIL = "alice@example.com"
SERVE = [sys.executable, "-m", "portal.serve"]


class Progress(msgspec.Struct):
    """`played` is how many days of the past there are."""

    first: date
    password: str
    played: int = 0


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return demo()
    except KeyboardInterrupt:
        print("\nStopped.")
        return 0


def demo() -> int:
    os.environ.setdefault("PLIMSOLL_DATA_DIR", str(ROOT / "var" / "demo"))
    options = launcher_options.read(os.environ)
    options.places.create()
    kept = options.places.data / "demo.json"
    progress = _read(kept)
    os.environ |= {
        "PLIMSOLL_BOOTSTRAP_EMAIL": EMAIL,
        "PLIMSOLL_BOOTSTRAP_PASSWORD": progress.password,
        "DJANGO_SETTINGS_MODULE": "portal.settings",
    }
    with Simulator(
        seed=story.SEED,
        hosts=story.HOSTS,
        containers=story.CONTAINERS,
        churn=story.CHURN,
        began=progress.first,
        directory=options.places.sockets / "engines",
    ) as fleet:
        for day in range(progress.played):
            story.move_on(fleet, day)
        _catch_up(fleet, progress, kept)
        print(f"Sign in as {EMAIL} with the password: {progress.password}", flush=True)
        return _serve()


def _read(kept: Path) -> Progress:
    if kept.exists():
        return msgspec.json.decode(kept.read_bytes(), type=Progress)
    first = _newest() - timedelta(days=story.DAYS - 1)
    return Progress(first, secrets.token_urlsafe(9))


def _newest() -> date:
    """The last day whose scans are over."""
    return (datetime.now(UTC) - timedelta(hours=3)).date()


def _catch_up(fleet: Simulator, progress: Progress, kept: Path) -> None:
    days = range(progress.played, (_newest() - progress.first).days + 1)
    if not days:
        return
    began = time.monotonic()

    def done(day: int) -> None:
        progress.played = day + 1
        kept.write_bytes(msgspec.json.encode(progress))
        print(f"\rDay {day + 1} of {days.stop} is scanned.", end="", flush=True)

    print(f"Making {len(days)} days of history by scanning {len(fleet.urls)} simulated hosts.")
    with _services():
        from benchmarks.demo import past  # noqa: PLC0415 - models need Django's settings

        past.play(fleet, progress.first, days, done)
    print(f"\nThat took {time.monotonic() - began:.0f} s; it is kept for the next start.")


@contextmanager
def _services() -> Iterator[None]:
    """The product's database with its tables, and nothing that scans by itself."""
    process = subprocess.Popen(
        [*SERVE, "--services-only"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    outside = dict(os.environ)
    try:
        assert process.stdout is not None
        for _ in range(2):
            line = process.stdout.readline()
            if not line:
                raise SystemExit("The demo cannot start: its database did not.")
            name, _, value = shlex.split(line)[1].partition("=")
            os.environ[name] = value
        subprocess.run(
            [sys.executable, "manage.py", "bootstrap"], check=True, cwd=ROOT, stdout=sys.stderr
        )
        django.setup()
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
        for name in ("PLIMSOLL_DATABASE_URL", "PLIMSOLL_REDIS_URL"):
            os.environ.pop(name, None)
        os.environ |= outside


def _serve() -> int:
    """The product as `make run` starts it. Ctrl-C reaches it as well, and it ends in order."""
    process = subprocess.Popen(SERVE, cwd=ROOT)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.terminate()


if __name__ == "__main__":
    sys.exit(main())
