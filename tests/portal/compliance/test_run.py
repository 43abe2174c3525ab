"""One scan from the host's credentials to its line in the ledger, on a real engine."""

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from portal.compliance.actions import run_scan
from portal.compliance.models import Scan, ScanKind
from portal.fleet import actions as fleet
from portal.fleet import queries
from portal.fleet.models import Host, HostState, Ledger
from scanner import Ssh
from scanner.transport import certificates
from tests.fleet import NOW, register
from tests.support.engines import Engine
from tests.support.hostile import RecordingProxy

pytestmark = pytest.mark.django_db


def scanned(host: Host) -> Scan:
    scan = Scan.objects.create(host=host, kind=ScanKind.SCHEDULE, queued_at=NOW)
    run_scan(scan.pk, clock=lambda: NOW)
    scan.refresh_from_db()
    host.refresh_from_db()
    return scan


def rows_written() -> int:
    """By this transaction so far, in all tables."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_xact_user_tables"
        )
        return int(cursor.fetchone()[0])


def test_every_call_of_a_scan_is_in_the_ledger(empty_engine: Engine):
    empty_engine.docker_run(name="one", create_only=True)
    with RecordingProxy(empty_engine.socket) as proxy:
        host = fleet.add_host(name="web-1", url=proxy.url, actor=None, now=NOW)
        assert scanned(host).state in ("complete", "partial")
        heard = proxy.calls
    ledger = Ledger.objects.get()
    assert (ledger.kind, ledger.at, ledger.diagnosis_kind) == ("scan", NOW, "")
    told = [(call.method, call.path) for call in queries.calls(ledger)]
    assert sorted(told) == sorted(heard)
    assert ledger.calls == len(heard)
    assert ledger.bytes == sum(call.bytes for call in queries.calls(ledger)) > 0


def test_a_scan_that_finds_nothing_new_writes_a_handful_of_rows(empty_engine: Engine):
    for number in range(3):
        empty_engine.docker_run(name=f"c{number}", create_only=True)
    url = f"unix://{empty_engine.socket}"
    host = fleet.add_host(name="web-1", url=url, actor=None, now=NOW)
    scanned(host)
    before = rows_written()
    scanned(host)
    assert 0 < rows_written() - before < 10


def test_a_scan_that_reaches_nothing_has_a_line_too():
    scan = scanned(register("web-1"))
    assert scan.state == "failed"
    ledger = Ledger.objects.get()
    assert (ledger.calls, ledger.diagnosis_kind) == (0, "socket_missing")


def test_lost_credentials_are_told_and_nothing_is_asked(settings: Settings):
    key, public = certificates.generate_key()
    host = fleet.add_host(
        name="web-1",
        url="ssh://u@web-1.invalid",
        credentials=Ssh(key=key, host_key=public),
        actor=None,
        now=NOW,
    )
    settings.CREDENTIAL_KEYS = ["b3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIhISE="]
    scan = scanned(host)
    assert (scan.state, scan.diagnosis_kind) == ("failed", "credentials_lost")
    assert "The SSH credentials of web-1 cannot be decrypted" in scan.diagnosis
    assert host.state == HostState.UNAUTHORISED
    assert not Ledger.objects.exists()
