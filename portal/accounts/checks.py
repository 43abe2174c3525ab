"""What the first run shows of the product's own parts: what each is, and what to do about it."""

from typing import TypedDict

from portal.core import health

RESTART = "Stop Plimsoll and start it again; its log says why this part does not run."
WORDS = {
    "database": ("PostgreSQL", "Start PostgreSQL, or correct PLIMSOLL_DATABASE_URL."),
    "broker": ("Valkey or Redis", "Start it, or correct PLIMSOLL_REDIS_URL."),
    "worker": ("The worker, which scans hosts", RESTART),
    "slow-worker": ("The worker for hosts that are slow to answer", RESTART),
    "beat": ("The scheduler, which says when", RESTART),
}


class Step(TypedDict, total=False):
    """One line of components/ladder.html."""

    state: str
    text: str
    message: str
    next: str


def steps() -> list[Step]:
    """Empty when every part is well."""
    parts = health.readiness()
    if all(part["ok"] for part in parts.values()):
        return []
    shown: list[Step] = []
    for name, part in parts.items():
        text, remedy = WORDS[name]
        if part["ok"]:
            shown.append({"state": "ok", "text": text})
        else:
            message = part["problem"][:1].upper() + part["problem"][1:] + "."
            shown.append({"state": "failed", "text": text, "message": message, "next": remedy})
    return shown
