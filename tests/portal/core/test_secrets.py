"""What is kept encrypted: with which keys, how they are changed, and what is said without them."""

import base64
import os

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django.fixtures import Settings

from portal.core import secrets


def key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def test_what_is_encrypted_says_nothing_and_comes_back():
    token = secrets.encrypt("väry secret")
    assert "secret" not in token
    assert token != secrets.encrypt("väry secret")
    assert secrets.decrypt(token, what="It") == "väry secret"


def test_the_first_key_encrypts_and_every_key_decrypts(settings: Settings):
    old, new = key(), key()
    settings.CREDENTIAL_KEYS = [old]
    token = secrets.encrypt("text")
    settings.CREDENTIAL_KEYS = [new, old]
    assert secrets.decrypt(token, what="It") == "text"
    rotated = secrets.rotated(token, what="It")
    assert rotated is not None
    assert secrets.rotated(rotated, what="It") is None
    settings.CREDENTIAL_KEYS = [new]
    assert secrets.decrypt(rotated, what="It") == "text"
    with pytest.raises(secrets.Undecipherable, match="It cannot be decrypted: none of the keys"):
        secrets.decrypt(token, what="It")
    with pytest.raises(secrets.Undecipherable):
        secrets.rotated(token, what="It")


@pytest.mark.parametrize("token", ["", "x", "gAAAAA", "\x00", "ä"])
def test_what_is_no_token_is_undecipherable(token: str):
    with pytest.raises(secrets.Undecipherable):
        secrets.decrypt(token, what="It")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ([], "PLIMSOLL_CREDENTIAL_KEYS is not set. Each key is 32 random bytes"),
        (["short"], "Key 1 in PLIMSOLL_CREDENTIAL_KEYS is no key."),
        ([key(), "x" * 44], "Key 2 in PLIMSOLL_CREDENTIAL_KEYS is no key."),
        (["ä" * 44], "Key 1 in PLIMSOLL_CREDENTIAL_KEYS is no key."),
    ],
)
def test_a_missing_or_malformed_key_is_said(settings: Settings, keys: list[str], said: str):
    settings.CREDENTIAL_KEYS = keys
    assert said in secrets.problem()
    assert not any(given in secrets.problem() for given in keys)
    assert [found.msg for found in secrets.check_keys()] == [secrets.problem()] * bool(keys)
    with pytest.raises(ImproperlyConfigured, match="PLIMSOLL_CREDENTIAL_KEYS"):
        secrets.encrypt("text")


def test_good_keys_are_no_complaint(settings: Settings):
    settings.CREDENTIAL_KEYS = [key(), key()]
    assert secrets.check_keys() == []


def test_what_rotations_found_adds_up():
    both = secrets.Rotation(1, 2, ["a"]) + secrets.Rotation(3, 4, ["b"])
    assert both == secrets.Rotation(4, 6, ["a", "b"])
