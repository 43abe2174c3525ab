"""`plimsoll policy`: a policy as a file. Checking one needs no portal; the portal's own policies
are reached through its own commands, in a process of theirs."""

import argparse
import importlib.util
import subprocess
import sys
from pathlib import Path

from scanner import policy_file, report
from scanner.commands import (
    CLEAN,
    FAILED,
    FOUND,
    Commands,
    Told,
    Unreadable,
    add_format,
    decoded,
    rule,
)
from scanner.custom import Refused
from scanner.policies import Catalogue
from scanner.policy_file import PolicyFile
from scanner.rules import BY_SLUG

_EXIT_CODES = """\
exit codes:
  0  done; for check: there is nothing wrong with the file
  1  something is wrong with the file, and each thing is named with its line and column
  2  the file or the portal could not be reached, or the command line is wrong
"""
_PORTAL = [sys.executable, "-m", "django"]


def add(commands: Commands) -> None:
    parser = commands.add_parser(
        "policy",
        help="check a policy file, or exchange one with the portal",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    acts = parser.add_subparsers(required=True, metavar="ACT")

    check = acts.add_parser("check", help="say what is wrong with a policy file, line by line")
    check.add_argument("file", metavar="FILE", help="a policy as YAML; - for standard input")
    check.add_argument(
        "--rules",
        metavar="FILE",
        help="it may set rules of your own too: YAML, or a folder of such files",
    )
    add_format(check)
    check.set_defaults(run=_check)

    export = acts.add_parser("export", help="write a policy as YAML")
    export.add_argument(
        "name",
        metavar="NAME",
        nargs="?",
        help="one of the portal's policies; without it, every rule as it comes, with all that can "
        "be set",
    )
    export.set_defaults(run=_export)

    importing = acts.add_parser("import", help="save a policy file in the portal, as a new version")
    importing.add_argument("file", metavar="FILE", help="a policy as YAML; - for standard input")
    importing.add_argument(
        "--comment", required=True, metavar="TEXT", help="what was changed, and why"
    )
    importing.set_defaults(run=_import)


def read(name: str, catalogue: Catalogue = BY_SLUG) -> PolicyFile:
    """Of these rules only. Raises Unreadable and Refused."""
    return policy_file.read(text(name), catalogue)


def text(name: str) -> str:
    """Raises Unreadable."""
    try:
        with sys.stdin.buffer if name == "-" else Path(name).open("rb") as file:
            return decoded(name, file.read(policy_file.MOST_CHARACTERS * 4 + 1))
    except OSError as error:
        raise Unreadable(f"{name} cannot be read: {error.strerror}") from error


def told(name: str, refused: Refused) -> str:
    return "\n".join(str(Told(name, *problem)) for problem in refused.problems)


def _check(options: argparse.Namespace) -> int:
    try:
        own = {each.slug: each for each in rule.read(options.rules)} if options.rules else {}
        found = read(options.file, {**BY_SLUG, **own})
    except (Unreadable, rule.Wrong) as error:
        return _failed(str(error))
    except Refused as refused:
        if options.format == "json":
            print(report.problems_json(refused.problems))
        else:
            print(told(options.file, refused))
        return FOUND
    if options.format == "json":
        print(report.problems_json(()))
    else:
        rules = len(found.settings)
        print(f"{found.name}: {rules} rule{'' if rules == 1 else 's'} set, nothing wrong")
    return CLEAN


def _export(options: argparse.Namespace) -> int:
    if options.name is not None:
        return _portal("policy_export", options.name)
    print(policy_file.write("Baseline", "", {}, BY_SLUG, full=True), end="")
    return CLEAN


def _import(options: argparse.Namespace) -> int:
    return _portal("policy_import", options.file, "--comment", options.comment)


def _portal(*command: str) -> int:
    if importlib.util.find_spec("portal") is None:
        return _failed("the portal is not installed here")
    verb, *rest = command
    done = subprocess.run([*_PORTAL, verb, "--settings=portal.settings", *rest], check=False)
    return done.returncode


def _failed(message: str) -> int:
    print(f"plimsoll: {message}", file=sys.stderr)
    return FAILED
