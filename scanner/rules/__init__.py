"""Gathers every rule by walking this package; a new rule needs no entry anywhere."""

import importlib
import pkgutil
from typing import Any

from scanner.rule import Family, Rule

FAMILIES = tuple(Family)


def _gather() -> tuple[Rule[Any, Any], ...]:
    rules = []
    for module in pkgutil.walk_packages(__path__, prefix=f"{__name__}."):
        if not module.ispkg:
            rules.append(importlib.import_module(module.name).RULE)
    return tuple(sorted(rules, key=lambda rule: (FAMILIES.index(rule.family), rule.slug)))


RULES = _gather()
BY_SLUG = {rule.slug: rule for rule in RULES}
