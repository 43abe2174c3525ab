"""The ledger: one row for each reading of a host, every call in it, bounded by a setting."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from portal.fleet import actions, queries
from portal.fleet.models import Ledger, Reading
from scanner import Call, EngineError
from tests.fleet import NOW, register

pytestmark = pytest.mark.django_db
BEGAN = NOW.timestamp()
CALLS = [
    Call("GET", "/version", 200, 3, 100, BEGAN + 1),
    Call("GET", "/v1.41/containers/abc/json", 404, 5, 20, BEGAN + 1.25),
    Call("RUN", "# what it does\nid", 0, 40, 7, BEGAN + 2),
]


def test_every_call_comes_back(settings: Settings):
    host = register("web-1")
    actions.remember_calls(host.pk, Reading.SCAN, CALLS, now=NOW)
    found = queries.reading(host, "")
    assert found is not None
    assert (found.kind, found.at, found.calls, found.bytes) == ("scan", NOW, 3, 127)
    assert found.seconds == pytest.approx(1.04)
    assert queries.calls(found) == [
        queries.Called("GET", "/version", 200, 3, 100, 0.0),
        queries.Called("GET", "/v1.41/containers/abc/json", 404, 5, 20, 0.25),
        queries.Called("RUN", "# what it does\nid", 0, 40, 7, 1.0),
    ]


def test_a_command_is_named_by_what_it_says_of_itself():
    get, _, run = (queries.Called(*call[:5], 0.0) for call in map(plain, CALLS))
    assert (get.name, get.whole) == ("/version", "")
    assert (run.name, run.whole) == ("what it does", "# what it does\nid")


def plain(call: Call) -> tuple[str, str, int, int, int]:
    return call.method, call.path, call.status, call.milliseconds, call.bytes


def test_an_attempt_without_a_call_is_one_too():
    host = register("web-1")
    error = EngineError("refused", "Nothing listens there.")
    actions.remember_calls(host.pk, Reading.TEST, [], error, now=NOW)
    [found] = queries.readings(host)
    assert (found.calls, found.seconds, found.diagnosis_kind) == (0, 0, "refused")
    assert found.diagnosis == "Nothing listens there."


def test_the_oldest_go_beyond_as_many_as_the_setting_says(settings: Settings):
    settings.LEDGER_READINGS = 3
    host, other = register("web-1"), register("web-2")
    for _ in range(5):
        actions.remember_calls(host.pk, Reading.SCAN, CALLS, now=NOW)
    actions.remember_calls(other.pk, Reading.SCAN, CALLS, now=NOW)
    assert len(queries.readings(host)) == 3
    assert len(queries.readings(other)) == 1


def test_a_reading_costs_one_row_and_few_queries(settings: Settings):
    settings.LEDGER_READINGS = 2
    host = register("web-1")
    for _ in range(3):
        actions.remember_calls(host.pk, Reading.SCAN, CALLS, now=NOW)
    with CaptureQueriesContext(connection) as done:
        actions.remember_calls(host.pk, Reading.SCAN, CALLS * 500, now=NOW)
    assert len(done) <= 6
    assert Ledger.objects.filter(host=host).count() == 2


def test_nothing_is_kept_of_a_host_that_is_gone():
    actions.remember_calls(4_000_000, Reading.SCAN, CALLS, now=NOW)
    assert not Ledger.objects.exists()


@pytest.mark.parametrize("number", ["", "x", "-1", "99999999999999999999", "4000000000"])
def test_a_number_that_names_none_gives_the_newest(number: str):
    host = register("web-1")
    assert queries.reading(host, number) is None
    actions.remember_calls(host.pk, Reading.SCAN, CALLS, now=NOW)
    newest = Ledger.objects.get()
    other = register("web-2")
    actions.remember_calls(other.pk, Reading.SCAN, CALLS, now=NOW)
    assert queries.reading(host, number) == newest
    theirs = Ledger.objects.exclude(pk=newest.pk).get()
    assert queries.reading(host, str(theirs.pk)) == newest


def test_a_damaged_row_shows_no_calls():
    host = register("web-1")
    actions.remember_calls(host.pk, Reading.SCAN, CALLS, now=NOW)
    Ledger.objects.update(body=b"x")
    assert queries.calls(Ledger.objects.get()) == []
