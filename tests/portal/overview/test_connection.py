"""How a host is reached, as its page, the list and the overview tell it."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from portal.fleet import actions
from portal.fleet.models import Credential, Host, Reading
from portal.overview.queries import connection
from scanner import Call, EngineError, Ssh
from scanner.transport import certificates
from tests.fleet import NOW, register
from tests.portal.compliance.pages import BUDGET, links, queries, text_of
from tests.support.certificates import Certificates

pytestmark = pytest.mark.django_db
TAB = "/hosts/web-1/?tab=connection"


def calls(number: int = 1) -> list[Call]:
    at = NOW.timestamp()
    return [
        Call("GET", "/version", 200, 2, 800, at),
        *(
            Call("GET", f"/v1.41/containers/c{n}/json?size=0", 200, n, 1024, at + n / 10)
            for n in range(number)
        ),
        Call("GET", "/v1.41/volumes", 0, 5000, 0, at + 9),
        Call("RUN", "# reads the kernel\nid '<b>'", 1, 7, 10, at + 10),
    ]


@pytest.fixture
def tls(tmp_path: Path) -> Host:
    made = Certificates.make(tmp_path / "made").credentials()
    return actions.add_host(
        name="web-1", url="https://docker-7", credentials=made, actor=None, now=NOW
    )


def test_it_tells_the_way_and_the_certificates(as_charlie: Client, tls: Host):
    Credential.objects.update(engine_expires_at=timezone.now() + timedelta(days=400))
    said = text_of(as_charlie.get(TAB))
    assert "Way TCP with TLS" in said
    assert "https://docker-7:2376" in said
    assert "Subject client Issued by plimsoll tests ca" in said
    assert "Our certificate, or its authority's ends" in said
    assert "The engine's certificate ends" in said
    assert "(399 days)" in said
    assert "Keys are kept encrypted and never shown." in said
    assert "Nobody has tried to read this host yet." in said


def test_it_tells_the_fingerprints_over_ssh(as_charlie: Client):
    key, public = certificates.generate_key()
    hop = certificates.generate_key()[1]
    made = Ssh(key=key, host_key=public, bastion="ssh://u@hop:22", bastion_host_key=hop)
    actions.add_host(name="web-1", url="ssh://u@docker-7", credentials=made, actor=None, now=NOW)
    answer = as_charlie.get(TAB)
    said = text_of(answer)
    for line in (public, hop):
        assert certificates.fingerprint(line) in said
    assert "ssh://u@hop:22" in said
    assert key.splitlines()[1] not in answer.content.decode()


def test_the_ledger_by_what_is_asked_and_in_full(as_charlie: Client):
    host = register("web-1")
    actions.remember_calls(host.pk, Reading.SCAN, calls(60), now=NOW)
    answer = as_charlie.get(TAB)
    said = text_of(answer)
    assert "63 calls" in said
    assert (
        "GET /containers/{id}/json a container's configuration and state 60 60 KiB 59 ms 200"
        in said
    )
    assert "GET /volumes" in said
    assert "no answer" in said
    assert "RUN reads the kernel a reading command on the machine 1 10 B 7 ms 1" in said
    assert "GET /v1.41/containers/c3/json?size=0 0.300 s 3 ms 1 KiB 200" in said
    assert "c55/json" not in said
    more = as_charlie.get(f"{TAB}&page=2")
    assert "c55/json" in text_of(more)
    assert b"id &#x27;&lt;b&gt;&#x27;" in more.content


def test_the_last_attempts_lead_to_their_calls(as_charlie: Client):
    host = register("web-1")
    error = EngineError("refused", "Nothing listens there.")
    actions.remember_calls(host.pk, Reading.TEST, [], error, now=NOW)
    actions.remember_calls(host.pk, Reading.SCAN, calls(), now=NOW + timedelta(hours=1))
    answer = as_charlie.get(TAB)
    assert "Nothing listens there." in text_of(answer)
    assert "4 calls" in text_of(answer)
    [newest, oldest] = links(answer, "reading=")
    said = text_of(as_charlie.get(f"/hosts/web-1/{oldest[0]}"))
    assert "No call was made: the attempt ended before." in said
    assert newest[0] != oldest[0]


def test_a_viewer_sees_the_test_disabled_with_the_reason(as_charlie: Client, as_bob: Client):
    register("web-1")
    answer = as_charlie.get(TAB)
    assert '<button class="btn" disabled>Test</button>' in answer.content.decode()
    assert "Only administrators and operators may register" in text_of(answer)
    assert 'action="/hosts/web-1/test/"' in as_bob.get(TAB).content.decode()


def test_the_budget_holds_however_much_is_in_the_ledger(as_charlie: Client, tls: Host):
    few = queries(as_charlie, TAB)
    for _ in range(25):
        actions.remember_calls(tls.pk, Reading.SCAN, calls(300), now=NOW)
    assert queries(as_charlie, TAB) == few <= BUDGET


@pytest.mark.parametrize(
    ("left", "said", "tone"),
    [
        (timedelta(days=400), "certificate ends", ""),
        (timedelta(days=26, minutes=5), "(26 days)", "sub-warning"),
        (-timedelta(days=3, minutes=5), "certificate ended", "sub-problem"),
    ],
)
def test_the_list_tells_when_the_next_certificate_ends(
    as_charlie: Client, tls: Host, left: timedelta, said: str, tone: str
):
    far = timezone.now() + timedelta(days=900)
    Credential.objects.update(expires_at=far, engine_expires_at=timezone.now() + left)
    answer = as_charlie.get("/hosts/")
    assert said in text_of(answer)
    assert (f"sub {tone}" in answer.content.decode()) is bool(tone)
    shown = as_charlie.get("/hosts/?certificate=ending")
    assert ("web-1" in text_of(shown)) is bool(tone)
    assert "Remove filter Certificate" in shown.content.decode()


@pytest.mark.parametrize("days", [29, -1, 31])
def test_every_tab_points_out_what_ends_soon(as_charlie: Client, tls: Host, days: int):
    ends = timezone.now() + timedelta(days=days)
    Credential.objects.update(expires_at=ends, engine_expires_at=None)
    said = text_of(as_charlie.get("/hosts/web-1/"))
    assert ("A certificate on the way to this host ends" in said) is (days == 29)
    assert ("A certificate on the way to this host ended" in said) is (days == -1)


def test_the_list_filters_by_every_way(as_charlie: Client, tls: Host):
    register("web-2")
    for scheme, found in (("https", "web-1"), ("unix", "web-2")):
        said = text_of(as_charlie.get(f"/hosts/?transport={scheme}"))
        assert found in said
        assert "1 of 2 hosts" in said
    assert "No hosts match" in text_of(as_charlie.get("/hosts/?transport=ssh"))


def test_the_overview_points_out_what_ends_soon(as_charlie: Client, tls: Host):
    now = timezone.now()
    Credential.objects.update(expires_at=now + timedelta(days=31), engine_expires_at=None)
    assert "certificate" not in text_of(as_charlie.get("/"))
    Credential.objects.update(expires_at=now + timedelta(days=29))
    answer = as_charlie.get("/")
    assert "A certificate of web-1 ends on" in text_of(answer)
    [(address, _)] = links(answer, "certificate=ending")
    assert "1 of 1 host" in text_of(as_charlie.get(address))
    Credential.objects.update(expires_at=now - timedelta(days=1))
    assert "A certificate of web-1 ended on" in text_of(as_charlie.get("/"))
    other = register("web-2")
    Credential.objects.create(host=other, kind="tls", body="", expires_at=now, set_at=now)
    assert "Certificates of 2 hosts end within 30 days" in text_of(as_charlie.get("/"))


def test_a_path_that_is_on_no_list_stands_for_itself():
    odd = Call("GET", "/v1.41/other?x=1", 200, 1, 1, 0.0)
    host = register("web-1")
    actions.remember_calls(host.pk, Reading.SCAN, [odd], now=NOW)
    [found] = connection.connection(host, "", NOW).patterns
    assert (found.path, found.why) == ("/v1.41/other", "")
