"""What must not be readable from the database: encrypted under PLIMSOLL_CREDENTIAL_KEYS.

The first key encrypts, every key decrypts. So a key is changed by putting a new one in front,
running `manage.py rotate_credentials`, and only then taking the old one away.
"""

from typing import NamedTuple

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from portal.core.errors import DomainError

HOW = (
    "Each key is 32 random bytes in URL-safe base64, separated by commas. This makes one: "
    "python -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())'"
)


class Rotation(NamedTuple):
    """What became of what is kept: `anew` was encrypted again, `current` was under the first key
    already, and `lost` names what no key decrypts, which stays as it is."""

    anew: int
    current: int
    lost: list[str]

    def __add__(self, other: object) -> "Rotation":
        if not isinstance(other, Rotation):
            return NotImplemented
        return Rotation(
            self.anew + other.anew, self.current + other.current, self.lost + other.lost
        )


class Undecipherable(DomainError):
    """It was encrypted with a key that is no longer in the list, or it is damaged."""

    title = "This cannot be decrypted"
    status = 500

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} cannot be decrypted: none of the keys in PLIMSOLL_CREDENTIAL_KEYS fits. "
            "Put back the key that was taken away, or set it anew."
        )


def problem() -> str:
    """What is wrong with the keys of the settings; "" where they can be used."""
    if not settings.CREDENTIAL_KEYS:
        return f"PLIMSOLL_CREDENTIAL_KEYS is not set. {HOW}"
    for number, key in enumerate(settings.CREDENTIAL_KEYS, start=1):
        try:
            Fernet(key)
        except ValueError:
            return f"Key {number} in PLIMSOLL_CREDENTIAL_KEYS is no key. {HOW}"
    return ""


@checks.register
def check_keys(**_: object) -> list[checks.CheckMessage]:
    """Without any key, commands that need none still run; serving wants one, see bootstrap."""
    wrong = problem() if settings.CREDENTIAL_KEYS else ""
    return [checks.Error(wrong, id="plimsoll.E001")] if wrong else []


def encrypt(text: str) -> str:
    return _keys().encrypt(text.encode()).decode()


def decrypt(token: str, *, what: str) -> str:
    """`what` names it in the Undecipherable that is raised where no key fits."""
    try:
        return _keys().decrypt(token).decode()
    except (InvalidToken, ValueError) as error:
        raise Undecipherable(what) from error


def rotated(token: str, *, what: str) -> str | None:
    """The same under the first key; None where it is already. Raises Undecipherable."""
    try:
        Fernet(_list()[0]).decrypt(token)
    except (InvalidToken, ValueError):
        return encrypt(decrypt(token, what=what))
    return None


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in _list()])


def _list() -> list[str]:
    if wrong := problem():
        raise ImproperlyConfigured(wrong)
    return list(settings.CREDENTIAL_KEYS)
