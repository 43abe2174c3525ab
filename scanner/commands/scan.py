"""`plimsoll scan`: one engine, without the portal."""

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from scanner import policies, report
from scanner.collect import Progress as Report
from scanner.collect import collect
from scanner.commands import (
    CLEAN,
    FAILED,
    FOUND,
    Commands,
    Unreadable,
    add_format,
    policy,
    reach,
    rule,
)
from scanner.custom import Refused
from scanner.custom.definition import PREFIX
from scanner.errors import EngineError
from scanner.evaluate import evaluate
from scanner.model import Snapshot
from scanner.rule import Policy, Result, Rule, Severity, Verdict
from scanner.rules import BY_SLUG, RULES
from scanner.suggestion import suggestion

_EXIT_CODES = """\
exit codes:
  0  the engine was scanned, and nothing is at or above --fail-on; without --fail-on, always
  1  a rule fails at or above --fail-on, or is unknown and --fail-on-unknown is given
  2  the engine could not be scanned, or the command line is wrong
"""


def add(commands: Commands) -> None:
    scan = commands.add_parser(
        "scan",
        help="scan one engine, reading only",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    reach.add(scan)
    add_format(scan)
    scan.add_argument(
        "--rule",
        action="append",
        type=_known_rule,
        metavar="SLUG",
        help="judge by this rule only; may be given several times",
    )
    scan.add_argument(
        "--rules",
        metavar="FILE",
        help="judge by rules of your own too: YAML, or a folder of such files",
    )
    scan.add_argument(
        "--policy",
        metavar="FILE",
        help="judge by this policy file; its rules in shadow are left out, as they never count",
    )
    scan.add_argument(
        "--fail-on",
        choices=[severity.value for severity in reversed(Severity)],
        help="exit with 1 if a rule of this severity or a higher one fails",
    )
    scan.add_argument(
        "--fail-on-unknown",
        action="store_true",
        help="exit with 1 if a verdict is unknown, because something could not be read",
    )
    scan.add_argument(
        "--no-processes",
        action="store_false",
        dest="processes",
        help="leave out the containers' process lists: several times as fast on a large host, "
        "and what only they tell is unknown",
    )
    scan.add_argument(
        "--timeout",
        type=_seconds,
        default=10.0,
        metavar="SECONDS",
        help="for each call of the engine (default: 10)",
    )
    scan.set_defaults(run=run)


def _known_rule(slug: str) -> str:
    if slug in BY_SLUG or slug.startswith(PREFIX):
        return slug
    hint = suggestion(slug, BY_SLUG, cutoff=0.4) or "`plimsoll rules` lists them"
    raise argparse.ArgumentTypeError(f"there is no rule {slug!r}; {hint}")


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError("must lie between 0 and 3600 seconds")
    return seconds


def run(options: argparse.Namespace) -> int:
    try:
        catalogue = _catalogue(options.rules)
        wanted = _policy(options.policy, catalogue)
        rules = _chosen(options, catalogue)
    except (Unreadable, rule.Wrong) as error:
        return _failed(str(error))
    except Refused as refused:
        return _failed(f"the policy cannot be used\n{policy.told(options.policy, refused)}")
    rules = [found for found in rules if found.slug not in wanted.off | wanted.shadow]
    # The dearest part of a scan: the engine runs two programs on the host for each list.
    processes = options.processes and any("top: processes" in r.reads for r in rules)
    try:
        with reach.engine(options) as engine, _progress() as bar:
            snapshot = collect(engine, progress=_report(bar), processes=processes)
    except EngineError as error:
        if options.format == "json":
            print(report.error_json(error))
        advice = f"\n{error.advice}" if error.advice else ""
        return _failed(f"{error.message}{advice}")
    results = evaluate(snapshot, wanted, rules)
    _print(options.format, snapshot, results, catalogue)
    return _exit_code(results, options.fail_on, options.fail_on_unknown)


def _catalogue(own: str | None) -> dict[str, Rule[Any, Any]]:
    """The built-in rules, and those of a file. Raises Unreadable and rule.Wrong."""
    return {found.slug: found for found in (*RULES, *(rule.read(own) if own else ()))}


def _chosen(
    options: argparse.Namespace, catalogue: Mapping[str, Rule[Any, Any]]
) -> list[Rule[Any, Any]]:
    """Those that are asked for, or else all. Raises Unreadable."""
    for slug in options.rule or ():
        if slug not in catalogue:
            where = f"in {options.rules}" if options.rules else "without --rules"
            raise Unreadable(f"there is no rule {slug!r} {where}")
    return [catalogue[slug] for slug in dict.fromkeys(options.rule or catalogue)]


def _policy(name: str | None, catalogue: Mapping[str, Rule[Any, Any]]) -> Policy:
    """Raises Unreadable and Refused."""
    return policies.policy(policy.read(name, catalogue).settings) if name else Policy()


def _failed(message: str) -> int:
    print(f"plimsoll: {message}", file=sys.stderr)
    return FAILED


def _print(
    form: str,
    snapshot: Snapshot,
    results: Sequence[Result],
    catalogue: Mapping[str, Rule[Any, Any]],
) -> None:
    if form == "json":
        print(report.scan_json(snapshot, results))
    else:
        titles = {slug: found.title for slug, found in catalogue.items()}
        report.print_scan(report.console(), snapshot, results, titles)


def _exit_code(results: Iterable[Result], fail_on: str | None, fail_on_unknown: bool) -> int:
    for result in results:
        if result.verdict is Verdict.UNKNOWN and fail_on_unknown:
            return FOUND
        failed = result.verdict is Verdict.FAIL and fail_on is not None
        if failed and result.severity.rank >= Severity(fail_on).rank:
            return FOUND
    return CLEAN


def _progress() -> AbstractContextManager[Progress | None]:
    """Only for a person who watches: nothing where standard error is no terminal."""
    if not sys.stderr.isatty():
        return nullcontext()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def _report(bar: Progress | None) -> Report | None:
    if bar is None:
        return None
    phases: dict[str, Any] = {}

    def report_progress(phase: str, done: int, total: int) -> None:
        if phase not in phases:
            phases[phase] = bar.add_task(f"{phase} containers".capitalize(), total=total)
        bar.update(phases[phase], completed=done, total=total)

    return report_progress
