"""P06 with real servers: each row of the table of diagnoses through the page itself, and a host
over TLS and one over SSH from the first press of a button to its first scan. Nothing is saved by a
test, and no secret is anywhere but encrypted in its table."""

import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from portal.compliance.actions import run_scan
from portal.compliance.models import Scan
from portal.core.models import AuditEntry
from portal.fleet import queries
from portal.fleet.models import Credential, Group, Host, Ledger
from scanner import Ssh, Tls
from scanner.transport import certificates
from tests.conftest import start
from tests.fleet import NOW
from tests.portal.compliance.pages import text_of
from tests.portal.fleet.test_credentials import every_row, secret_lines
from tests.support.certificates import DAY, Certificates
from tests.support.engines import Engine
from tests.support.hostile import RecordingProxy
from tests.support.ssh import MEMBER, VISITOR, SshServer

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
ADDRESS = "/hosts/new/"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    started = start("connected", images=False, tls=True)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def files(engine: Engine) -> Certificates:
    assert engine.certificates
    return engine.certificates


@pytest.fixture(scope="module")
def ssh(engine: Engine) -> Iterator[SshServer]:
    started = SshServer.start(engine)
    yield started
    started.stop()


@pytest.fixture
def group() -> Group:
    return Group.objects.create(name="Shop")


def by_tls(engine: Engine, made: Tls, **changes: object) -> dict[str, object]:
    return {
        "transport": "tls",
        "tls_address": f"127.0.0.1:{engine.port}",
        "tls_ca": made.ca,
        "tls_certificate": made.certificate,
        "tls_key": made.key,
        "do": "test",
        **changes,
    }


def by_ssh(server: SshServer, **changes: object) -> dict[str, object]:
    return {
        "transport": "ssh",
        "ssh_user": MEMBER,
        "ssh_address": f"127.0.0.1:{server.port}",
        "ssh_key": server.key,
        "do": "test",
        **changes,
    }


def held(answer: HttpResponse) -> str:
    found = re.search(r'name="held" value="([^"]*)"', answer.content.decode())
    assert found
    return found[1]


def tried(client: Client, values: dict[str, object]) -> str:
    """What the page says of it, in time and with nothing saved."""
    before = (Host.objects.count(), Credential.objects.count(), Ledger.objects.count())
    entries = AuditEntry.objects.count()
    began = time.monotonic()
    answer = client.post(ADDRESS, values)
    assert time.monotonic() - began < 10
    assert answer.status_code == 200, text_of(answer)
    assert (Host.objects.count(), Credential.objects.count(), Ledger.objects.count()) == before
    assert AuditEntry.objects.count() == entries
    for line in secret_lines(*(str(values.get(name, "")) for name in ("tls_key", "ssh_key"))):
        assert line not in answer.content.decode()
    return text_of(answer)


def test_a_name_that_is_not_known(as_bob: Client):
    said = tried(as_bob, {"do": "test", "transport": "tcp", "address": "no-such-host.invalid"})
    assert "The name no-such-host.invalid was not found by this server." in said
    assert "The name must be known where Plimsoll runs" in said


def test_a_port_where_nothing_listens(as_bob: Client, files: Certificates, engine: Engine):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        values = by_tls(engine, files.credentials(), tls_address=f"127.0.0.1:{port}")
        said = tried(as_bob, values)
    assert f"127.0.0.1 answered, but nothing listens on port {port}." in said
    assert f"-H tcp://0.0.0.0:{port}" in said


def test_no_answer_at_all(as_bob: Client):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        where = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(where)
        said = tried(as_bob, {"do": "test", "transport": "tcp", "address": f"127.0.0.1:{where[1]}"})
        for one in waiting:
            one.close()
    assert f"No answer from 127.0.0.1:{where[1]} in 5 s." in said
    assert "Usually a firewall." in said


def test_a_plain_answer_on_a_port_for_tls(
    as_bob: Client, fresh_engine: Callable[..., Engine], files: Certificates
):
    plain = fresh_engine("plain", images=False, tcp=True)
    said = tried(as_bob, by_tls(plain, files.credentials()))
    assert "answered without encryption" in said
    assert "Turn on --tlsverify on the engine." in said


def test_tls_where_plain_tcp_was_meant_and_the_switch_to_it(as_bob: Client, engine: Engine):
    values = {"do": "test", "transport": "tcp", "address": f"127.0.0.1:{engine.port}"}
    assert "wants TLS" in tried(as_bob, values)
    answer = as_bob.post(ADDRESS, values | {"do": "tls"})
    page = answer.content.decode()
    assert 'value="tls" checked' in page
    assert f'value="127.0.0.1:{engine.port}"' in page
    assert "Give the private key of this certificate." in text_of(answer)


