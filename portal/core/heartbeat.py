"""Signs of life: the worker and beat each leave one in Redis, and readiness asks how old it is.

Ages come from Redis's own clock (the time a key has left), so clocks of machines cannot disagree.
"""

import redis
from django.conf import settings

KEPT_SECONDS = 86_400


def connect() -> "redis.Redis":
    """The caller closes it: `with connect() as client`."""
    return redis.Redis.from_url(
        settings.REDIS_CLIENT_URL, socket_timeout=2, socket_connect_timeout=2
    )


def beat(client: "redis.Redis", name: str) -> None:
    client.set(_key(name), 1, ex=KEPT_SECONDS)


def age(client: "redis.Redis", name: str) -> float | None:
    """Seconds since the last sign; None if there was none within a day."""
    left: int = client.pttl(_key(name))
    return KEPT_SECONDS - left / 1000 if left >= 0 else None


def _key(name: str) -> str:
    return f"plimsoll:heartbeat:{name}"
