"""The command line, `plimsoll`: what can be done without the portal."""

import argparse
import os
import sys
from collections.abc import Sequence

from scanner.commands import FAILED, calls, policy, rule, rules, scan
from scanner.version import VERSION

COMMANDS = (rules, scan, policy, rule, calls)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, as in `plimsoll rules | head`, has seen enough; nothing is left to be flushed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="plimsoll", description="Shows what is wrong with the containers of a Docker host."
    )
    parser.add_argument("--version", action="version", version=f"plimsoll {VERSION}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
