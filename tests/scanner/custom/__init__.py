"""Custom rules of docs/custom-rules.md and of the tests."""

import re
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "custom-rules.md"

PLAIN = """\
slug: custom-example
title: An example
subject: container
severity: low
why: It is one.
fix: Nothing.
"""


def examples() -> dict[str, str]:
    """The text of each worked example, by its slug."""
    texts = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    return {re.match(r"slug: (\S+)", text)[1]: text for text in texts}  # type: ignore[index]


def ruled(decides: str, **keys: str) -> str:
    """A rule's text with this expression, and other keys where given."""
    more = "".join(f"{key}: {value}\n" for key, value in keys.items())
    text = "".join(
        line for line in PLAIN.splitlines(keepends=True) if line.partition(":")[0] not in keys
    )
    body = "".join(f"  {line}\n" for line in decides.split("\n"))
    return f"{text}{more}fails_when: |-\n{body}"
