import base64
import os
from pathlib import Path

import pytest

from portal import environment
from portal.serve import keys
from portal.serve.refused import Refused


@pytest.fixture
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLIMSOLL_CREDENTIAL_KEYS")


def test_a_key_is_made_once_and_kept_private(tmp_path: Path, no_keys: None):
    assert environment.credential_keys(tmp_path) == []
    file = tmp_path / "credential_keys"
    keys.prepare(file)
    [made] = environment.credential_keys(tmp_path)
    assert len(base64.urlsafe_b64decode(made)) == 32
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.stat().st_uid == os.getuid()
    keys.prepare(file)
    assert environment.credential_keys(tmp_path) == [made]
    assert list(tmp_path.iterdir()) == [file]


def test_several_keys_may_stand_in_the_file(tmp_path: Path, no_keys: None):
    (tmp_path / "credential_keys").write_text("new\nold,older\n")
    assert environment.credential_keys(tmp_path) == ["new", "old", "older"]


def test_the_environment_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    keys.prepare(tmp_path / "credential_keys")
    monkeypatch.setenv("PLIMSOLL_CREDENTIAL_KEYS", "one, two")
    assert environment.credential_keys(tmp_path) == ["one", "two"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path):
    with pytest.raises(Refused, match="credential_keys cannot be written"):
        keys.prepare(tmp_path / "nowhere" / "credential_keys")
