"""The steps of a connection, as the ladder shows them."""

import socket
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeAlias, TypeVar

S = TypeVar("S", bound=socket.socket)

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


class Held(Generic[S]):
    """What a rung opened, kept for whoever goes on from there; opened only then without a rung."""

    def __init__(self, opens: Callable[[float], S]) -> None:
        self._opens = opens
        self._kept: S | None = None

    def hold(self, timeout: float) -> None:
        self._kept = self._opens(timeout)

    def take(self, timeout: float) -> S:
        kept, self._kept = self._kept, None
        return self._opens(timeout) if kept is None else kept

    def close(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None
