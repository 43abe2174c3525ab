"""Why a start cannot go on, in words for the person who typed the command."""


class Refused(Exception):
    """Its text is shown as it is, without a traceback."""
