"""What somebody may have meant who wrote a name that is none."""

import difflib
from collections.abc import Iterable


def suggestion(wrong: str, names: Iterable[str], *, cutoff: float = 0.5) -> str:
    """ "did you mean privileged?", or "" where nothing is near; `cutoff` as in difflib."""
    near = difflib.get_close_matches(wrong[:100], list(names), n=1, cutoff=cutoff)
    return f"did you mean {near[0]}?" if near else ""
