"""Secrets that a form was given, between one press of a button and the next.

A browser does not send a file twice, and a key that was made here must never be shown; so they
wait in the session, encrypted, for an hour, under a number that the form carries.
"""

import secrets as random
import zlib
from base64 import b64decode, b64encode
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.contrib.sessions.backends.base import SessionBase

from portal.core import secrets

LIFE = timedelta(hours=1)
AT_MOST = 4
"""Forms of one session, the latest ones: each may be as large as a key and two certificates."""
_NAME = "held_secrets"


def take(session: SessionBase, number: str, *, now: datetime) -> dict[str, str]:
    """What waits under this number; nothing where it is unknown, too old or undecipherable."""
    token = _fresh(session, now).get(number, [0, ""])[1]
    try:
        packed = secrets.decrypt(token, what="What this form was given")
        return msgspec.json.decode(zlib.decompress(b64decode(packed)), type=dict[str, str])
    except (secrets.Undecipherable, ValueError, zlib.error, msgspec.MsgspecError):
        return {}


def keep(session: SessionBase, number: str, values: dict[str, str], *, now: datetime) -> str:
    """Puts them under the number, or under a new one where there is none yet; returns it."""
    held = _fresh(session, now)
    number = number if number in held else random.token_urlsafe(12)
    packed = b64encode(zlib.compress(msgspec.json.encode(values))).decode()
    held[number] = [now.timestamp(), secrets.encrypt(packed)]
    latest = sorted(held, key=lambda name: float(held[name][0]))[-AT_MOST:]
    session[_NAME] = {name: held[name] for name in latest}
    return number


def forget(session: SessionBase, number: str, *, now: datetime) -> None:
    held = _fresh(session, now)
    if held.pop(number, None):
        session[_NAME] = held


def _fresh(session: SessionBase, now: datetime) -> dict[str, list[Any]]:
    oldest = (now - LIFE).timestamp()
    return {name: kept for name, kept in session.get(_NAME, {}).items() if kept[0] >= oldest}
