"""What documents say of the code in tables is what the code says."""

from pathlib import Path

import pytest

from scanner.rules import RULES
from tests.architecture.generated import DOCS, PART, PARTS, SECTIONS, documents, generated


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(DOCS)))
def test_generated_parts_are_up_to_date(path: Path):
    assert path.read_text() == generated(path.read_text()), "run: make documents"


def test_every_part_is_in_some_document():
    named = {found[2] for path in documents() for found in PART.finditer(path.read_text())}
    assert named == set(PARTS)


def test_every_section_of_the_report_is_answered_by_a_rule():
    told = {section for rule in RULES for section in rule.report.split(", ")}
    assert set(SECTIONS) <= told