def test_a_certificate_of_another_authority(as_bob: Client, engine: Engine, files: Certificates):
    said = tried(as_bob, by_tls(engine, files.credentials(ca="stranger-ca")))
    assert 'was issued by "plimsoll tests ca"' in said
    assert '"plimsoll tests stranger-ca"' in said
    assert "Give the authority that issued it" in said or "authority" in said


@pytest.mark.parametrize(
    ("changes", "message", "advice"),
    [
        ({"names": ("docker-7",)}, "The certificate is for docker-7; you entered", "Use docker-7"),
        ({"begins": -9 * DAY, "ends": -2 * DAY}, "Certificate ended", "clock"),
        ({"begins": 2 * DAY, "ends": 9 * DAY}, "Certificate begins", "Check the clocks"),
    ],
)
def test_a_certificate_that_does_not_hold(
    as_bob: Client,
    fresh_engine: Callable[..., Engine],
    changes: dict[str, Any],
    message: str,
    advice: str,
):
    other = fresh_engine("other", images=False, tls=True)
    assert other.certificates
    other.certificates.signed("server", **changes)
    other.restart()
    said = tried(as_bob, by_tls(other, other.certificates.credentials()))
    assert message in said
    assert advice in said


def test_a_key_of_another_certificate(as_bob: Client, engine: Engine, files: Certificates):
    values = by_tls(engine, files.credentials(key="stranger"))
    answer = as_bob.post(ADDRESS, values)
    assert answer.status_code == 422
    said = text_of(answer)
    assert "This private key does not belong to this certificate. Pick the other file" in said
    for name in ("client", "stranger"):
        assert files.text(f"{name}-key").splitlines()[1] not in answer.content.decode()
    assert not Host.objects.exists()


def test_our_certificate_is_refused(as_bob: Client, engine: Engine, files: Certificates):
    said = tried(as_bob, by_tls(engine, files.credentials("stranger")))
    assert "The engine does not accept our client certificate" in said
    assert 'issued by "plimsoll tests stranger-ca"' in said


def test_a_first_contact_and_a_changed_key(as_bob: Client, ssh: SshServer):
    said = tried(as_bob, by_ssh(ssh))
    assert certificates.fingerprint(ssh.host_key) in said
    assert "I compared it, trust" in said
    other = SshServer.start(ssh.engine)
    try:
        said = tried(as_bob, by_ssh(ssh, ssh_host_key=other.host_key))
    finally:
        other.stop()
    assert "If nobody can say why it changed, do not trust it" in said
    assert certificates.fingerprint(ssh.host_key) in said


def test_a_key_that_is_not_let_in(as_bob: Client, ssh: SshServer):
    answer = as_bob.post(ADDRESS, by_ssh(ssh, do="generate", ssh_key=""))
    number = held(answer)
    values = by_ssh(ssh, ssh_key="", ssh_host_key=ssh.host_key, held=number)
    answer = as_bob.post(ADDRESS, values)
    said = text_of(answer)
    assert f"User {MEMBER} was refused by 127.0.0.1 with this key." in said
    assert "authorized_keys" in said
    shown = re.findall(r"ssh-ed25519 AAAA\S+", said)
    assert shown
    assert "PRIVATE KEY" not in answer.content.decode()
    assert not Host.objects.exists()


def test_a_login_that_may_not_use_docker(as_bob: Client, ssh: SshServer):
    said = tried(as_bob, by_ssh(ssh, ssh_user=VISITOR, ssh_host_key=ssh.host_key))
    assert f"usermod -aG docker {VISITOR}" in said


def test_a_socket_that_is_missing(as_bob: Client, tmp_path: Path):
    said = tried(as_bob, {"do": "test", "transport": "unix", "socket": str(tmp_path / "x.sock")})
    assert "does not exist on this machine." in said
    assert "group_add" in said


def test_a_denied_call_and_the_list_to_allow(as_bob: Client, engine: Engine):
    with RecordingProxy(engine.socket) as proxy:
        proxy.fail("/containers/json", status=403)
        socket_path = proxy.url.removeprefix("unix://")
        said = tried(as_bob, {"do": "test", "transport": "unix", "socket": socket_path})
    assert "denied GET /containers/json" in said
    assert "GET /containers/{id}/json" in said


def test_a_good_test_tells_what_the_credential_could_do(
    as_bob: Client, engine: Engine, files: Certificates, ssh: SshServer
):
    said = tried(as_bob, by_tls(engine, files.credentials()))
    assert "rules can be checked" in said
    assert "can do everything that Docker can" in said
    assert "need SSH access" in said
    said = tried(as_bob, by_ssh(ssh, ssh_host_key=ssh.host_key))
    assert "need SSH access" not in said
    assert f"may run commands as {MEMBER}" in said


