"""What is wrong with a custom rule, and where. Pure."""

from collections.abc import Sequence
from typing import NamedTuple


class Problem(NamedTuple):
    """`line` and `column` of the document count from 1."""

    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message}"


class Refused(Exception):
    """The document is no custom rule that can be judged by; all that is wrong with it is named."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("; ".join(map(str, self.problems)))


class Wrong(Exception):
    """Something in an expression cannot be accepted. `at` is the offset of the character."""

    def __init__(self, message: str, at: int = 0) -> None:
        super().__init__(message)
        self.at = at
