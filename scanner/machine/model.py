"""What was read of a machine: immutable values in our own words. No I/O."""

import msgspec


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """The machine on which the engine runs."""
