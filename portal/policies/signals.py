"""There is always a policy that hosts are judged by: the tables never stand without one."""

from typing import Any

from django.db.models.signals import post_migrate
from django.dispatch import receiver
from django.utils import timezone

from portal.policies import actions


@receiver(post_migrate)
def keep_a_default(sender: Any, **_: Any) -> None:
    if getattr(sender, "name", "") == "portal.policies":
        actions.ensure_default(now=timezone.now())
