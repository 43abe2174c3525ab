"""The Celery app, and the one table of what runs when."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("plimsoll")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# A message that nobody took before the next one is due is thrown away: a stopped worker
# leaves no heap of the same question behind.
app.conf.beat_schedule = {
    "dispatch scans": {
        "task": "compliance.dispatch_scans",
        "schedule": 2.0,
        "options": {"expires": 10},
    },
}
