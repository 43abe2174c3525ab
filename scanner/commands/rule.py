"""`plimsoll rule`: rules of one's own as files, checked, and read for other commands."""

import argparse
import sys
from pathlib import Path
from typing import Any

from scanner import custom, report
from scanner.commands import (
    CLEAN,
    FAILED,
    FOUND,
    Commands,
    Told,
    Unreadable,
    add_format,
    decoded,
)
from scanner.custom.definition import MOST_CHARACTERS, MOST_RULES
from scanner.rule import Rule

_EXIT_CODES = """\
exit codes:
  0  every file holds rules that can be judged by
  1  something is wrong with a file, and each thing is named with its line and column
  2  a file could not be read, or the command line is wrong
"""
_ENDINGS = {".yaml", ".yml"}


class Wrong(Exception):
    """Rules that cannot be judged by."""

    def __init__(self, told: list[Told]) -> None:
        super().__init__("\n".join(map(str, told)))
        self.told = told


def add(commands: Commands) -> None:
    parser = commands.add_parser("rule", help="check rules of your own")
    acts = parser.add_subparsers(required=True, metavar="ACT")
    check = acts.add_parser(
        "check",
        help="say what is wrong with a file of custom rules, line by line",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.add_argument(
        "file", metavar="FILE", help="rules as YAML, a folder of such files, or - for stdin"
    )
    add_format(check)
    check.set_defaults(run=_check)


def read(place: str) -> list[Rule[Any, Any]]:
    """The rules of a file or of every YAML file of a folder. Raises Unreadable, or Wrong with all
    that is wrong."""
    found: dict[str, Rule[Any, Any]] = {}
    told: list[Told] = []
    for name, text in _texts(place):
        try:
            rules = custom.rules(text)
        except custom.Refused as refused:
            told += [Told(name, *problem) for problem in refused.problems]
            continue
        for rule in rules:
            if rule.slug in found:
                told.append(Told(name, 1, 1, f"there is another rule {rule.slug!r} here"))
            found[rule.slug] = rule
    if told:
        raise Wrong(told)
    if len(found) > MOST_RULES:
        raise Unreadable(f"{place} holds {len(found)} rules; at most {MOST_RULES} are read")
    return list(found.values())


def _texts(place: str) -> list[tuple[str, str]]:
    if place == "-":
        return [("-", decoded("-", sys.stdin.buffer.read(MOST_CHARACTERS * MOST_RULES + 1)))]
    path = Path(place)
    try:
        files = (
            sorted(file for file in path.iterdir() if file.suffix in _ENDINGS)
            if path.is_dir()
            else [path]
        )
        if not files:
            raise Unreadable(f"{place} holds no file that ends in .yaml or .yml")
        found = []
        for file in files[: MOST_RULES + 1]:
            with file.open("rb") as stream:
                content = stream.read(MOST_CHARACTERS * MOST_RULES + 1)
            found.append((str(file), decoded(str(file), content)))
    except OSError as error:
        raise Unreadable(f"{place} cannot be read: {error.strerror}") from error
    return found


def _check(options: argparse.Namespace) -> int:
    try:
        rules = read(options.file)
    except Unreadable as error:
        print(f"plimsoll: {error}", file=sys.stderr)
        return FAILED
    except Wrong as wrong:
        if options.format == "json":
            print(report.problems_json(wrong.told))
        else:
            print(wrong)
        return FOUND
    if options.format == "json":
        print(report.rules_json(rules))
    else:
        report.console().print(report.rules_table(rules))
    return CLEAN
