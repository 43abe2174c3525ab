import pytest
from msgspec import UNSET

from scanner.model import Unread
from scanner.rules.images.image_age import Parameters, check
from tests.recorded import context, image

DEFAULT = Parameters()


def judged(created, taken_at="2026-11-25T02:00:00+00:00", parameters=DEFAULT):
    found = check(image("right", created=created), context(taken_at=taken_at), parameters)
    return [flaw.evidence[0] for flaw in found]


def test_older_than_the_policy_allows_fails_and_tells_the_date_not_the_age():
    [evidence] = judged("2026-05-01T10:11:12.123456789Z")
    assert (evidence.found, evidence.wanted) == ("2026-05-01", "at most 180 days before a scan")
    assert judged("2026-05-01T10:11:12Z", "2026-12-24T02:00:00+00:00") == [evidence]


def test_the_last_day_passes():
    assert judged("2026-05-29T03:00:00Z") == []
    assert judged("2026-05-28T01:00:00+02:00") != []
    assert judged("2026-11-26T00:00:00Z") == []


def test_a_policy_sets_the_days():
    assert judged("2026-11-01T00:00:00Z", parameters=Parameters(days=7))


@pytest.mark.parametrize(
    "created", ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1980-01-01T00:00:01Z"]
)
def test_a_date_that_means_nothing_is_unknown(created):
    with pytest.raises(Unread, match="no true date"):
        judged(created)


@pytest.mark.parametrize("created", ["", "yesterday", UNSET])
def test_no_date_is_unknown(created):
    with pytest.raises(Unread):
        judged(created)


def test_without_the_time_of_the_scan_it_is_unknown():
    with pytest.raises(Unread):
        judged("2026-05-01T10:11:12Z", "")
