"""One expression: compiled once, run within bounds. It answers, or says why it cannot."""

import functools
import importlib
import logging
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from scanner.custom import syntax
from scanner.custom.check import Checked, Cost, check
from scanner.custom.functions import FUNCTIONS
from scanner.custom.kinds import Kind
from scanner.custom.problem import Wrong
from scanner.custom.values import Values
from scanner.unread import Unread

MOST_MICROSECONDS = 10_000
"""For all that is run for one subject, by the reckoning of `check`; what that comes to is measured
by a test."""

_UNDEFINED = re.compile(r"Undefined variable or function: '([^']*)'")


@functools.cache
def _library() -> Any:
    """Its command line comes along and takes half a second: only who judges by a custom rule
    waits for it."""
    library = importlib.import_module("cel")
    # What a function of ours refuses is told in the verdict, not in the log for every container.
    logging.getLogger("cel").setLevel(logging.CRITICAL)
    return library


def _constant(text: str) -> Any:
    """The value of an expression without facts. Raises Wrong with the library's message."""
    try:
        return _library().compile(text).execute()
    except (ValueError, RuntimeError) as error:
        raise Wrong(" ".join(_said(error, "").split())) from None


class Expression:
    """Raises Wrong where the text is not one that can be judged by."""

    def __init__(self, text: str, roots: Mapping[str, Kind]) -> None:
        tree = syntax.parse(text)
        self.text = text
        try:
            self.program = _library().compile(text)
        except ValueError as error:
            raise _refused(error, text) from None
        self.checked: Checked = check(tree, roots, _constant)
        if set(self.program.variables()) != self.checked.names:
            raise Wrong("is read in two ways: write it more plainly")


def functions(expressions: Iterable[Expression]) -> dict[str, Any]:
    """Those of ours that they call, by name."""
    called = {name for found in expressions for name in found.program.functions()}
    return {
        name: function.run
        for name, function in FUNCTIONS.items()
        if function.run is not None and name in called
    }


class TooLong(Unread):
    """What is asked for would take longer than a subject may."""


class Facts:
    """What expressions about one subject are run on. Raises Unread where that cannot be made."""

    def __init__(self, values: Values, functions: Mapping[str, Any]) -> None:
        self._values = values
        self._left = float(MOST_MICROSECONDS)
        try:
            self._context = _library().Context(variables=values.found, functions=dict(functions))
        except (ValueError, TypeError, RuntimeError) as error:
            raise Unread("expression", f"a fact cannot be judged: {error}"[:300]) from None

    def add(self, name: str, value: Any) -> None:
        """A plain value under a name, beside the facts."""
        self._context.add_variable(name, value)

    def takes(self, microseconds: float) -> None:
        """Raises TooLong where that is more than is left."""
        self._left -= microseconds
        if self._left < 0:
            raise TooLong("time", "the lists are too long for this rule to go through them in time")

    def copying(self, expression: Expression) -> float:
        """Microseconds that a copy of the list takes which it gives."""
        return self._values.lengths.get(f"*{expression.checked.kind.path}", 0)

    def run(self, expression: Expression) -> Any:
        """A plain value. Raises Unread with the fact that is missing or with what went wrong."""
        self.takes(reckoned(expression.checked.cost, self._values.lengths))
        try:
            return expression.program.execute(self._context)
        except Exception as error:  # noqa: BLE001 - the library raises many kinds, each an unknown
            raise self._unread(error) from None

    def _unread(self, error: Exception) -> Unread:
        missing = error.args[0] if isinstance(error, KeyError) and error.args else None
        if match := _UNDEFINED.search(str(error)):
            missing = match[1]
        if missing in self._values.unread:
            return self._values.unread[str(missing)]
        return Unread("expression", _said(error, missing))


def reckoned(cost: Cost, lengths: Mapping[str, float]) -> float:
    """Microseconds that one run takes at most, by the measured cost of its parts."""
    return sum(
        microseconds * math.prod(lengths.get(key, 0) for key in keys)
        for keys, microseconds in cost.items()
    )


def _said(error: Exception, key: Any) -> str:
    """In one line, without the names of Python's errors."""
    if isinstance(error, KeyError):
        return f"there is no key {str(key)[:80]!r}"
    if isinstance(error, TypeError):
        return "an operation does not fit what was found: a value is null, or of another kind"
    said = str(error).split("\n")[0] if "regex" not in str(error) else "the pattern is not valid"
    for noise in (
        "Python function call failed: ",
        "ValueError: ",
        ". Check function arguments and their types.",
        " in CEL expression",
    ):
        said = said.replace(noise, "")
    return re.sub(r"^Function '(\w+)' error: ", r"\1: ", said)[:300]


def _refused(error: ValueError, text: str) -> Wrong:
    """The library's own message, with its place in the text."""
    place = re.search(r"<input>:(\d+):(\d+): (.*)", str(error))
    if place is None:
        return Wrong("is no expression that can be run")
    if "Recursion limit" in place[3]:
        return Wrong("is nested too deep")
    lines = text.split("\n")[: int(place[1]) - 1]
    at = sum(len(line) + 1 for line in lines) + int(place[2]) - 1
    return Wrong(place[3][:200], min(at, len(text)))
