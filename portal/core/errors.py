"""What a use case may refuse, in words that a page or a command can show to people."""


class DomainError(Exception):
    """A use case refused. The message is one or two plain sentences for the person who asked."""

    title = "That is not possible"
    status = 400


class NotAllowed(DomainError):
    """The person may see the thing but not do this with it."""

    title = "You are not allowed to do that"
    status = 403


class NotFound(DomainError):
    """The thing does not exist, or the person may not know that it does."""

    title = "This page does not exist"
    status = 404


class Conflict(DomainError):
    """Somebody or something was faster; the message says what the state is now."""

    title = "This has changed in the meantime"
    status = 409
