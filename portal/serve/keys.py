"""The key that credentials are encrypted with, where the environment names none."""

import base64
import os
from pathlib import Path

from portal.serve.refused import Refused


def prepare(file: Path) -> None:
    """Makes it once, readable by its owner only; one that is there is never replaced, for nothing
    else can read what it encrypted."""
    if file.exists():
        return
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(base64.urlsafe_b64encode(os.urandom(32)) + b"\n")
            opened.flush()
            os.fsync(opened.fileno())
        draft.rename(file)
    except OSError as error:
        raise Refused(f"{file} cannot be written: {error}.") from error
