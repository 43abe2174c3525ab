"""Celery's door to what the frame itself needs done."""

from celery import shared_task
from django.core.management import call_command


@shared_task(name="core.clear_sessions", time_limit=120)
def clear_sessions() -> None:
    """Sessions that ended stay in their table until somebody deletes them."""
    call_command("clearsessions")
