"""What was asked of a host, as a record of it."""

import msgspec


class Call(msgspec.Struct, frozen=True):
    """One thing that was asked of a host. `method` is "GET", or "RUN" for a command over SSH, which
    is then the `path`. `status` is HTTP's or the command's, and 0 for a call without an answer.
    `bytes` is the answer's size, `at` the time in seconds since 1970."""

    method: str
    path: str
    status: int
    milliseconds: int
    bytes: int
    at: float
