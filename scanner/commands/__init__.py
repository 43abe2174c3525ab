"""What `plimsoll` can do: one module for each command, with `add(commands)` that describes it.

A command's function takes the parsed options and gives the exit code.
"""

import argparse
from typing import NamedTuple, TypeAlias

CLEAN, FOUND, FAILED = 0, 1, 2

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_format(parser: argparse.ArgumentParser, *others: str) -> None:
    parser.add_argument("--format", choices=["table", "json", *others], default="table")


class Unreadable(Exception):
    """A file or folder cannot be read at all."""


class Told(NamedTuple):
    """One thing that is wrong, as compilers say it, so that editors find the place."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


def decoded(name: str, content: bytes) -> str:
    """Raises Unreadable."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise Unreadable(f"{name} is no text in UTF-8") from error
