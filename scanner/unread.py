"""A fact that nobody saw: reading it raises, so that no rule can pass on it by mistake."""


class Unread(Exception):
    """A fact was asked for that could not be read. `fact` is its name at the source."""

    def __init__(self, fact: str, reason: str) -> None:
        super().__init__(f"{fact}: {reason}")
        self.fact = fact
        self.reason = reason
