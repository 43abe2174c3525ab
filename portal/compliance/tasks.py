"""Celery's door to scans. A message may come twice or never: the database knows what is due."""

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from portal.compliance import actions

QUEUES = {"fast": "scan", "slow": "scan-slow"}
FIRST, LATER = 0, 6  # Redis has a list for each priority and takes from the lowest number first


@shared_task(name="compliance.dispatch_scans", time_limit=60)
def dispatch_scans() -> None:
    """Every few seconds: what is dead runs again, what is due is queued, what waits is sent."""
    now = timezone.now()
    actions.reap_dead_scans(now)
    actions.queue_due_scans(now)
    for claim in actions.claim_unpublished(now):
        priority = FIRST if claim.requested else LATER
        scan_host.apply_async(
            (claim.scan_id,),
            queue=QUEUES[claim.lane],
            # After that the dispatcher takes it for lost and sends another.
            expires=settings.SCAN_LEASE_SECONDS,
            priority=priority,
        )


@shared_task(name="compliance.scan_host", time_limit=290)
def scan_host(scan_id: int) -> None:
    actions.run_scan(scan_id)


@shared_task(name="compliance.count_anew", time_limit=300)
def count_anew() -> None:
    """Every minute: what counts in another way only because time has passed."""
    now = timezone.now()
    actions.note_overdue(now)
    actions.recount_due(now)


@shared_task(name="compliance.roll_up_days")
def roll_up_days() -> None:
    """Every few minutes: days that are over, for charts, and once a day the sizes of tables."""
    now = timezone.now()
    actions.roll_up_days(now=now)
    actions.remember_sizes(now=now)


@shared_task(name="compliance.forget_old", time_limit=540)
def forget_old() -> None:
    """Every night: history that is older than it is kept."""
    actions.forget_old(now=timezone.now())
