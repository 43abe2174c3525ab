"""Every rule there is, by slug: those that the product comes with, and those of one's own."""

import functools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db.models import OuterRef, Subquery

from portal.policies.models import CustomRuleVersion
from scanner import BY_SLUG, Rule, custom
from scanner.rule import Family, Severity

Catalogue = Mapping[str, Rule[Any, Any]]
FAMILIES = {family.value: family.label for family in Family}
_ORDER = list(FAMILIES)

_held: ContextVar[dict[str, Catalogue] | None] = ContextVar("held", default=None)


def catalogue() -> Catalogue:
    """In the order of the families. One query, or none where it is held; what is compiled is kept
    for as long as no rule changes."""
    held_here = _held.get()
    if held_here is not None and "rules" in held_here:
        return held_here["rules"]
    found = _joined(tuple(in_force().values_list("id", flat=True)))
    if held_here is not None:
        held_here["rules"] = found
    return found


def families() -> dict[str, str]:
    """Labels of those that have a rule, by name."""
    present = {rule.family.value for rule in catalogue().values()}
    return {name: label for name, label in FAMILIES.items() if name in present}


@contextmanager
def held() -> Iterator[None]:
    """Within, the catalogue is asked for once and stays the same: for one request or one scan."""
    token = _held.set({})
    try:
        yield
    finally:
        _held.reset(token)


def forget() -> None:
    """What is held, after a rule has changed."""
    if (held_here := _held.get()) is not None:
        held_here.clear()


def in_force() -> Any:
    """The newest version of each rule that is not retired, by the rule's slug."""
    newest = CustomRuleVersion.objects.filter(rule=OuterRef("rule")).order_by("-number")
    return CustomRuleVersion.objects.filter(
        rule__retired_at=None, number=Subquery(newest.values("number")[:1])
    ).order_by("rule__slug")


@functools.lru_cache(maxsize=4)
def _joined(versions: tuple[int, ...]) -> Catalogue:
    if not versions:
        return BY_SLUG
    found = [*BY_SLUG.values(), *(_compiled(number) for number in versions)]
    found.sort(key=lambda rule: (_ORDER.index(rule.family.value), rule.slug))
    return {rule.slug: rule for rule in found}


@functools.lru_cache(maxsize=1000)
def _compiled(version_id: int) -> Rule[Any, Any]:
    """A version never changes, so it is compiled once."""
    row = CustomRuleVersion.objects.select_related("rule").get(id=version_id)
    try:
        [rule] = custom.rules(row.text, version=row.number)
    except custom.Refused as refused:
        return custom.unreadable(
            row.rule.slug,
            row.title,
            row.subject,
            Severity(row.severity),
            f"the rule cannot be read any more: {refused}"[:300],
            version=row.number,
        )
    return rule
