"""The portal: people, time and history round the scanner."""

# Celery's own way to be found: `shared_task` binds to this app as soon as Django starts.
from portal.celery import app as celery_app

__all__ = ["celery_app"]
