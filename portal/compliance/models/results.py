"""Results, findings and what becomes of them."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from portal.compliance.models.scans import Scan
from portal.fleet.models import Container, Host


class Verdict(models.TextChoices):
    PASS = "pass", "Pass"
    FAIL = "fail", "Fail"
    NOT_APPLICABLE = "not_applicable", "N/A"
    UNKNOWN = "unknown", "Unknown"


class Severity(models.IntegerChoices):
    LOW = 0, "Low"
    MEDIUM = 1, "Medium"
    HIGH = 2, "High"
    CRITICAL = 3, "Critical"


class Result(models.Model):
    """The current verdict on one unit: rule x subject x sub-object on a host.

    A result that fails or once failed is a *finding*: `first_failed_at` is set, and `open` says
    whether it stands. An unknown verdict leaves `open` as it was.
    """

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="+")
    rule = models.CharField(max_length=64)
    subject_kind = models.CharField(max_length=16)
    workload = models.CharField(max_length=700)
    subject = models.CharField(max_length=300)
    sub_object = models.CharField(max_length=1000, blank=True)
    identity = models.BinaryField(max_length=32, unique=True)
    container = models.ForeignKey(Container, on_delete=models.SET_NULL, null=True, related_name="+")

    verdict = models.CharField(max_length=16, choices=Verdict.choices)
    severity = models.PositiveSmallIntegerField(choices=Severity.choices)
    evidence = models.JSONField(default=list)
    reason = models.TextField(blank=True)
    rule_version = models.PositiveSmallIntegerField(default=1)
    known_verdict = models.CharField(
        max_length=16,
        choices=Verdict.choices,
        blank=True,
        help_text="Of an unknown: what it was when it could be seen for the last time.",
    )

    first_seen_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True)
    open = models.BooleanField(default=False)
    first_failed_at = models.DateTimeField(null=True)
    failed_since = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    times_opened = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(open=False) | Q(first_failed_at__isnull=False, gone_at__isnull=True),
                name="an_open_finding_failed_and_is_there",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["host", "rule"], name="result_host_rule"),
            # The lists order and count by these alone, and fetch only the rows of their page.
            models.Index(
                fields=["-severity", "failed_since", "id"],
                include=["host", "rule", "verdict"],
                condition=Q(open=True),
                name="open_findings_by_severity",
            ),
            models.Index(
                fields=["rule", "-severity", "failed_since", "id"],
                include=["host", "container", "verdict"],
                condition=Q(open=True),
                name="open_findings_by_rule",
            ),
            models.Index(
                fields=["-severity", "failed_since", "id"],
                include=["host", "rule", "verdict", "gone_at"],
                condition=Q(open=False, first_failed_at__isnull=False),
                name="closed_findings_by_severity",
            ),
            models.Index(
                fields=["verdict", "-severity", "failed_since", "id"],
                include=["host", "rule"],
                condition=Q(gone_at__isnull=True),
                name="present_results_by_verdict",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule} on {self.subject}"


class Change(models.TextChoices):
    OPENED = "opened", "Opened"
    REOPENED = "reopened", "Came back"
    RESOLVED = "resolved", "Fixed"
    VANISHED = "vanished", "Gone"
    UNJUDGED = "unjudged", "Not judged any more"
    UNREADABLE = "unreadable", "Could not be read"
    READABLE = "readable", "Read again"


class Cause(models.TextChoices):
    """Why a verdict changed."""

    FLEET = "fleet", "Changed on the host"
    APPEARED = "appeared", "New container"
    RECREATED = "recreated", "Container recreated"
    IMAGE = "image", "Image changed"
    SETTINGS = "settings", "Settings changed"
    VANISHED = "vanished", "Container removed"
    POLICY = "policy", "Policy changed"
    RULES = "rules", "Rules changed"
    COVERAGE = "coverage", "What could be read changed"


class State(models.TextChoices):
    """What has become of a finding."""

    OPEN = "open", "Open"
    FIXED = "fixed", "Fixed"
    GONE = "gone", "Gone"


def state_of(found: Any) -> str:
    """Of a result, or of what has its fields; "" for what is no finding, or was fixed and is
    unknown now."""
    if found.open:
        return State.OPEN
    if found.first_failed_at is None:
        return ""
    if found.verdict in (Verdict.PASS, Verdict.NOT_APPLICABLE):
        return State.FIXED
    return State.GONE if found.gone_at else ""


class Transition(models.Model):
    """A finding changed its state. Append-only. The host is the result's: kept here too, so that
    the latest changes of a part of the fleet are found without looking at results.

    The configuration that decided is that of the container at this moment, in portal.fleet's
    ContainerVersion.
    """

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="+", db_index=False)
    result = models.ForeignKey(Result, on_delete=models.CASCADE, related_name="+")
    scan = models.ForeignKey(Scan, on_delete=models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField()
    change = models.CharField(max_length=16, choices=Change.choices)
    cause = models.CharField(max_length=16, choices=Cause.choices, default=Cause.FLEET)
    verdict = models.CharField(max_length=16, choices=Verdict.choices, blank=True)
    rule_version = models.PositiveSmallIntegerField(default=1)
    evidence = models.JSONField(default=list)

    class Meta:
        ordering: ClassVar = ["-at", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["result", "-at"], name="transition_result"),
            models.Index(fields=["-at", "-id"], name="latest_transitions"),
            models.Index(fields=["host", "-at", "-id"], name="transition_host"),
        ]

    def __str__(self) -> str:
        return f"{self.change} at {self.at:%Y-%m-%d %H:%M}"


class ShadowResult(models.Model):
    """The current verdict of a rule that is in shadow: shown to administrators and never counted.

    Of each unit there is one row, for as long as it stands; it has no history.
    """

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="+")
    rule = models.CharField(max_length=64)
    subject_kind = models.CharField(max_length=16)
    workload = models.CharField(max_length=700)
    subject = models.CharField(max_length=300)
    sub_object = models.CharField(max_length=1000, blank=True)
    identity = models.BinaryField(max_length=32, unique=True)
    verdict = models.CharField(max_length=16, choices=Verdict.choices)
    severity = models.PositiveSmallIntegerField(choices=Severity.choices)
    evidence = models.JSONField(default=list)
    reason = models.TextField(blank=True)
    first_seen_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["rule", "verdict", "-severity", "id"],
                include=["host"],
                name="shadow_results_by_rule",
            ),
            models.Index(fields=["host", "rule"], name="shadow_host_rule"),
        ]

    def __str__(self) -> str:
        return f"{self.rule} on {self.subject}, in shadow"
