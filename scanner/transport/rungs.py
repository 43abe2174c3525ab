"""The steps of a connection, as the ladder shows them."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

Act: TypeAlias = Callable[[float], object]
"""Takes a step within so many seconds. Raises EngineError."""


class Rung(NamedTuple):
    """Later steps go on from where `act` led. Rungs without one are further parts of the step
    before them: an error counts as that of the part that has its kind in `kinds`, and else as that
    of the part that names none."""

    text: str
    act: Act | None = None
    kinds: frozenset[str] = frozenset()
    spares: type[Exception] | None = None
    """After these errors a scan would have to do without, but there could be one."""
