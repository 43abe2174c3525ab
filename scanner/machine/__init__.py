"""The machine under an engine: what only files and the kernel tell, read over a connection.

Nothing but fixed, reading commands is ever run there: `COMMANDS`.
"""

from scanner.machine.commands import COMMANDS
from scanner.machine.model import AuditRules, Daemon, File, FileSystem, Group, Machine, Option
from scanner.machine.reading import Shell, read

__all__ = [
    "COMMANDS",
    "AuditRules",
    "Daemon",
    "File",
    "FileSystem",
    "Group",
    "Machine",
    "Option",
    "Shell",
    "read",
]
