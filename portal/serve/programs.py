"""The processes of the product, in the order in which they start."""

import sys

from portal.serve.launch import launched
from portal.serve.options import Options
from portal.serve.postgres import Postgres
from portal.serve.supervisor import Program
from portal.serve.valkey import Valkey


def servers(postgres: Postgres | None, valkey: Valkey | None) -> list[Program]:
    found = []
    if postgres:
        # INT is PostgreSQL's "fast" shutdown: it ends the connections and keeps the data.
        command = postgres.command()
        found.append(Program("postgres", command, 10, "INT", stop_seconds=20, starts_first=True))
    if valkey:
        found.append(Program("valkey", valkey.command(), 20, stop_seconds=10, starts_first=True))
    return found


def portal(options: Options) -> list[Program]:
    celery = [sys.executable, "-m", "celery", "--app", "portal"]
    worker = [*celery, "worker", "--loglevel", "INFO", "--hostname"]
    fast = [*worker, "worker@%h", "--queues", "scan,maintenance"]
    # It waits for hosts that are slow to answer, which costs a thread each and no processor.
    slow = [*worker, "slow-worker@%h", "--queues", "scan-slow", "--pool", "threads"]
    slow += ["--concurrency", "8"]
    schedule = str(options.places.run / "beat-schedule")
    beat = [*celery, "beat", "--schedule", schedule, "--pidfile="]
    return [
        Program("web", launched(*_web(options)), 900),
        # QUIT with Celery's soft shutdown: a task may finish, else its message goes back.
        Program("worker", launched(*fast), 900, "QUIT", stop_seconds=10),
        Program("slow-worker", launched(*slow), 900, "QUIT", stop_seconds=10),
        Program("beat", launched(*beat), 900),
    ]


def _web(options: Options) -> list[str]:
    threads = ["--worker-class", "gthread", "--workers", "2", "--threads", "4"]
    limits = ["--timeout", "60", "--graceful-timeout", "5", "--no-control-socket"]
    start = [sys.executable, "-m", "gunicorn", "portal.wsgi", "--bind", options.listen]
    return [*start, *threads, *limits]