def test_over_tls_from_the_files_to_the_first_scan(
    as_bob: Client,
    engine: Engine,
    files: Certificates,
    group: Group,
    caplog: pytest.LogCaptureFixture,
):
    made = files.credentials()
    values = by_tls(engine, made, tls_ca="", tls_certificate="", tls_key="")
    uploads = {
        "tls_ca_file": SimpleUploadedFile("ca.pem", made.ca.encode()),
        "tls_certificate_file": SimpleUploadedFile("cert.pem", made.certificate.encode()),
        "tls_key_file": SimpleUploadedFile("key.pem", made.key.encode()),
    }
    looked = as_bob.post(ADDRESS, values | uploads | {"do": "look"})
    assert looked.status_code == 200
    said = text_of(looked)
    assert "Subject client" in said
    assert "Issued by plimsoll tests ca" in said
    assert "Belongs to the certificate." in said
    # Nothing is asked for a second time.
    number = held(looked)
    retried = as_bob.post(ADDRESS, values | {"held": number})
    assert "rules can be checked" in text_of(retried)
    wrong = as_bob.post(ADDRESS, values | {"held": number, "do": "scan", "name": ""})
    assert wrong.status_code == 422
    final = {"held": number, "do": "scan", "name": "web-1", "group": str(group.pk)}
    rows, cookie = every_row(), str(as_bob.cookies)
    saved = as_bob.post(ADDRESS, values | final, follow=True)
    host = Host.objects.get()
    assert saved.redirect_chain == [(f"/hosts/{host.slug}/", 302)]
    assert host.url == f"https://127.0.0.1:{engine.port}"
    assert queries.credentials(host.pk) == Tls(
        ca=made.ca.strip(), certificate=made.certificate.strip(), key=made.key.strip()
    )
    scan = Scan.objects.create(host=host, kind="manual", queued_at=NOW)
    run_scan(scan.pk)
    scan.refresh_from_db()
    assert scan.state in ("complete", "partial"), scan.diagnosis
    assert Credential.objects.get().engine_expires_at is not None
    pages = [
        as_bob.get(address).content.decode()
        for address in (
            *("/hosts/", f"/hosts/{host.slug}/", f"/hosts/{host.slug}/edit/"),
            f"/hosts/{host.slug}/?tab=connection",
        )
    ]
    everything = [
        *(rows, every_row(), cookie, caplog.text),
        *pages,
        *(answer.content.decode() for answer in (looked, retried, wrong, saved)),
    ]
    for line in secret_lines(made.key):
        assert not any(line in text for text in everything)
    # What was held is gone with the form.
    assert as_bob.session.get("held_secrets") == {}


def test_over_ssh_with_a_key_made_here_and_a_trusted_fingerprint(
    as_bob: Client, engine: Engine, ssh: SshServer, group: Group
):
    values = by_ssh(ssh, ssh_key="")
    made = as_bob.post(ADDRESS, values | {"do": "generate"})
    [line] = set(re.findall(r'data-copy="(ssh-ed25519 [^"]+)"', made.content.decode()))
    ssh.authorize(MEMBER, line)
    number = held(made)
    try:
        first = as_bob.post(ADDRESS, values | {"held": number})
        assert certificates.fingerprint(ssh.host_key) in text_of(first)
        refused = as_bob.post(
            ADDRESS, values | {"held": number, "do": "scan", "name": "x", "group": str(group.pk)}
        )
        assert refused.status_code == 422
        assert "compare the fingerprint that it shows, and trust it" in text_of(refused)
        trusted = as_bob.post(ADDRESS, values | {"held": number, "do": "trust"})
        assert "rules can be checked" in text_of(trusted), text_of(trusted)
        final = {"held": number, "do": "scan", "name": "web-2", "group": str(group.pk)}
        assert as_bob.post(ADDRESS, values | final).status_code == 302
        host = Host.objects.get()
        kept = queries.credentials(host.pk)
        assert isinstance(kept, Ssh)
        assert kept.host_key.split()[:2] == ssh.host_key.split()[:2]
        scan = Scan.objects.create(host=host, kind="manual", queued_at=NOW)
        run_scan(scan.pk)
        scan.refresh_from_db()
        assert scan.state in ("complete", "partial"), scan.diagnosis
        ledger = Ledger.objects.get()
        methods = {call.method for call in queries.calls(ledger)}
        assert methods == {"GET", "RUN"}
        for text in secret_lines(kept.key):
            assert text not in every_row()
    finally:
        ssh.authorize(MEMBER, certificates.public_key(ssh.key))
