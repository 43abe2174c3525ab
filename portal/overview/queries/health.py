"""How the product itself is: its parts, what waits, and what is kept."""

import platform
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple

import celery
import django
import redis
from django.db import connection
from django.db.models import Count, Min
from django.utils import timezone

from portal.compliance.models import Lane, Scan, ScanState, Statistic
from portal.compliance.queries import days, history
from portal.compliance.tasks import QUEUES
from portal.core import display, health, heartbeat
from scanner.version import VERSION

LONG = timedelta(minutes=5)
_CLOCKS_SECONDS = 5.0
_PRIORITIES = ("", *(f"\x06\x16{level}" for level in (3, 6, 9)))  # as the broker names its lists
_LABELS = {
    "database": "Database",
    "broker": "Redis",
    "worker": "Workers",
    "slow-worker": "Workers for slow hosts",
    "beat": "Scheduler",
}
_PROBLEMS = {
    "broker": "Scans wait: Redis does not answer.",
    "worker": "Scans wait: no worker.",
    "slow-worker": "Hosts that are slow to answer wait: no worker for them.",
    "beat": "Nothing new begins: the scheduler gives no sign of life.",
}
_WHAT_TO_DO = {
    "broker": "Start Redis, or correct PLIMSOLL_REDIS_URL.",
    "worker": "Start a worker, and look into its log.",
    "slow-worker": "Start a worker with the queue scan-slow.",
    "beat": "Start the scheduler; there is one of it.",
}


class Part(NamedTuple):
    """`state` is a key of display.STATES."""

    label: str
    state: str
    said: str


class Queue(NamedTuple):
    """Scans that wait in a lane, and since when the first of them does; `messages` are those that
    the broker holds for its workers, None where it does not answer."""

    label: str
    waiting: int
    running: int
    oldest: datetime | None
    messages: int | None


class Verdict(NamedTuple):
    """What does not work, the worst first, each with what to do. Nothing: all parts work."""

    problems: list[tuple[str, str]]

    @property
    def line(self) -> str:
        return self.problems[0][0] if self.problems else "All parts work."


class Health(NamedTuple):
    verdict: Verdict
    parts: list[Part]
    queues: list[Queue]


class _Broker(NamedTuple):
    version: str
    used: int
    lengths: Mapping[str, int]


class _Database(NamedTuple):
    version: str
    size: int
    drift: float


def system(now: datetime) -> Health:
    """Four queries, and what Redis answers at once."""
    signs = health.readiness()
    broker = _broker() if signs["broker"]["ok"] else None
    database = _database()
    queues = _queues(broker)
    filled = history.filled()
    rolled_up = min((filled[each] for each in Statistic if each in filled), default=None)
    return Health(
        Verdict([*_missing(signs), *_late(queues, rolled_up, database, now)]),
        [
            *(_part(name, sign, broker, database) for name, sign in signs.items()),
            _charts(rolled_up, now),
        ],
        queues,
    )


def versions() -> list[tuple[str, str]]:
    return [
        ("Plimsoll", VERSION),
        ("Python", platform.python_version()),
        ("Django", django.get_version()),
        ("Celery", celery.__version__),
        ("PostgreSQL", _database().version),
    ]


def _missing(signs: Mapping[str, health.Part]) -> list[tuple[str, str]]:
    """Without the broker nothing is known of those who sign there."""
    silent = [name for name, sign in signs.items() if not sign["ok"]]
    named = ["broker"] if "broker" in silent else silent
    return [(_PROBLEMS[name], _WHAT_TO_DO[name]) for name in named]


def _late(
    queues: list[Queue],
    rolled_up: date | None,
    database: _Database,
    now: datetime,
) -> list[tuple[str, str]]:
    found = []
    for queue in queues:
        if queue.oldest and now - queue.oldest > LONG:
            waits = display.duration(now - queue.oldest)
            found.append((f"Scans wait: the first of {queue.label} for {waits}.", "Add workers."))
    if _behind(rolled_up, now):
        ends = f"{rolled_up:%-d %b %Y}"
        found.append(
            (f"Charts are rolled up to {ends} only.", "They catch up by themselves in minutes.")
        )
    if abs(database.drift) > _CLOCKS_SECONDS:
        found.append(
            (
                f"Clocks differ: the database's is {abs(database.drift):.0f} s away from this one.",
                "Let both machines ask the same time server.",
            )
        )
    return found


def _behind(rolled_up: date | None, now: datetime) -> bool:
    return rolled_up is not None and rolled_up < days.today(now) - timedelta(days=2)


def _charts(rolled_up: date | None, now: datetime) -> Part:
    if rolled_up is None:
        return Part("Charts", "works", "the first day is rolled up after midnight, UTC")
    state = "behind" if _behind(rolled_up, now) else "works"
    return Part("Charts", state, f"rolled up to {rolled_up:%-d %b %Y}")


def _part(name: str, sign: health.Part, broker: _Broker | None, database: _Database) -> Part:
    if not sign["ok"]:
        return Part(_LABELS[name], "failed", sign["problem"])
    if name == "database":
        size = display.iec_bytes(database.size)
        clock = f"its clock is {abs(database.drift):.1f} s away"
        return Part(_LABELS[name], "works", f"PostgreSQL {database.version}, {size}, {clock}")
    if name == "broker":
        used = display.iec_bytes(broker.used) if broker else ""
        said = f"{broker.version}, {used} of memory" if broker else "answers"
        return Part(_LABELS[name], "works", said)
    age = display.duration(max(1.0, float(int(sign["age_seconds"]))))
    return Part(_LABELS[name], "works", f"last sign of life {age} ago")


def _broker() -> _Broker | None:
    """None where it went away meanwhile."""
    try:
        with heartbeat.connect() as client:
            told = client.info()
            lists = client.pipeline(transaction=False)
            names = sorted(QUEUES.values())
            for name in names:
                for priority in _PRIORITIES:
                    lists.llen(f"{name}{priority}")
            found = lists.execute()
    except redis.RedisError:
        return None
    each = len(_PRIORITIES)
    lengths = {name: sum(found[at * each : (at + 1) * each]) for at, name in enumerate(names)}
    kind = "Valkey" if "valkey_version" in told else "Redis"
    version = told.get("valkey_version") or told["redis_version"]
    return _Broker(f"{kind} {version}", int(told["used_memory"]), lengths)


def _database() -> _Database:
    """Its clock is compared with this machine's own, whatever time the page is asked for."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('server_version'), pg_database_size(current_database()),"
            " extract(epoch FROM clock_timestamp() - %s)",
            (timezone.now(),),
        )
        version, size, drift = cursor.fetchone()
    return _Database(str(version).split()[0], int(size), float(drift))


def _queues(broker: _Broker | None) -> list[Queue]:
    rows = (
        Scan.objects.filter(finished_at__isnull=True)
        .order_by()
        .values("lane", "state")
        .annotate(amount=Count("id"), oldest=Min("queued_at"))
    )
    found = {(row["lane"], row["state"]): row for row in rows}
    queues = []
    for lane, label in ((Lane.FAST, "hosts that answer"), (Lane.SLOW, "slow hosts")):
        waiting = found.get((lane.value, ScanState.QUEUED.value))
        running = found.get((lane.value, ScanState.RUNNING.value))
        queues.append(
            Queue(
                label,
                waiting["amount"] if waiting else 0,
                running["amount"] if running else 0,
                waiting["oldest"] if waiting else None,
                broker.lengths[QUEUES[lane.value]] if broker else None,
            )
        )
    return queues
