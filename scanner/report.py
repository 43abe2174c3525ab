"""What the command line prints: tables for people, JSON for programs. Judges nothing."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from scanner.errors import EngineError
from scanner.model import Gap, Host, Snapshot
from scanner.rule import Evidence, Family, Result, Rule, Severity, Verdict

SCHEMA = 1
_PLAIN_WIDTH = 120  # of a pipe or a file, which has no width of its own
_STYLES = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "blue",
}
_EVIDENCE_LIMIT = 160


def console() -> Console:
    screen = Console(highlight=False)
    return screen if screen.is_terminal else Console(highlight=False, width=_PLAIN_WIDTH)


def ordered(results: Iterable[Result]) -> list[Result]:
    """Always the same order for the same results."""
    return sorted(
        results, key=lambda r: (r.subject.kind, r.subject.name, r.subject.id, r.rule, r.sub_object)
    )


def scan_json(snapshot: Snapshot, results: Iterable[Result]) -> str:
    return _json(
        {
            "schema": SCHEMA,
            "host": _host(snapshot.host),
            "results": [_result(result) for result in ordered(results)],
            "gaps": [msgspec.structs.asdict(gap) for gap in snapshot.gaps],
        }
    )


def error_json(error: EngineError) -> str:
    found = {"kind": error.kind, "message": error.message, "advice": error.advice}
    return _json({"schema": SCHEMA, "error": found})


def problems_json(problems: Iterable[Any]) -> str:
    """What is wrong with a file, each with its line and column."""
    return _json({"schema": SCHEMA, "problems": [problem._asdict() for problem in problems]})


def rules_json(rules: Sequence[Rule[Any, Any]]) -> str:
    return _json({"schema": SCHEMA, "rules": [_rule(rule) for rule in rules]})


def _json(document: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(document)).decode()


def _host(host: Host) -> dict[str, Any]:
    """A fact that could not be read is null."""
    facts = {
        name: object.__getattribute__(host, name)
        for name in host.__struct_fields__
        if name != "unread"
    }
    return {name: None if value is msgspec.UNSET else value for name, value in facts.items()}


def _result(result: Result) -> dict[str, Any]:
    subject = result.subject
    found = {
        "rule": result.rule,
        "subject": {"kind": subject.kind, "name": subject.name, "id": subject.id},
        "sub_object": result.sub_object or None,
        "verdict": result.verdict.value,
        "severity": result.severity.value,
        "evidence": [msgspec.structs.asdict(evidence) for evidence in result.evidence],
    }
    return {**found, "reason": result.reason} if result.reason else found


def _rule(rule: Rule[Any, Any]) -> dict[str, Any]:
    return {
        "slug": rule.slug,
        "title": rule.title,
        "severity": rule.severity.value,
        "family": rule.family.value,
        "subject": rule.subject_kind,
        "report": [section.strip() for section in rule.report.split(",") if section],
        "cis": list(rule.cis),
    }


def rules_table(rules: Sequence[Rule[Any, Any]]) -> Table:
    table = Table(title="Rules", title_justify="left", box=None, pad_edge=False)
    for heading in ("Slug", "Severity", "Subject", "Report", "CIS", "Title"):
        table.add_column(heading, overflow="fold")
    for family in Family:
        within = [rule for rule in rules if rule.family is family]
        if within:
            table.add_section()
            table.add_row(Text(family.label, style="bold"))
        for rule in within:
            table.add_row(
                rule.slug,
                Text(rule.severity.value, style=_STYLES[rule.severity]),
                rule.subject_kind,
                rule.report,
                ", ".join(rule.cis),
                rule.title,
            )
    return table


def print_scan(
    screen: Console, snapshot: Snapshot, results: Sequence[Result], titles: dict[str, str]
) -> None:
    """Findings by severity, the worst first; then what is unknown, what was not read, the sums."""
    results = ordered(results)
    for severity in sorted(Severity, key=lambda s: -s.rank):
        fails = [r for r in results if r.verdict is Verdict.FAIL and r.severity is severity]
        if fails:
            screen.print(_findings(severity, fails, titles))
            screen.print()
    unknown = [r for r in results if r.verdict is Verdict.UNKNOWN]
    if unknown:
        screen.print(_unknown(unknown))
        screen.print()
    for gap in snapshot.gaps:
        screen.print(_gap(gap))
    counts = Counter(result.verdict for result in results)
    containers = len(snapshot.containers)
    screen.print(
        f"{containers} container{'s' if containers != 1 else ''}: "
        f"{counts[Verdict.FAIL]} fail, {counts[Verdict.PASS]} pass, "
        f"{counts[Verdict.UNKNOWN]} unknown, {counts[Verdict.NOT_APPLICABLE]} not applicable"
    )


def _findings(severity: Severity, fails: Sequence[Result], titles: dict[str, str]) -> Table:
    table = Table(
        title=f"{severity.value.upper()} ({len(fails)})",
        title_style=_STYLES[severity],
        title_justify="left",
        box=None,
        pad_edge=False,
        expand=True,
    )
    table.add_column("Subject", ratio=2, overflow="fold")
    table.add_column("Rule", no_wrap=True)
    table.add_column("What is wrong", ratio=3, overflow="fold")
    table.add_column("Evidence", ratio=4, overflow="fold")
    for result in fails:
        wrong = titles[result.rule] + (f": {result.sub_object}" if result.sub_object else "")
        table.add_row(
            _safe(result.subject.name),
            result.rule,
            _safe(wrong),
            _safe("; ".join(_evidence(evidence) for evidence in result.evidence)),
        )
    return table


def _unknown(results: Sequence[Result]) -> Table:
    table = Table(
        title=f"UNKNOWN ({len(results)})",
        title_justify="left",
        box=None,
        pad_edge=False,
        expand=True,
    )
    table.add_column("Subject", ratio=2, overflow="fold")
    table.add_column("Rule", no_wrap=True)
    table.add_column("Why", ratio=7, overflow="fold")
    for result in results:
        table.add_row(_safe(result.subject.name), result.rule, _safe(result.reason))
    return table


def _gap(gap: Gap) -> Text:
    return _safe(f"Not read: {gap.fact} of {gap.subject}: {gap.reason}")


def _evidence(evidence: Evidence) -> str:
    found = evidence.found
    text = found if isinstance(found, str) and found else msgspec.json.encode(found).decode()
    if len(text) > _EVIDENCE_LIMIT:
        text = text[:_EVIDENCE_LIMIT] + "…"
    return f"{evidence.fact}: {text}"


def _safe(text: str) -> Text:
    """What an engine sent may hold sequences that a terminal would obey."""
    return Text(
        "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    )
