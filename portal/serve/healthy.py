"""Whether this container's part of the product is well: `python -I portal/serve/healthy.py PART`.

For health checks of containers. Started by its path, so that it imports nothing of the portal: that
would cost a second of the processor at each check. Workers and the scheduler leave their signs of
life in Redis.
"""

import http.client
import os
import socket
import sys
from pathlib import Path

import psycopg
import redis

LATE_SECONDS = 60
KEPT_SECONDS = 86_400
"""As in portal.core.heartbeat, whose keys these are."""


def main(part: str) -> int:
    asked = {"web": web, "migrate": database}.get(part)
    problem = asked() if asked else signed(part)
    if problem:
        print(problem, file=sys.stderr)
    return 1 if problem else 0


def web() -> str:
    """Why the page for that does not answer; "" where it does."""
    connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=4)
    try:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"the web server does not answer ({type(error).__name__})"
    finally:
        connection.close()
    return "" if status == http.HTTPStatus.OK else f"the web server answers {status}"


def database() -> str:
    """Why the database that is being prepared does not answer; "" where it does."""
    try:
        url = Path(os.environ["PLIMSOLL_DATABASE_URL_FILE"]).read_text().strip()
        psycopg.connect(url, connect_timeout=3).close()
    except (OSError, psycopg.Error) as error:
        return f"the database does not answer ({type(error).__name__})"
    return ""


def signed(part: str) -> str:
    """Why this container's worker, or the scheduler, does not count as alive; "" where it does."""
    name = part if part == "beat" else f"{part}@{socket.gethostname()}"
    try:
        with redis.Redis.from_url(
            os.environ["PLIMSOLL_REDIS_URL"], socket_timeout=3, socket_connect_timeout=3
        ) as client:
            left: int = client.pttl(f"plimsoll:heartbeat:{name}")
    except redis.RedisError as error:
        return f"Redis does not answer ({type(error).__name__})"
    if left < 0:
        return f"no sign of life of {name} yet"
    age = KEPT_SECONDS - left / 1000
    return "" if age <= LATE_SECONDS else f"no sign of life of {name} for {age:.0f} s"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
