"""The counts under every score, now and over time."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from portal.compliance.models.results import Severity, State, Verdict
from portal.fleet.models import Host
from portal.policies.models import PolicyVersion


class CurrentPosture(models.Manager["Posture"]):
    def get_queryset(self) -> "models.QuerySet[Posture]":
        return super().get_queryset().filter(until=None)


class Posture(models.Model):
    """Counts of a host's units by rule and verdict, for as long as none of them changed: the one
    table under every score. `Posture.current` are the rows that hold now (`until` is empty).

    `held` are those of the unknown units that passed when they were seen for the last time, within
    the window of grace: the score counts them as met, coverage does not. `low` to `critical` are
    the open findings.
    """

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="+", db_index=False)
    rule = models.CharField(max_length=64)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)
    severity = models.PositiveSmallIntegerField(choices=Severity.choices)
    passed = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    excepted = models.PositiveIntegerField(default=0)
    unknown = models.PositiveIntegerField(default=0)
    held = models.PositiveIntegerField(default=0)
    not_applicable = models.PositiveIntegerField(default=0)
    low = models.PositiveIntegerField(default=0)
    medium = models.PositiveIntegerField(default=0)
    high = models.PositiveIntegerField(default=0)
    critical = models.PositiveIntegerField(default=0)

    objects = models.Manager()
    current = CurrentPosture()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["host", "rule"], condition=Q(until=None), name="current_posture_once"
            ),
            models.CheckConstraint(
                condition=Q(until=None) | Q(until__gte=models.F("since")),
                name="posture_ends_after_it_began",
            ),
            models.CheckConstraint(
                condition=Q(held__lte=models.F("unknown")), name="held_units_are_unknown"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["host", "rule", "-since"], name="posture_of_host"),
            models.Index(fields=["rule", "host", "-since"], name="posture_of_rule"),
            # When a rule failed for the last time.
            models.Index(
                fields=["rule", "-until"],
                include=["host"],
                condition=Q(failed__gt=0, until__isnull=False),
                name="ended_failing_posture",
            ),
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

    Scores are percentages from 0 to 100; None where there is nothing to score. Of a host that is
    silent nothing is covered, and after the window of grace nothing is met; `passed` to `unknown`
    are as the last look gave them all the same, as lists show them.
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
    recount_at = models.DateTimeField(
        null=True, db_index=True, help_text="When the counts change by the passing of time alone."
    )
    rule_set = models.CharField(max_length=16, blank=True, help_text="A digest of the rules.")
    results_digest = models.BinaryField(max_length=32)
    judged_by = models.ForeignKey(
        PolicyVersion, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    def __str__(self) -> str:
        return f"{self.posture}"
