"""The words for what went wrong stand in one list, and each of them is used."""

import ast
from collections.abc import Iterator
from pathlib import Path

from scanner.errors import KINDS

SCANNER = Path(__file__).resolve().parents[2] / "scanner"
ERRORS = {"EngineError", "AnswerError", "GoneError", "SshKeyError", "Unfinished"}


def raised() -> Iterator[tuple[str, str]]:
    """The kind and the place of every error that the scanner makes."""
    for path in sorted(SCANNER.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                if node.func.id not in ERRORS:
                    continue
                kind = node.args[0]
                assert isinstance(kind, ast.Constant), f"{path}:{node.lineno} names no kind"
                yield str(kind.value), f"{path}:{node.lineno}"


def test_every_error_has_a_kind_of_the_list():
    for kind, place in raised():
        assert kind in KINDS, place


def test_every_kind_of_the_list_is_used():
    assert set(KINDS) == {kind for kind, _ in raised()}


def test_kinds_are_told_in_a_sentence():
    for told in KINDS.values():
        assert told[0].isupper()
        assert told.endswith(".")
