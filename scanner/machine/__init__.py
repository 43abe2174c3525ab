"""The machine under an engine: what only files and the kernel tell, read over a connection.

Nothing but fixed, reading commands is ever run there.
"""

from scanner.machine.model import Machine

__all__ = ["Machine"]
