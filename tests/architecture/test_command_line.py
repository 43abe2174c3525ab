"""The document of the command line has every command and every option, and no others."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from scanner.__main__ import _parser

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "command-line.md").read_text()


def commands(parser: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, set[str]]]:
    """Each command with its options."""
    groups = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if not groups:
        options = {o for a in parser._actions for o in a.option_strings if o.startswith("--")}
        yield name, options - {"--help"}
    for group in groups:
        for word, below in group.choices.items():
            yield from commands(below, f"{name} {word}")


def test_every_command_and_option_is_explained():
    for name, options in commands(_parser(), "plimsoll"):
        assert f"{name}" in TEXT
        for option in options:
            assert re.search(rf"`{option}[ `]", TEXT) or f"{option} " in TEXT, f"{name} {option}"


def test_no_other_option_is_explained():
    known = {option for _, options in commands(_parser(), "plimsoll") for option in options}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", TEXT)) <= known | {"--version"}
