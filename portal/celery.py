"""The Celery app, and the one table of what runs when."""

import logging.config
import os
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import after_task_publish, beat_init, heartbeat_sent, setup_logging
from django.conf import settings
from django_structlog.celery.steps import DjangoStructLogInitStep

from portal.core import heartbeat

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("plimsoll")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add(DjangoStructLogInitStep)

# A message that nobody took before the next one is due is thrown away: a stopped worker
# leaves no heap of the same question behind.
app.conf.beat_schedule = {
    "dispatch scans": {
        "task": "compliance.dispatch_scans",
        "schedule": 2.0,
        "options": {"expires": 10},
    },
    "count anew": {
        "task": "compliance.count_anew",
        "schedule": 60.0,
        "options": {"expires": 50},
    },
    "roll up days": {
        "task": "compliance.roll_up_days",
        "schedule": 300.0,
        "options": {"expires": 280},
    },
    "forget old history": {
        "task": "compliance.forget_old",
        "schedule": crontab(hour="3", minute="17"),
        "options": {"expires": 3_600},
    },
    "clear sessions": {
        "task": "core.clear_sessions",
        "schedule": 86_400.0,
        "options": {"expires": 3_600},
    },
}


@setup_logging.connect
def log_as_the_web_does(**_: Any) -> None:
    """Having a receiver keeps Celery from configuring logging in its own way."""
    logging.config.dictConfig(settings.LOGGING)


@heartbeat_sent.connect
def worker_lives(sender: Any, **_: Any) -> None:
    """Every two seconds, from the loop that takes messages, not from one that runs a task. Workers
    sign by the name that they were started with, "worker@machine", and as "worker" for all."""
    full = sender.eventer.hostname
    name, _, _ = full.partition("@")
    with heartbeat.connect() as client:
        heartbeat.beat(client, name)
        heartbeat.beat(client, full)


@beat_init.connect
def watch_beat(**_: Any) -> None:
    # Connected in beat's process only: others publish too, and would sign in its name.
    after_task_publish.connect(beat_lives)


def beat_lives(**_: Any) -> None:
    """Beat lives as long as its messages reach the broker."""
    with heartbeat.connect() as client:
        heartbeat.beat(client, "beat")
