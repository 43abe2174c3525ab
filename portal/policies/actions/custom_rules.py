"""A custom rule's life: written, saved as one version after the other, retired, taken up again."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from portal.accounts.models import User
from portal.accounts.rights import Right, require
from portal.core import audit, naming
from portal.core.errors import Conflict, DomainError, NotFound
from portal.policies.models import CustomRule, CustomRuleVersion, Policy, PolicyVersion
from portal.policies.queries import forget
from scanner import Rule, custom

MOST_RULES = 200


class RuleRefused(DomainError):
    """The text is no rule that can be judged by; `problems` say where and why."""

    title = "This is no rule that can be judged by"

    def __init__(self, problems: tuple[custom.Problem, ...]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


def read_rule(text: str) -> Rule[Any, Any]:
    """Raises RuleRefused."""
    try:
        found = custom.rules(text.replace("\r\n", "\n"))
    except custom.Refused as refused:
        raise RuleRefused(refused.problems) from refused
    if len(found) > 1:
        several = custom.Problem(1, 1, f"holds {len(found)} rules; write one here")
        raise RuleRefused((several,))
    return found[0]


@transaction.atomic
def create_rule(text: str, *, comment: str, actor: User | None, now: datetime) -> CustomRule:
    """It begins in shadow in every policy: judged and shown to administrators, not counted."""
    require(actor, Right.MANAGE_POLICIES)
    read, comment = read_rule(text), naming.comment(comment)
    if CustomRule.objects.filter(slug=read.slug).exists():
        raise Conflict(f"There is a rule {read.slug} already. A slug is never given twice.")
    if CustomRule.objects.filter(retired_at=None).count() >= MOST_RULES:
        raise DomainError(f"There are {MOST_RULES} custom rules. Retire one that is not needed.")
    try:
        with transaction.atomic():
            rule = CustomRule.objects.create(slug=read.slug, created_at=now)
    except IntegrityError as error:  # somebody made the same between the look and here
        raise Conflict(f"The rule {read.slug} has just been made.") from error
    _add_version(rule, 1, read, text, comment, actor, now)
    _begin_in_shadow(rule, f"{rule.slug} is new and begins in shadow", actor, now)
    audit.record(actor, "policies.create_rule", rule, now=now, comment=comment)
    return rule


@transaction.atomic
def save_rule(
    slug: str, text: str, *, based_on: int, comment: str, actor: User | None, now: datetime
) -> CustomRuleVersion:
    """A new version, by which hosts are judged from their next scan. `based_on` is the number of
    the version that the change began with: raises Conflict where another has come since."""
    require(actor, Right.MANAGE_POLICIES)
    rule = _locked(slug)
    if rule.retired_at is not None:
        raise Conflict(f"{slug} is retired. Take it up again first.")
    before = CustomRuleVersion.objects.filter(rule=rule).order_by("-number")[0]
    if before.number != based_on:
        raise Conflict(
            f"{before.author or 'Somebody'} saved version {before.number} meanwhile: "
            f"{before.comment} Open the rule again and make your change to that."
        )
    read, comment = read_rule(text), naming.comment(comment)
    if read.slug != slug:
        message = f"the slug stays {slug}: exceptions and history name it"
        raise RuleRefused((custom.Problem(1, 1, message),))
    if _plain(text) == before.text:
        raise DomainError("Nothing was changed, so there is nothing to save.")
    version = _add_version(rule, before.number + 1, read, text, comment, actor, now)
    audit.record(
        actor, "policies.save_rule", rule, now=now, version=version.number, comment=comment
    )
    return version


@transaction.atomic
def retire_rule(slug: str, *, comment: str, actor: User | None, now: datetime) -> None:
    """It judges nothing any more from each host's next scan; its findings end there."""
    require(actor, Right.MANAGE_POLICIES)
    rule, comment = _locked(slug), naming.comment(comment)
    if rule.retired_at is not None:
        raise Conflict(f"{slug} is retired already.")
    rule.retired_at = now
    rule.save(update_fields=["retired_at"])
    forget()
    audit.record(actor, "policies.retire_rule", rule, now=now, comment=comment)


@transaction.atomic
def restore_rule(slug: str, *, comment: str, actor: User | None, now: datetime) -> None:
    """It judges again, beginning in shadow like a new one."""
    require(actor, Right.MANAGE_POLICIES)
    rule, comment = _locked(slug), naming.comment(comment)
    if rule.retired_at is None:
        raise Conflict(f"{slug} is not retired.")
    rule.retired_at = None
    rule.save(update_fields=["retired_at"])
    _begin_in_shadow(rule, f"{slug} is taken up again and begins in shadow", actor, now)
    audit.record(actor, "policies.restore_rule", rule, now=now, comment=comment)


def _begin_in_shadow(rule: CustomRule, comment: str, actor: User | None, now: datetime) -> None:
    forget()
    for policy in Policy.objects.select_for_update().filter(removed_at=None).order_by("id"):
        last = PolicyVersion.objects.filter(policy=policy).order_by("-number")[0]
        PolicyVersion.objects.create(
            policy=policy,
            number=last.number + 1,
            name=last.name,
            description=last.description,
            rules={**last.rules, rule.slug: {"state": "shadow"}},
            groups=last.groups,
            default=last.default,
            comment=comment,
            author=actor,
            at=now,
        )


def _add_version(
    rule: CustomRule,
    number: int,
    read: Rule[Any, Any],
    text: str,
    comment: str,
    actor: User | None,
    now: datetime,
) -> CustomRuleVersion:
    forget()
    return CustomRuleVersion.objects.create(
        rule=rule,
        number=number,
        title=read.title,
        subject=read.subject_kind,
        severity=read.severity.value,
        text=_plain(text),
        comment=comment,
        author=actor,
        at=now,
    )


def _locked(slug: str) -> CustomRule:
    found = CustomRule.objects.select_for_update().filter(slug=slug).first()
    if found is None:
        raise NotFound("There is no custom rule of this name.")
    return found


def _plain(text: str) -> str:
    """With the ends of lines that a browser changes as they were."""
    return text.replace("\r\n", "\n").rstrip() + "\n"
