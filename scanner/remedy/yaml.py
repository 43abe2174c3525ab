"""Writes plain values as YAML, for people to read and copy."""

import json
import re
from collections.abc import Iterator
from typing import Any

_PLAIN = re.compile(r"[A-Za-z/_](?:[A-Za-z0-9_./:@=+-]*[A-Za-z0-9_./@=+-])?")
# What YAML 1.1 or 1.2 would read as something other than text.
_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def text(document: dict[str, Any]) -> str:
    return "\n".join(_lines(document, ""))


def _lines(value: dict[str, Any] | list[Any], indent: str) -> Iterator[str]:
    items = value.items() if isinstance(value, dict) else (("-", inner) for inner in value)
    for key, inner in items:
        head = indent + ("-" if key == "-" and isinstance(value, list) else f"{_scalar(key)}:")
        if not isinstance(inner, dict | list):
            yield f"{head} {_scalar(inner)}"
        elif not inner:
            yield f"{head} {{}}" if isinstance(inner, dict) else f"{head} []"
        elif isinstance(value, list):
            # A list's entry begins on the line of its dash.
            first, *rest = _lines(inner, indent + "  ")
            yield f"{head} {first.lstrip()}"
            yield from rest
        else:
            yield head
            yield from _lines(inner, indent + "  ")


def _scalar(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    quoted = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", quoted)
