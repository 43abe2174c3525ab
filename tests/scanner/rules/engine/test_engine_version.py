from datetime import timedelta

import pytest
from msgspec.structs import replace

from scanner import lifecycles
from scanner.model import Unread
from scanner.rules.engine.engine_version import OLD_DAYS, Parameters, check
from tests.recorded import host
from tests.scanner.rules.engine.hosts import PODMAN, fails, lacking, passes, seen

CHECKED = lifecycles.CHECKED
SOON = CHECKED + timedelta(days=30)


def judged(version, on=SOON, parameters=None, engine="docker"):
    known = replace(host(), version=version, engine=engine)
    taken_at = f"{on}T02:00:00+00:00"
    return seen(check, known, parameters or Parameters(), taken_at=taken_at)


@pytest.mark.parametrize("version", ["20.10.24+dfsg1", "19.03.15", "26.1.5", "27.5.1", "28.5.2"])
def test_releases_past_their_end_fail_with_date_and_source(version):
    [flaw] = judged(version)
    assert flaw.evidence[1].found < str(SOON)
    assert "https://" in flaw.evidence[1].wanted


@pytest.mark.parametrize("version", ["17.09.1-ce", "18.06.3-ce", "1.13.1", "22.06.0"])
def test_whatever_is_older_than_all_that_is_named_fails(version):
    assert fails(judged(version))


def test_a_release_that_waits_for_the_next_passes():
    [shown] = judged("29.7.2")
    assert shown.evidence[1].found == "the next release"


def test_the_last_day_passes_and_the_day_after_fails():
    end = lifecycles.lifecycle("docker", "25.0.17").ended
    assert passes(judged("25.0.17", end))
    assert fails(judged("25.0.17", end + timedelta(days=1)))


def test_the_evidence_is_the_same_every_day():
    [first] = judged("20.10.24", SOON)
    [second] = judged("20.10.24", SOON + timedelta(days=1))
    assert first == second


@pytest.mark.parametrize(
    "version", ["30.0.0", "31.1", "dev", "", "master-dockerproject-2021-01-01"]
)
def test_a_release_that_the_table_does_not_know_is_unknown(version):
    with pytest.raises(Unread, match="nothing is known"):
        judged(version)


def test_an_old_table_vouches_for_nothing_but_still_condemns():
    later = CHECKED + timedelta(days=OLD_DAYS + 1)
    with pytest.raises(Unread, match="update Plimsoll"):
        judged("29.7.2", later)
    with pytest.raises(Unread, match="update Plimsoll"):
        judged("30.0.0", later)
    assert fails(judged("20.10.24", later))
    assert passes(judged("29.7.2", CHECKED + timedelta(days=OLD_DAYS)))


def test_what_somebody_else_maintains_may_be_said_in_the_policy():
    assert passes(judged("20.10.24+dfsg1", parameters=Parameters(("20.10",))))
    assert fails(judged("20.10.24+dfsg1", parameters=Parameters(("20.1",))))


def test_podman_has_a_table_of_its_own():
    assert fails(judged("4.3.1", engine="podman"))
    assert passes(judged("6.1.0", engine="podman"))
    with pytest.raises(Unread, match="nothing is known"):
        judged("2.0.0", engine="podman")


def test_time_and_version_must_be_known():
    with pytest.raises(Unread, match="time"):
        seen(check, host(), Parameters())
    with pytest.raises(Unread, match="Version"):
        seen(check, lacking("version"), Parameters(), taken_at=f"{SOON}T02:00:00+00:00")
    with pytest.raises(Unread):
        seen(check, replace(PODMAN, version="?"), Parameters(), taken_at=f"{SOON}T02:00:00+00:00")
