"""The parts of documents that are made from the code: `make documents` writes them.

A part stands between `<!-- generated: name -->` and `<!-- end -->`.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from scanner import calls
from scanner.errors import KINDS
from scanner.rule import Family
from scanner.rules import RULES
from tests.architecture import custom_language

DOCS = Path(__file__).resolve().parents[2] / "docs"
PART = re.compile(r"(<!-- generated: ([a-z-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
SUBJECTS = {
    "container": "Containers",
    "image": "Images",
    "network": "Networks",
    "host": "The engine and its host",
}

# The report's part 1 and 2.1, by section.
SECTIONS = {
    "1.1(1)": "AppArmor",
    "1.1(2)": "SELinux",
    "1.1(3)": "Capabilities and privileges",
    "1.1(4)": "System calls",
    "1.1(5)": "Limits of the user",
    "1.1(6)": "Namespaces",
    "1.2(1)": "Memory",
    "1.2(2)": "CPU",
    "1.2(3)": "Storage and the file system",
    "1.3(1)": "The host's network",
    "1.3(2)": "Networks of containers",
    "1.3(3)": "Ports",
    "1.3(4)": "Remote login",
    "1.4(1)": "Restarts",
    "1.4(2)": "Users",
    "1.4(3)": "Health checks",
    "1.4(4)": "The least that is needed",
}


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), ["---"] * len(list(head)), *map(list, rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def call_list() -> str:
    return table(
        ("Call", "What is read by it"),
        ((f"`GET {call.target}`", call.why) for call in calls.CALLS),
    )


def rule_list() -> str:
    found = []
    for family in Family:
        rows = [
            (
                f"`{rule.slug}`",
                rule.title,
                rule.severity.value,
                SUBJECTS[rule.subject_kind],
                rule.report or "-",
                ", ".join(rule.cis) or "-",
            )
            for rule in RULES
            if rule.family is family
        ]
        head = ("Rule", "What is wrong", "Severity", "Judged", "Report", "CIS")
        found.append(f"### {family.label}\n\n{table(head, rows)}")
    return "\n".join(found)


def section_list() -> str:
    def answering(section: str) -> str:
        rules = [rule for rule in RULES if section in rule.report.split(", ")]
        return ", ".join(f"`{rule.slug}`" for rule in rules)

    return table(
        ("Section", "About", "Answered by"),
        ((section, about, answering(section)) for section, about in SECTIONS.items()),
    )


def control_list() -> str:
    by_number: dict[str, list[str]] = {}
    for rule in RULES:
        for number in rule.cis:
            by_number.setdefault(number, []).append(f"`{rule.slug}`")
    numbers = sorted(by_number, key=lambda number: [int(part) for part in number.split(".")])
    return table(("Control", "Answered by"), ((n, ", ".join(by_number[n])) for n in numbers))


def kind_list() -> str:
    return table(("Word", "Meaning"), ((f"`{kind}`", said) for kind, said in KINDS.items()))


PARTS: dict[str, Callable[[], str]] = {
    "calls": call_list,
    "kinds": kind_list,
    "rules": rule_list,
    "sections": section_list,
    "controls": control_list,
    "custom-functions": custom_language.functions,
    "custom-names": custom_language.names,
    "custom-model": custom_language.model,
}


def generated(text: str) -> str:
    """The document with every part as the code has it now."""
    return PART.sub(lambda found: f"{found[1]}\n{PARTS[found[2]]()}\n{found[4]}", text)


def documents() -> list[Path]:
    return [path for path in sorted(DOCS.rglob("*.md")) if PART.search(path.read_text())]


if __name__ == "__main__":
    for path in documents():
        path.write_text(generated(path.read_text()))
