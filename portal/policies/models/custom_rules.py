"""Rules that people have written, and what has become of them."""

from typing import ClassVar

from django.conf import settings
from django.db import models


class CustomRule(models.Model):
    """One that was retired judges nothing any more and is kept: findings of the past name it, and
    its slug is never given to another."""

    slug = models.CharField(max_length=60, unique=True)
    created_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["slug"]

    def __str__(self) -> str:
        return self.slug


class CustomRuleVersion(models.Model):
    """A rule as it was saved. Append-only; the one with the highest number is in force.

    `text` is the YAML that decides; `title`, `subject` and `severity` are what it said when it was
    saved, for pages, and for a text that a later version of the product cannot read any more.
    """

    rule = models.ForeignKey(CustomRule, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=70)
    subject = models.CharField(max_length=20)
    severity = models.CharField(max_length=10)
    text = models.TextField(max_length=16_384)
    comment = models.CharField(max_length=500)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["rule_id", "-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["rule", "number"], name="custom_rule_version_once"),
        ]

    def __str__(self) -> str:
        return f"{self.rule} v{self.number}"
