"""What `plimsoll` can do: one module for each command, with `add(commands)` that describes it.

A command's function takes the parsed options and gives the exit code.
"""

import argparse
from typing import TypeAlias

CLEAN, FOUND, FAILED = 0, 1, 2

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_format(parser: argparse.ArgumentParser, *others: str) -> None:
    parser.add_argument("--format", choices=["table", "json", *others], default="table")
