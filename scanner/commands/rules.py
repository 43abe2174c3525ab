"""`plimsoll rules`: the catalogue."""

import argparse

from scanner import report
from scanner.commands import CLEAN, Commands, add_format
from scanner.rules import RULES


def add(commands: Commands) -> None:
    parser = commands.add_parser("rules", help="list the rules")
    add_format(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    if options.format == "json":
        print(report.rules_json(RULES))
    else:
        report.console().print(report.rules_table(RULES))
    return CLEAN
