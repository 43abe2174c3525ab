import re
from datetime import date

import pytest

from scanner.lifecycles import CHECKED, LIFECYCLES, lifecycle, release


def test_every_row_has_a_date_or_waits_for_the_next_release_and_names_its_source():
    for row in LIFECYCLES:
        assert row.source.startswith(("https://github.com/moby/moby/", "https://endoflife.date/"))
        assert re.fullmatch(r"\d+(\.\d+)?", row.release)
        assert row.ended is None or date(2019, 1, 1) < row.ended < date(2030, 1, 1)


def test_only_the_newest_of_each_engine_waits_for_the_next():
    for engine in ("docker", "podman"):
        *older, newest = [row for row in LIFECYCLES if row.engine == engine]
        assert newest.ended is None
        assert all(row.ended for row in older)


def test_the_releases_of_the_last_years_are_all_there():
    known = {row.release for row in LIFECYCLES if row.engine == "docker"}
    assert known >= {"19.03", "20.10", "23.0", "24.0", "25.0", "26.0", "26.1", "27", "28", "29"}
    assert date(2026, 8, 23) <= CHECKED


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("20.10.24+dfsg1", (20, 10)),
        ("19.03.15", (19, 3)),
        ("26.1", (26, 1)),
        ("17.09.1-ce", (17, 9)),
        ("6.1.0-dev", (6, 1)),
        ("dev", None),
        ("", None),
        ("20", None),
        ("99999.1", None),
        ("v28.1.0", None),
    ],
)
def test_a_release_is_what_the_version_begins_with(version, expected):
    assert release(version) == expected


def test_from_27_on_a_release_is_all_of_a_major_version():
    assert lifecycle("docker", "28.0.1") == lifecycle("docker", "28.5.2")
    assert lifecycle("docker", "26.0.1") != lifecycle("docker", "26.1.1")
    assert lifecycle("docker", "19.03.1").release == "19.03"
