"""What an image's history says of the Dockerfile that made it. Pure.

The old builder writes `/bin/sh -c #(nop) ADD file:... in /` and `|1 NAME=value /bin/sh -c ...`,
BuildKit `ADD app.conf /etc/ # buildkit` and `RUN |1 NAME=value /bin/sh -c ... # buildkit`, other
builders the instruction alone or a text of their own.
"""

import re

from scanner import redact
from scanner.model import EnvironmentName, Layer

LIMIT = 16384  # characters of one instruction that are read; scripts of several thousand are usual

_KEYWORDS = {
    *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL"),
    *("MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
}
_WITH_VALUES = {"ARG", "ENV", "LABEL"}
_SHELL = r"\S{0,99}?(?:sh|cmd|cmd\.exe|powershell|powershell\.exe)(?: +(?:[-+/]\S+|pipefail)){1,9}"
_NO_OPERATION = re.compile(rf"{_SHELL} +#\(nop\) +([A-Z]+)\b *(.*)", re.DOTALL)
_INSTRUCTION = re.compile(r"([A-Z]+)\b *(.*)", re.DOTALL)
_BUILT_WITH = re.compile(r"\|(\d{1,3}) ")
_BY_SHELL = re.compile(rf"{_SHELL} +(.*)", re.DOTALL)
_ASSIGNED = re.compile(r"(?:^|\s)([A-Za-z_][\w./-]*)=", re.ASCII)


def layer(created_by: str | None, size: int = 0) -> Layer:
    """`created_by` is the engine's CreatedBy, None where it is missing. Credentials are found, and
    hidden, in all of it that is kept."""
    if created_by is None:
        return Layer("", "", size, truncated=True)
    truncated = len(created_by) > LIMIT or created_by.endswith("…")
    keyword, text = _parted(created_by[:LIMIT].strip())
    if keyword in _WITH_VALUES:
        pairs = _pairs(text)
        names = ", ".join(name for name, _ in pairs) or text.partition(" ")[0]
        return Layer(keyword, names, size, truncated, _suspected(pairs))
    found: list[EnvironmentName] = []
    if keyword in {"RUN", ""}:
        built_with, text, certain = _script(text)
        found += _suspected(built_with)
        if found and not certain:  # where the value ends and the command begins nobody can tell
            return Layer(keyword, redact.HIDDEN, size, True, tuple(found))
    if why := redact.credential_in(text):
        found.append(EnvironmentName("", why))
    return Layer(keyword, redact.script(text), size, truncated, tuple(found))


def _parted(text: str) -> tuple[str, str]:
    """Keyword and the rest; the old builder leaves the word RUN out."""
    if (old := _NO_OPERATION.match(text)) and old[1] in _KEYWORDS:
        return old[1], old[2].strip()
    if (new := _INSTRUCTION.match(text)) and new[1] in _KEYWORDS:
        return new[1], new[2].removesuffix("# buildkit").strip()
    return ("RUN" if _BUILT_WITH.match(text) or _BY_SHELL.match(text) else ""), text


def _script(text: str) -> tuple[list[tuple[str, str]], str, bool]:
    """Variables of the build with their values, the commands, and whether it is certain where the
    one ends and the other begins: values stand there without quotation marks."""
    pairs: list[tuple[str, str]] = []
    certain = True
    if counted := _BUILT_WITH.match(text):
        number, text = int(counted[1]), text[counted.end() :]
        if starts := list(_ASSIGNED.finditer(text))[:number]:
            last = starts[-1]
            rest = text[last.end() :]
            shell = re.search(rf"(?:^|\s)(?={_SHELL} )", rest)
            certain = shell is not None
            value = rest[: shell.start()] if shell else rest.partition(" ")[0]
            pairs = [*_pairs(text[: last.start()]), (last[1], value)]
            text = rest[len(value) :].strip()
    if by_shell := _BY_SHELL.match(text):
        text = by_shell[1]
    return pairs, text, certain


def _pairs(text: str) -> list[tuple[str, str]]:
    starts = list(_ASSIGNED.finditer(text))
    ends = [start.start() for start in starts[1:]] + [len(text)]
    return [(start[1], text[start.end() : end]) for start, end in zip(starts, ends, strict=False)]


def _suspected(pairs: list[tuple[str, str]]) -> tuple[EnvironmentName, ...]:
    found = ((name[:300], redact.suspicion(name, value)) for name, value in pairs)
    return tuple(EnvironmentName(name, why) for name, why in found if why)
