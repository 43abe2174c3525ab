"""Other releases of Docker are what they are called, or it is said what to do."""

from pathlib import Path

import pytest

from tests.support import releases
from tests.support.releases import ReleaseFailed


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def unpacked(place: Path, said: str) -> Path:
    """What a release's packages hold, as far as is looked at."""
    program = place / "bin" / "dockerd"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho '{said}'\n")
    program.chmod(0o755)
    return place


def test_a_release_that_is_not_there_says_how_to_get_it(cache: Path):
    with pytest.raises(ReleaseFailed, match=r"26\.1 missing: run scripts/install-test-packages"):
        releases.directory("26.1")
    (cache / "plimsoll-tests" / "docker" / "26.1" / "bin").mkdir(parents=True)
    assert releases.directory("26.1").is_dir()


def test_a_release_that_nobody_knows_is_refused(cache: Path):
    with pytest.raises(ReleaseFailed, match=r"no release 1\.13"):
        releases.directory("1.13")


@pytest.mark.parametrize(
    ("name", "said"),
    [("26.1", "26.1.5+dfsg1, build 1"), ("28.5", "28.5.2, build 1"), ("28.5", "29.0.1, build 1")],
)
def test_what_was_unpacked_is_that_release_or_newer_where_its_suite_moves(
    tmp_path: Path, name: str, said: str
):
    releases._check(name, unpacked(tmp_path, f"Docker version {said}"))


@pytest.mark.parametrize(
    ("name", "said", "message"),
    [
        ("26.1", "27.5.1, build 1", "26.1 is wanted, but trixie has 27.5"),
        ("28.5", "28.4.0, build 1", "28.5 or newer is wanted, but forky has 28.4"),
    ],
)
def test_another_release_is_refused_by_name(tmp_path: Path, name: str, said: str, message: str):
    with pytest.raises(ReleaseFailed, match=message):
        releases._check(name, unpacked(tmp_path, f"Docker version {said}"))
