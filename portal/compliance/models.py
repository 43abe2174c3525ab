"""Scans, results, findings and the counts that scores are made of."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from portal.fleet.models import Container, Host
from portal.policies.models import PolicyVersion


class ScanKind(models.TextChoices):
    SCHEDULE = "schedule", "Scheduled"
    MANUAL = "manual", "Requested"


class ScanState(models.TextChoices):
    QUEUED = "queued", "Waiting"
    RUNNING = "running", "Running"
    COMPLETE = "complete", "Complete"
    PARTIAL = "partial", "Partly read"
    FAILED = "failed", "Failed"


class Scan(models.Model):
    """One reading of one host. While it runs, a lease says that its worker is alive."""

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=16, choices=ScanKind.choices)
    state = models.CharField(max_length=16, choices=ScanState.choices, default=ScanState.QUEUED)
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
    the latest changes of a part of the fleet are found without looking at results."""

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="+", db_index=False)
    result = models.ForeignKey(Result, on_delete=models.CASCADE, related_name="+")
    scan = models.ForeignKey(Scan, on_delete=models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField()
    change = models.CharField(max_length=16, choices=Change.choices)
    verdict = models.CharField(max_length=16, choices=Verdict.choices, blank=True)
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


class Posture(models.Model):
    """Counts of a host's units by rule and verdict: the one table under every score."""

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="+")
    rule = models.CharField(max_length=64)
    severity = models.PositiveSmallIntegerField(choices=Severity.choices)
    passed = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    excepted = models.PositiveIntegerField(default=0)
    unknown = models.PositiveIntegerField(default=0)
    not_applicable = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["host", "rule"], name="posture_once_per_rule"),
        ]

    def __str__(self) -> str:
        return f"{self.rule}: {self.failed} failing"


class Tally(models.Model):
    """Counts of a host's results by all that lists can be filtered by, gone findings included.

    `state` is "" for what is no finding, or was fixed and is unknown now; `verdict` is "" for what
    is gone. `severity` is that of the results, which may differ from their rule's.
    """

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="+")
    rule = models.CharField(max_length=64)
    severity = models.PositiveSmallIntegerField(choices=Severity.choices)
    state = models.CharField(max_length=8, choices=State.choices, blank=True)
    verdict = models.CharField(max_length=16, choices=Verdict.choices, blank=True)
    amount = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["host", "rule", "severity", "state", "verdict"], name="tally_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["state", "verdict"],
                include=["host", "rule", "severity", "amount"],
                name="tally_state",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule}: {self.amount} {self.state or self.verdict}"


class Standing(models.Model):
    """A host's score and what is open on it, by the formula of `portal.compliance.score`.

    Scores are percentages from 0 to 100; None where there is nothing to score.
    """

    host = models.OneToOneField(Host, on_delete=models.CASCADE, related_name="+", primary_key=True)
    posture = models.FloatField(null=True)
    accepted = models.FloatField(null=True)
    coverage = models.FloatField(null=True)
    formula = models.PositiveSmallIntegerField()
    critical = models.PositiveIntegerField(default=0)
    high = models.PositiveIntegerField(default=0)
    medium = models.PositiveIntegerField(default=0)
    low = models.PositiveIntegerField(default=0)
    passed = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    excepted = models.PositiveIntegerField(default=0)
    unknown = models.PositiveIntegerField(default=0)
    results_digest = models.BinaryField(max_length=32)
    judged_by = models.ForeignKey(
        PolicyVersion, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    def __str__(self) -> str:
        return f"{self.posture}"


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
