"""`plimsoll calls`: all that is ever asked of a host, as a list for people or for a filter."""

import argparse

import msgspec
from rich.table import Table

from scanner import calls, report
from scanner.commands import CLEAN, Commands
from scanner.machine import COMMANDS as READING
from scanner.transport.ssh_commands import COMMANDS as CHECKING

COMMANDS = (*CHECKING, *READING)


def add(commands: Commands) -> None:
    parser = commands.add_parser("calls", help="list every call that is ever made to a host")
    parser.add_argument(
        "--format",
        choices=["table", "json", "haproxy", "ssh"],
        default="table",
        help="haproxy: configuration of a socket proxy; ssh: a forced command for authorized_keys",
    )
    parser.add_argument(
        "--commands",
        action="store_true",
        help="the commands that are run over SSH, word for word, in place of the calls",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    if options.format == "haproxy":
        print(calls.haproxy(), end="")
    elif options.format == "ssh":
        print(calls.ssh_forced_command(COMMANDS), end="")
    elif options.format == "json":
        print(_json(options.commands))
    elif options.commands:
        print("\n\n".join(COMMANDS))
    else:
        report.console().print(_table())
    return CLEAN


def _json(commands: bool) -> str:
    listed = [
        {
            "method": "GET",
            "path": call.path,
            "pattern": call.pattern,
            "query": dict(call.query),
            "allow": call in calls.LET_THROUGH,
        }
        for call in calls.CALLS
    ]
    shown: object = {"commands": COMMANDS} if commands else {"calls": listed}
    return msgspec.json.format(msgspec.json.encode(shown)).decode()


def _table() -> Table:
    table = Table("Call", "What is read by it", box=None)
    for call in calls.CALLS:
        table.add_row(f"GET {call.target}", call.why)
    return table
