"""What a regular expression costs before it has looked at any text. Pure.

The CEL library compiles a pattern anew each time it is used. Its engine takes time in proportion
to pattern and text, whatever they are, but classes of the whole of Unicode and counted repetition
make a short pattern a large program.
"""

import re

from scanner.custom.problem import Wrong

MOST_CHARACTERS = 200
MOST_MICROSECONDS = 3_000

_BASE = 10.0
_COSTS = {"w": 320.0, "p": 320.0, "b": 80.0, "d": 25.0, "s": 5.0}
_COUNT = re.compile(r"\{(\d{1,6})(?:,(\d{0,6}))?\}")


def cost(pattern: str) -> float:
    """Microseconds to compile it, as measured and rounded up; raises Wrong where that is too
    much."""
    if len(pattern) > MOST_CHARACTERS:
        raise Wrong(f"the pattern has {len(pattern)} characters; at most {MOST_CHARACTERS} are run")
    factor = 4.0 if re.search(r"\(\?[a-zA-Z]*i", pattern) else 1.0
    found = _BASE + factor * _parts(pattern)
    if found > MOST_MICROSECONDS:
        raise Wrong(
            "the pattern is too large: write [a-z0-9_] for \\w and [0-9] for \\d, and count less"
        )
    return found


def _parts(pattern: str) -> float:
    groups: list[float] = [0.0]
    last, at = 0.0, 0
    while at < len(pattern):
        character = pattern[at]
        count = _COUNT.match(pattern, at)
        at += 1
        if count:
            times = max(int(count[1]), int(count[2] or 0))
            groups[-1] += last * max(times - 1, 0)
            last *= max(times, 1)
            at = count.end()
        elif character == "(":
            groups.append(0.0)
        elif character == ")" and len(groups) > 1:
            last = groups.pop()
            groups[-1] += last
        else:
            last = 1.0
            if character == "\\" and at < len(pattern):
                last = _COSTS.get(pattern[at].lower(), 1.0)
                at += 1
            elif character in ".[":
                last = 5.0
            groups[-1] += last
    return sum(groups)
