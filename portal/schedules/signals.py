"""There is always a schedule, and every host has one: also a host that is new, or in another
group."""

from typing import Any

from django.db.models.signals import post_migrate, post_save
from django.dispatch import receiver
from django.utils import timezone

from portal.fleet.models import Host
from portal.schedules import actions


@receiver(post_migrate)
def keep_a_default(sender: Any, **_: Any) -> None:
    if getattr(sender, "name", "") == "portal.schedules":
        actions.ensure_default(now=timezone.now())


@receiver(post_save, sender=Host)
def keep_to_the_schedule(
    instance: Host, created: bool, raw: bool, update_fields: frozenset[str] | None, **_: Any
) -> None:
    if raw:
        return
    if created:
        actions.begin(instance, now=instance.created_at)
    elif update_fields and "group" in update_fields:
        actions.follow_group(instance, now=timezone.now())
