"""Sizes and durations as docker run and Compose both read them."""

_SIZES = ((1024**3, "g"), (1024**2, "m"), (1024, "k"))
_DURATIONS = ((3_600_000_000_000, "h"), (60_000_000_000, "m"), (1_000_000_000, "s"))


def size(value: int) -> str:
    """ "512m" for 536870912; "" for no limit."""
    if value <= 0:
        return ""
    for factor, unit in _SIZES:
        if value % factor == 0:
            return f"{value // factor}{unit}"
    return f"{value}b"


def duration(nanoseconds: int) -> str:
    """ "90s" for 90 seconds, as nanoseconds."""
    for factor, unit in _DURATIONS:
        if nanoseconds % factor == 0:
            return f"{nanoseconds // factor}{unit}"
    return f"{nanoseconds // 1_000_000}ms" if nanoseconds % 1_000_000 == 0 else f"{nanoseconds}ns"
