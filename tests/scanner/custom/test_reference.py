"""What the document says of the language is what the code takes."""

import pytest

from scanner.custom import build, check, definition, document, expression, pattern, syntax, values
from tests.architecture import custom_language
from tests.scanner.custom import DOCUMENT

TEXT = DOCUMENT.read_text()


@pytest.mark.parametrize("part", ["functions", "names", "model"])
def test_the_tables_are_those_of_the_code(part: str) -> None:
    table = getattr(custom_language, part)()
    assert len(table.splitlines()) > 5
    assert table in TEXT, "run: make documents"


@pytest.mark.parametrize(
    "said",
    [
        f"| a rule | {definition.MOST_CHARACTERS:,} characters, "
        f"nested {document.MOST_DEPTH} deep |",
        f"| rules in one file, and in force | {definition.MOST_RULES} |",
        f"| parameters | {definition.MOST_PARAMETERS} |",
        f"| an expression | {syntax.MOST_CHARACTERS:,} characters, "
        f"nested {syntax.MOST_DEPTH} deep |",
        f"| macros in an expression | {check.MOST_LOOPS}, "
        f"at most {check.MOST_LOOPS_WITHIN} within each other |",
        f"| texts joined with `+` | {check.MOST_JOINS} times,",
        f"| a pattern | a literal of at most {pattern.MOST_CHARACTERS} characters, "
        f"compiled within {pattern.MOST_MICROSECONDS // 1000} ms;",
        f"{values.MOST_VALUES:,} values, none longer than {values.MOST_TEXT:,} characters |",
        f"| items of `for_each` | {build.MOST_ITEMS} |",
        f"| time for one subject | {expression.MOST_MICROSECONDS // 1000} ms,",
    ],
)
def test_the_limits_are_those_of_the_code(said: str) -> None:
    assert said in TEXT


def test_every_key_is_explained_and_no_other() -> None:
    rows = TEXT.partition("## The keys")[2].partition("\n## ")[0].splitlines()
    said = [name for row in rows if row.startswith("| `") for name in row.split("|")[1].split("`")]
    named = {name for name in said if name.strip(" ,")}
    assert named == set(definition.KEYS)
