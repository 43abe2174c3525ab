"""Schedules, and the groups and hosts that they are for."""

from typing import Any, ClassVar

import msgspec
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from portal.fleet.models import Group, Host
from portal.schedules.timing import Blackout, Timetable


class Schedule(models.Model):
    """When hosts are scanned by themselves. The default is for every host that has no other one,
    neither itself nor by its group.

    `interval` and `jitter` are seconds; `blackouts` is a list of timing.Blackout as JSON.
    `largest_gap` is the longest time in seconds between two scans of a host. `changed_at` is when a
    person last saved it: until then the default follows the setting SCAN_INTERVAL_SECONDS.
    """

    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=110, unique=True)
    default = models.BooleanField(default=False)
    interval = models.PositiveIntegerField(null=True)
    cron = models.CharField(max_length=100, blank=True)
    zone = models.CharField(max_length=64)
    jitter = models.PositiveIntegerField(default=0)
    blackouts = models.JSONField(default=list)
    largest_gap = models.PositiveIntegerField()
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-default", "name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["default"], condition=Q(default=True), name="one_default_schedule"
            ),
            models.UniqueConstraint(Lower("name"), name="schedule_name_once"),
            models.CheckConstraint(
                condition=Q(interval=None) ^ Q(cron=""), name="schedule_has_one_rhythm"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def timetable(self) -> Timetable:
        blackouts = msgspec.convert(self.blackouts, tuple[Blackout, ...])
        return Timetable(self.zone, self.interval or 0, self.cron, self.jitter, blackouts)

    @timetable.setter
    def timetable(self, value: Timetable) -> None:
        blackouts: Any = msgspec.to_builtins(value.blackouts)
        self.zone, self.interval, self.cron = value.zone, value.interval or None, value.cron
        self.jitter, self.blackouts = value.jitter, list(blackouts)


class GroupBinding(models.Model):
    """The schedule of a group's hosts. A group has at most one."""

    group = models.OneToOneField(
        Group, on_delete=models.CASCADE, related_name="+", primary_key=True
    )
    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return f"{self.group}: {self.schedule}"


class HostBinding(models.Model):
    """The schedule of a single host, whatever its group has. A host has at most one."""

    host = models.OneToOneField(Host, on_delete=models.CASCADE, related_name="+", primary_key=True)
    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return f"{self.host}: {self.schedule}"
