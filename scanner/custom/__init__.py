"""Rules of one's own: written in YAML, with an expression in CEL that decides.

Whoever writes one cannot make the scanner read, write or wait: an expression sees values and
nothing else, and what it may cost is known before it runs. Whatever goes wrong makes the verdict
unknown, never a pass.
"""

from typing import Any

from scanner.custom import build, definition, reference
from scanner.custom.build import unreadable
from scanner.custom.problem import Problem, Refused
from scanner.rule import Rule

__all__ = ["Problem", "Refused", "reference", "rules", "unreadable"]


def rules(text: str, *, version: int = 1) -> tuple[Rule[Any, Any], ...]:
    """The rules that a text defines, one for each document in it. Raises Refused."""
    return tuple(build.rule(found, version) for found in definition.read(text))
