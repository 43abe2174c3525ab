"""`python -m portal.serve`: from prepared files to a running product, until Ctrl-C."""

import argparse
import fcntl
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from portal.serve import keys, programs
from portal.serve import options as launcher_options
from portal.serve.options import ROOT, Options
from portal.serve.places import Places
from portal.serve.postgres import Postgres
from portal.serve.refused import Refused
from portal.serve.supervisor import Supervisor
from portal.serve.valkey import Valkey

READY_SECONDS = 90


class Stopped(Exception):
    """Ctrl-C, or a request to end; whatever is running is stopped in order."""


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m portal.serve", description=__doc__)
    arguments.add_argument(
        "--services-only", action="store_true", help="only PostgreSQL and Valkey, for developers"
    )
    arguments.add_argument(
        "--reload", action="store_true", help="restart the product when its source changes"
    )
    asked = arguments.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        options = launcher_options.read(os.environ)
        with only_one(options.places):
            serve(options, services_only=asked.services_only, reload=asked.reload)
    except Refused as error:
        print(f"Plimsoll cannot start. {error}", file=sys.stderr)
        return 1
    except Stopped:
        print("Stopped.")
    return 0


def serve(options: Options, *, services_only: bool, reload: bool) -> None:
    places = options.places
    if not services_only:
        refuse_taken_port(options)
    if not options.credential_keys:
        keys.prepare(places.credential_keys)
    postgres = None if options.database_url else Postgres(places.postgres, places.postgres_sockets)
    valkey = None if options.redis_url else Valkey(places.valkey, places.valkey_socket)
    for server in (postgres, valkey):
        if server:
            server.prepare()
    environment = os.environ | {
        "PLIMSOLL_DATA_DIR": str(places.data),
        "PLIMSOLL_DATABASE_URL": postgres.url() if postgres else options.database_url,
        "PLIMSOLL_REDIS_URL": valkey.url() if valkey else options.redis_url,
    }
    wanted = programs.servers(postgres, valkey)
    if not services_only:
        wanted += programs.portal(options)
    with running(Supervisor(places, wanted, environment)) as supervisor:
        if postgres:
            postgres.wait_until_ready()
            postgres.create_database()
        if valkey:
            valkey.wait_until_ready()
        if services_only:
            for name in ("PLIMSOLL_DATABASE_URL", "PLIMSOLL_REDIS_URL"):
                print(f"export {name}='{environment[name]}'", flush=True)
        else:
            welcome = bootstrap(options, environment)
            supervisor.start_portal()
            wait_until_ready(options, supervisor)
            print(f"\nPlimsoll is running at {options.address}/\n{welcome}")
            print(f"Logs: {places.logs}. Stop with Ctrl-C.", flush=True)
        watch(supervisor, reload=reload)


@contextmanager
def only_one(places: Places) -> Iterator[None]:
    """Two launchers on one data directory would fight over the same servers."""
    places.create()
    with (places.run / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refused(
                f"It already runs with {places.data}. Stop that one first,"
                " or give this one another PLIMSOLL_DATA_DIR and PLIMSOLL_PORT."
            ) from error
        yield


@contextmanager
def running(supervisor: Supervisor) -> Iterator[Supervisor]:
    try:
        supervisor.wait_until_ready()
        yield supervisor
    finally:
        supervisor.stop()


def refuse_taken_port(options: Options) -> None:
    family = socket.AF_INET6 if ":" in options.bind else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((options.bind, options.port))
        except OSError as error:
            raise Refused(
                f"It cannot listen on {options.listen} ({error.strerror})."
                " Choose another port with PLIMSOLL_PORT, e.g. `PLIMSOLL_PORT=8010 make run`."
            ) from error


def bootstrap(options: Options, environment: dict[str, str]) -> str:
    """Tables, static files, first administrator: the lines to show, or why it failed."""
    command = [sys.executable, str(ROOT / "manage.py"), "bootstrap", "--address", options.address]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        last = (done.stderr.strip() or "It ended without a message.").splitlines()[-1]
        raise Refused(re.sub(r"^[\w.]+: ", "", last))  # without the exception's class
    return done.stdout.strip()


def wait_until_ready(options: Options, supervisor: Supervisor) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        answer = readiness(options)
        if answer is None:
            return
        if time.monotonic() > deadline:
            raise Refused(f"Not ready: {answer}. See {options.places.logs}.")
        time.sleep(0.5)


def readiness(options: Options) -> str | None:
    """None when all is ready, else what is not."""
    # Not urllib: a proxy in the environment must not come between.
    place = urlsplit(options.address)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=10)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return f"{options.address} does not answer ({error})"
    finally:
        connection.close()
    return None if answer.status == HTTPStatus.OK else text


def watch(supervisor: Supervisor, *, reload: bool) -> None:
    seen = source_times() if reload else {}
    while supervisor.process.poll() is None:
        time.sleep(1)
        if reload and (now := source_times()) != seen:
            seen = now
            print("Source changed; restarting.", flush=True)
            supervisor.restart_portal()
    raise Refused("The supervisor ended by itself.")


def source_times() -> dict[Path, float]:
    times = {}
    for package in ("portal", "scanner"):
        for file in (ROOT / package).rglob("*.py"):
            with suppress(FileNotFoundError):  # an editor is just replacing it
                times[file] = file.stat().st_mtime
    return times


def _stop(_number: int, _frame: FrameType | None) -> None:
    # Once is enough: a second Ctrl-C must not interrupt the shutdown of the database.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise Stopped


if __name__ == "__main__":
    sys.exit(main())
