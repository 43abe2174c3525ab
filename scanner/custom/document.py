"""YAML whose every part knows its line and column. Pure; the size of what is read is bounded."""

from collections.abc import Iterable
from typing import Any

import yaml

from scanner.custom.problem import Problem, Refused

MOST_DEPTH = 8
MOST_PARTS = 2_000

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_OPENS = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_CLOSES = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


class Place:
    """Where something stands, for what is said of it."""

    def __init__(self, text: str, node: yaml.Node) -> None:
        self.text = text
        self.node = node

    def problem(self, message: str) -> Problem:
        return Problem(self.node.start_mark.line + 1, self.node.start_mark.column + 1, message)

    def within(self, offset: int, message: str) -> Problem:
        """About a character of the value, whatever YAML did to the text to come to the value."""
        at, end = self.node.start_mark.index, self.node.end_mark.index
        if self.text[at : at + 1] in {"|", ">"}:
            at = self.text.find("\n", at, end) + 1
        for number, character in enumerate(self.node.value):
            if number > offset:
                break
            if character.isspace():
                continue
            found = self.text.find(character, at, end)
            if found < 0:
                break
            at = found if number == offset else found + 1
        if offset >= len(self.node.value):
            at = min(at, end)
        before = self.text[:at]
        line = before.count("\n")
        return Problem(line + 1, at - (before.rfind("\n") + 1) + 1, message)


def documents(text: str, *, most_parts: int = MOST_PARTS) -> list[yaml.Node]:
    """The root of each. Raises Refused for what is no YAML, is too deep or too large, or has
    aliases, by which a small text becomes a large one."""
    try:
        _bounded(yaml.parse(text, Loader=_Loader), most_parts)
        return [node for node in yaml.compose_all(text, Loader=_Loader) if node is not None]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        said = ", ".join(filter(None, (error.context, error.problem)))
        raise Refused([Problem(*where, f"cannot be read as YAML: {said}"[:300])]) from None
    except (yaml.YAMLError, ValueError) as error:
        said = str(error).split("\n")[0]
        raise Refused([Problem(1, 1, f"cannot be read as YAML: {said}"[:300])]) from None


def _bounded(events: Iterable[Any], most_parts: int) -> None:
    depth = 0
    for count, event in enumerate(events):
        depth += isinstance(event, _OPENS) - isinstance(event, _CLOSES)
        wrong = ""
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            wrong = "anchors and aliases are not read: write it out"
        elif depth > MOST_DEPTH:
            wrong = f"is nested more than {MOST_DEPTH} deep"
        elif count > most_parts:
            wrong = f"has more than {most_parts} parts"
        if wrong:
            mark = event.start_mark
            raise Refused([Problem(mark.line + 1, mark.column + 1, wrong)])
