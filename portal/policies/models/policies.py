"""A policy, what has become of it, and whom it is for."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from portal.fleet.models import Group


class Policy(models.Model):
    """Which rules are judged, and how. The default is for every group without one of its own.

    One that was removed is kept: scans and versions of the past name it.
    """

    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=110, unique=True)
    description = models.CharField(max_length=500, blank=True)
    default = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-default", "name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["default"], condition=Q(default=True), name="one_default_policy"
            ),
            models.UniqueConstraint(
                Lower("name"), condition=Q(removed_at=None), name="policy_name_once"
            ),
            models.CheckConstraint(
                condition=Q(default=False) | Q(removed_at=None), name="the_default_policy_stays"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PolicyVersion(models.Model):
    """A policy as it was saved. Append-only; the one with the highest number is in force.

    `rules` is scanner.policies.Settings as JSON; `groups` are the names of the groups that it was
    for then, and `default` whether it was for all others.
    """

    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=500, blank=True)
    rules = models.JSONField(default=dict)
    groups = models.JSONField(default=list)
    default = models.BooleanField(default=False)
    comment = models.CharField(max_length=500)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["policy_id", "-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["policy", "number"], name="policy_version_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.number}"


class Binding(models.Model):
    """The policy of a group. A group has at most one; the default policy needs none."""

    group = models.OneToOneField(
        Group, on_delete=models.CASCADE, related_name="+", primary_key=True
    )
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return f"{self.group}: {self.policy}"
