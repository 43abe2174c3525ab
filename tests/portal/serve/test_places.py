import os
from pathlib import Path

import pytest

from portal.serve.places import LONGEST_SOCKET_DIRECTORY, Places
from portal.serve.refused import Refused


def test_sockets_are_beside_the_data():
    assert Places(Path("/srv/plimsoll")).sockets == Path("/srv/plimsoll/run")


def test_a_path_too_long_for_a_socket_has_a_short_one_of_its_own():
    first, second = (Places(Path("/", "long" * 30, name)) for name in ("a", "b"))
    assert len(os.fsencode(first.sockets)) <= LONGEST_SOCKET_DIRECTORY
    assert first.sockets != second.sockets
    assert first.sockets == Places(first.data).sockets


def test_a_socket_directory_that_is_somebody_elses_is_refused(tmp_path: Path):
    places = Places(tmp_path / "data")
    places.data.mkdir()
    (tmp_path / "theirs").mkdir()
    places.run.symlink_to(tmp_path / "theirs")
    with pytest.raises(Refused, match="belongs to somebody else"):
        places.create()


def test_a_data_directory_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match=r"PLIMSOLL_DATA_DIR=.*file/data cannot be used"):
        Places(tmp_path / "file" / "data").create()
