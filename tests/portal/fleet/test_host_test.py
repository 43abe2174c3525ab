"""The test of a registered host's connection: keeps nothing but its calls."""

import pytest
from django.test import Client

from portal.core.models import AuditEntry
from portal.fleet import actions
from portal.fleet.models import Credential, Host, Ledger
from tests.fleet import NOW, register
from tests.portal.compliance.pages import BUDGET, queries, text_of
from tests.support.engines import Engine
from tests.support.hostile import RecordingProxy

pytestmark = pytest.mark.django_db
ADDRESS = "/hosts/web-1/test/"


@pytest.fixture
def host() -> Host:
    return register("web-1")


def test_it_asks_first_and_changes_nothing(as_bob: Client, host: Host):
    said = text_of(as_bob.get(ADDRESS))
    assert "unix:///run/web-1.sock" in said
    assert "Keeps nothing but its calls in the ledger." in said
    assert not Ledger.objects.exists()


def test_a_failed_test_stands_in_the_ledger_alone(as_bob: Client, host: Host):
    before = Host.objects.values().get()
    entries = AuditEntry.objects.count()
    said = text_of(as_bob.post(ADDRESS))
    assert "/run/web-1.sock does not exist on this machine." in said
    assert "I compared it, trust" not in said
    assert Host.objects.values().get() == before
    assert AuditEntry.objects.count() == entries
    ledger = Ledger.objects.get()
    assert (ledger.kind, ledger.calls, ledger.diagnosis_kind) == ("test", 0, "socket_missing")


def test_every_call_of_a_real_test_is_in_the_ledger(as_bob: Client, empty_engine: Engine):
    with RecordingProxy(empty_engine.socket) as proxy:
        host = actions.add_host(name="web-1", url=proxy.url, actor=None, now=NOW)
        answer = as_bob.post(ADDRESS, headers={"HX-Request-Type": "partial"})
        heard = proxy.calls
    assert "rules can be checked" in text_of(answer)
    assert b"<html" not in answer.content
    page = text_of(as_bob.get(f"/hosts/{host.slug}/?tab=connection"))
    assert {verb for verb, _ in heard} == {"GET"}
    assert Ledger.objects.get().calls == len(heard)
    for _, path in heard:
        assert f"GET {path}" in page


def test_lost_credentials_are_told(as_bob: Client, host: Host):
    Credential.objects.create(host=host, kind="ssh", body="x", set_at=NOW)
    said = text_of(as_bob.post(ADDRESS))
    assert "The SSH credentials of web-1 cannot be decrypted" in said
    assert not Ledger.objects.exists()


def test_who_may_not_sees_why(as_charlie: Client, host: Host):
    answer = as_charlie.get(ADDRESS)
    assert "Only administrators and operators may register" in text_of(answer)
    assert b"btn-primary" in answer.content
    [button] = [tag for tag in answer.content.decode().split("<button") if "btn-primary" in tag]
    assert " disabled" in button.partition(">")[0]
    assert as_charlie.post(ADDRESS).status_code == 403
    assert not Ledger.objects.exists()


def test_the_door(client: Client, as_bob: Client, host: Host):
    assert client.get(ADDRESS).headers["Location"] == f"/login/?next={ADDRESS}"
    assert as_bob.put(ADDRESS).status_code == 405
    assert as_bob.post("/hosts/nothing/test/").status_code == 404
    assert queries(as_bob, ADDRESS) <= BUDGET
