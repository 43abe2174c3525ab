"""Whether the product can do its job now: each part that it needs, by name."""

from typing import TypedDict

import redis
from django.db import Error as DatabaseError
from django.db import connection

from portal.core import heartbeat

# The worker signs every two seconds and beat with every dispatch; a busy machine may be late.
LATE_SECONDS = 30
PROCESSES = ("worker", "slow-worker", "beat")


class Part(TypedDict, total=False):
    ok: bool
    problem: str
    age_seconds: float


def readiness() -> dict[str, Part]:
    parts = {"database": _database()}
    try:
        with heartbeat.connect() as client:
            client.ping()
            parts["broker"] = {"ok": True}
            for name in PROCESSES:
                parts[name] = _process(heartbeat.age(client, name))
    except redis.RedisError as error:
        parts["broker"] = {"ok": False, "problem": type(error).__name__}
        for name in PROCESSES:
            parts[name] = {"ok": False, "problem": "unknown: the broker does not answer"}
    return parts


def _database() -> Part:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return {"ok": False, "problem": type(error).__name__}
    return {"ok": True}


def _process(age: float | None) -> Part:
    if age is None:
        return {"ok": False, "problem": "no sign of life yet"}
    if age > LATE_SECONDS:
        return {"ok": False, "problem": "no sign of life lately", "age_seconds": round(age, 1)}
    return {"ok": True, "age_seconds": round(age, 1)}
