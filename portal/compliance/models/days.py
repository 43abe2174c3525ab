"""History by day: what charts read.

Days are those of UTC, and a day's figures are those at its end.
"""

from typing import ClassVar

from django.db import models

from portal.compliance.models.results import Severity
from portal.fleet.models import Group, Host


class HostDay(models.Model):
    """A host's figures at the end of a day on which they changed, and why its posture moved in it.

    A day without a row is as the last one before it. Written together with the counts themselves.
    `by_...` are points of posture; over any days their sum is the difference of `posture`.
    """

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    posture = models.FloatField(null=True)
    accepted = models.FloatField(null=True)
    coverage = models.FloatField(null=True)
    formula = models.PositiveSmallIntegerField()
    silent = models.BooleanField(default=False)
    containers = models.PositiveIntegerField(default=0)
    low = models.PositiveIntegerField(default=0)
    medium = models.PositiveIntegerField(default=0)
    high = models.PositiveIntegerField(default=0)
    critical = models.PositiveIntegerField(default=0)
    passed = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    excepted = models.PositiveIntegerField(default=0)
    unknown = models.PositiveIntegerField(default=0)
    by_fixes = models.FloatField(default=0)
    by_regressions = models.FloatField(default=0)
    by_added = models.FloatField(default=0)
    by_removed = models.FloatField(default=0)
    by_exceptions = models.FloatField(default=0)
    by_rules = models.FloatField(default=0)
    by_coverage = models.FloatField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["host", "day"], name="host_day_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["day", "host"], name="host_days_by_day")]

    def __str__(self) -> str:
        return f"{self.day}: {self.posture}"


class GroupDay(models.Model):
    """The figures of a group's hosts together at the end of a day. One row for each day, filled in
    once the day is over. `weight` is the sum of the criticality of the scored hosts; the scores are
    means by it, so that groups are joined by it too."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    hosts = models.PositiveIntegerField(default=0)
    scored = models.PositiveIntegerField(default=0)
    silent = models.PositiveIntegerField(default=0)
    weight = models.PositiveIntegerField(default=0)
    posture = models.FloatField(null=True)
    accepted = models.FloatField(null=True)
    coverage = models.FloatField(null=True)
    formula = models.PositiveSmallIntegerField()
    containers = models.PositiveIntegerField(default=0)
    with_critical = models.PositiveIntegerField(default=0)
    low = models.PositiveIntegerField(default=0)
    medium = models.PositiveIntegerField(default=0)
    high = models.PositiveIntegerField(default=0)
    critical = models.PositiveIntegerField(default=0)
    passed = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    excepted = models.PositiveIntegerField(default=0)
    unknown = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["group", "day"], name="group_day_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["day", "group"], name="group_days_by_day")]

    def __str__(self) -> str:
        return f"{self.group} on {self.day}"


class RuleDay(models.Model):
    """Counts of a rule's units in a group at the end of a day, for days and groups in which the
    rule was judged."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="+", db_index=False)
    rule = models.CharField(max_length=64)
    day = models.DateField()
    severity = models.PositiveSmallIntegerField(choices=Severity.choices)
    hosts = models.PositiveIntegerField(default=0)
    failing_hosts = models.PositiveIntegerField(default=0)
    passed = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    excepted = models.PositiveIntegerField(default=0)
    unknown = models.PositiveIntegerField(default=0)
    not_applicable = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["rule", "day", "group"], name="rule_day_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["day"], name="rule_days_by_day")]

    def __str__(self) -> str:
        return f"{self.rule} on {self.day}"


class Statistic(models.TextChoices):
    """What is filled in by day."""

    GROUPS = "groups", "Groups by day"
    RULES = "rules", "Rules by day"


class FillState(models.Model):
    """How far a statistic is filled in. A day that was begun and not done is deleted and filled in
    anew, so that filling may be killed at any moment, or run twice."""

    statistic = models.CharField(max_length=16, choices=Statistic.choices, primary_key=True)
    day = models.DateField()
    done = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.statistic} up to {self.day}"


class RuleSet(models.Model):
    """A version of the rules that the product comes with, and when it judged here first."""

    version = models.CharField(max_length=16, primary_key=True)
    since = models.DateTimeField()

    def __str__(self) -> str:
        return self.version


class Retention(models.Model):
    """For how many days a kind of history is kept, where people chose another number than the
    product's own."""

    kind = models.CharField(max_length=32, primary_key=True)
    days = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.kind}: {self.days} days"


class TableSize(models.Model):
    """How large a table was on a day, so that its growth is known. `rows` is PostgreSQL's own
    estimate, `bytes` all that it takes on the disk."""

    table = models.CharField(max_length=63)
    day = models.DateField()
    rows = models.PositiveBigIntegerField()
    bytes = models.PositiveBigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["day", "table"], name="table_size_once"),
        ]

    def __str__(self) -> str:
        return f"{self.table} on {self.day}"
