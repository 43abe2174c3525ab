"""Scans, and the times in which a host could not be read."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from portal.fleet.models import Host


class ScanKind(models.TextChoices):
    SCHEDULE = "schedule", "Scheduled"
    MANUAL = "manual", "Requested"


class ScanState(models.TextChoices):
    QUEUED = "queued", "Waiting"
    RUNNING = "running", "Running"
    COMPLETE = "complete", "Complete"
    PARTIAL = "partial", "Partly read"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class Lane(models.TextChoices):
    """Which workers run a scan: those for hosts that answer at once, or those that may wait."""

    FAST = "fast", "Fast"
    SLOW = "slow", "Slow"


class Scan(models.Model):
    """One reading of one host. While it runs, a lease says that its worker is alive."""

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=16, choices=ScanKind.choices)
    state = models.CharField(max_length=16, choices=ScanState.choices, default=ScanState.QUEUED)
    lane = models.CharField(max_length=8, choices=Lane.choices, default=Lane.FAST)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    queued_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    lease = models.UUIDField(null=True)
    lease_expires_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    phase = models.CharField(max_length=16, blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    diagnosis_kind = models.CharField(max_length=32, blank=True)
    diagnosis = models.TextField(blank=True)
    advice = models.TextField(blank=True)
    containers = models.PositiveIntegerField(default=0)
    opened = models.PositiveIntegerField(default=0)
    resolved = models.PositiveIntegerField(default=0)
    unknown = models.PositiveIntegerField(default=0)
    gaps = models.JSONField(default=list)
    rule_set = models.CharField(max_length=16, blank=True)
    policy = models.CharField(max_length=120, blank=True, help_text="Such as Baseline v3.")

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["host"], condition=Q(state="queued"), name="one_queued_scan_per_host"
            ),
            models.UniqueConstraint(
                fields=["host"], condition=Q(state="running"), name="one_running_scan_per_host"
            ),
            models.CheckConstraint(
                condition=~Q(state="running") | Q(lease_expires_at__isnull=False),
                name="a_running_scan_has_a_lease",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["id"], condition=Q(finished_at__isnull=True), name="unfinished_scans"
            ),
            models.Index(fields=["host", "-id"], name="scans_of_host"),
        ]

    def __str__(self) -> str:
        return f"scan {self.pk}"


class Silence(models.Model):
    """A time in which a host was not read: from its first failed reading, or from when a scan was
    overdue, until the next one that read it. A host has at most one that lasts.

    `known_at` is when it was read for the last time before: what was seen then counts as it was for
    the score's window of grace, and as unknown from then on.
    """

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="+", db_index=False)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)
    known_at = models.DateTimeField(null=True)
    kind = models.CharField(max_length=32, help_text="Of the diagnosis; overdue where none came.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["host"], condition=Q(until=None), name="one_silence_lasts_per_host"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["host", "-since"], name="silence_of_host")]

    def __str__(self) -> str:
        return f"{self.kind} since {self.since:%Y-%m-%d %H:%M}"
