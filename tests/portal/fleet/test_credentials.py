"""Credentials of hosts: kept encrypted, replaced, rotated, and never lost or shown."""

import base64
import io
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.core import secrets
from portal.core.display import NO_BREAK
from portal.core.errors import DomainError, NotAllowed
from portal.core.models import AuditEntry
from portal.fleet import actions, queries
from portal.fleet.models import Credential, Group, Host
from scanner import Ssh, Tls
from scanner.transport import certificates
from tests.fleet import NOW
from tests.support.certificates import Certificates

pytestmark = pytest.mark.django_db
TLS_URL, SSH_URL = "https://docker-7:2376", "ssh://plimsoll@docker-7:22"
KEY, PUBLIC = certificates.generate_key()
HOST_KEY = certificates.generate_key()[1]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("certificates") / "made")


@pytest.fixture
def tls(files: Certificates) -> Tls:
    return files.credentials()


@pytest.fixture
def ssh() -> Ssh:
    return Ssh(key=KEY, host_key=HOST_KEY)


def registered(credentials: Tls | Ssh, actor: User | None = None) -> Host:
    url = TLS_URL if isinstance(credentials, Tls) else SSH_URL
    return actions.add_host(name="web-1", url=url, credentials=credentials, actor=actor, now=NOW)


def edited(host: Host, actor: User | None = None, **changes: object) -> Host:
    values = {"name": host.name, "url": host.url, "group": host.group, **changes}
    return actions.edit_host(host.pk, actor=actor, now=NOW, **values)


def every_row() -> str:
    """All of the database as text, but for what tests and Django put there."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [name for [name] in cursor.fetchall()]
        found = []
        for table in tables:
            cursor.execute(f'SELECT t::text FROM "{table}" AS t')  # noqa: S608 our own names
            found += [row for [row] in cursor.fetchall()]
    return "\n".join(found)


def secret_lines(*texts: str) -> list[str]:
    return [line for text in texts for line in text.splitlines() if len(line) > 40]


def test_they_come_back_as_they_were_and_nothing_else_shows_them(
    files: Certificates, tls: Tls, ssh: Ssh, alice: User
):
    host = registered(tls, alice)
    other = actions.add_host(name="web-2", url=SSH_URL, credentials=ssh, actor=alice, now=NOW)
    assert queries.credentials(host.pk) == tls
    assert queries.credentials(other.pk) == ssh
    rows = every_row()
    assert "Credential" not in repr(tls) + repr(ssh)
    for line in secret_lines(tls.key, ssh.key):
        assert line not in rows
        assert line not in repr(tls) + repr(ssh)
    kept = Credential.objects.get(host=host)
    assert kept.kind == "tls"
    assert kept.facts["certificate"]["subject"] == "client"
    assert (kept.set_by, kept.set_at) == (alice, NOW)
    assert kept.expires_at == certificates.describe(tls.certificate).not_after
    assert Credential.objects.get(host=other).facts["public_key"] == PUBLIC


def test_what_may_be_shown_is_in_the_audit_log(tls: Tls, ssh: Ssh, alice: User):
    host = registered(ssh, alice)
    [entry] = AuditEntry.objects.filter(verb="fleet.set_credentials")
    assert entry.details["before"] == {}
    assert entry.details["after"]["fingerprint"] == certificates.fingerprint(PUBLIC)
    renewed = Ssh(key=certificates.generate_key()[0], host_key=HOST_KEY)
    edited(host, alice, credentials=renewed)
    latest = AuditEntry.objects.filter(verb="fleet.set_credentials").first()
    assert latest is not None
    assert latest.details["before"]["fingerprint"] == certificates.fingerprint(PUBLIC)
    assert queries.credentials(host.pk) == renewed


def test_without_new_ones_a_host_keeps_its_own(tls: Tls):
    host = registered(tls)
    edited(host, name="Web A", url="https://docker-8:2376")
    assert queries.credentials(host.pk) == tls


def test_a_new_way_that_needs_none_forgets_them(tls: Tls):
    host = registered(tls)
    edited(host, url="unix:///run/docker.sock")
    assert queries.credentials(host.pk) is None
    assert AuditEntry.objects.filter(verb="fleet.forget_credentials").exists()


def test_a_new_way_that_needs_others_wants_them(tls: Tls, ssh: Ssh):
    host = registered(tls)
    with pytest.raises(DomainError, match="cannot be reached without an SSH key"):
        edited(host, url=SSH_URL)
    assert queries.credentials(host.pk) == tls
    edited(host, url=SSH_URL, credentials=ssh)
    assert queries.credentials(host.pk) == ssh


def test_an_address_without_what_it_needs_is_refused(tls: Tls, ssh: Ssh):
    for url, what in ((TLS_URL, "a certificate and its key"), (SSH_URL, "an SSH key")):
        with pytest.raises(DomainError, match=f"cannot be reached without {what}"):
            actions.add_host(name="web-1", url=url, actor=None, now=NOW)
    with pytest.raises(DomainError, match="of no use"):
        actions.add_host(name="web-1", url=TLS_URL, credentials=ssh, actor=None, now=NOW)
    with pytest.raises(DomainError, match="of no use"):
        actions.add_host(name="x", url="unix:///x", credentials=tls, actor=None, now=NOW)
    assert not Host.objects.exists()
    assert Group.objects.count() == 0


def test_what_cannot_be_used_is_not_kept(files: Certificates, tls: Tls):
    mixed = Tls(ca=tls.ca, certificate=tls.certificate, key=files.text("stranger-key"))
    with pytest.raises(DomainError, match="does not belong to this certificate"):
        registered(mixed)
    with pytest.raises(DomainError, match="no certificate"):
        registered(Tls(ca="x", certificate=tls.certificate, key=tls.key))
    with pytest.raises(DomainError, match="no private SSH key"):
        registered(Ssh(key="x"))
    assert not Host.objects.exists()


def test_who_may_not_is_refused(tls: Tls, charlie: User):
    with pytest.raises(NotAllowed):
        registered(tls, charlie)
    host = registered(tls)
    with pytest.raises(NotAllowed):
        actions.test_connection(host.pk, actor=charlie, now=NOW)


def test_they_go_with_their_host(tls: Tls):
    host = registered(tls)
    actions.remove_host(host.pk, typed_name=host.name, actor=None, now=NOW)
    assert not Credential.objects.exists()


def test_when_the_first_certificate_ends(files: Certificates, tls: Tls):
    host = registered(tls)
    [found] = queries.with_ends(Host.objects.all())
    ours = certificates.describe(tls.certificate).not_after
    assert found.ends == ours
    sooner = datetime(2026, 11, 25, tzinfo=UTC)
    Credential.objects.update(engine_expires_at=sooner)
    [found] = queries.with_ends(Host.objects.filter(pk=host.pk))
    assert found.ends == sooner


def new_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def rotate() -> tuple[str, str]:
    said, wrong = io.StringIO(), io.StringIO()
    try:
        call_command("rotate_credentials", stdout=said, stderr=wrong)
    except CommandError as error:
        wrong.write(str(error))
    texts = [written.getvalue().replace(NO_BREAK, " ") for written in (said, wrong)]
    return texts[0], texts[1]


def test_a_new_key_is_put_in_front_and_the_old_one_taken_away(
    settings: Settings, tls: Tls, ssh: Ssh, alice: User
):
    host = registered(tls)
    other = actions.add_host(name="web-2", url=SSH_URL, credentials=ssh, actor=None, now=NOW)
    factor = Authenticator.objects.create(
        user=alice, type="totp", data={"secret": secrets.encrypt("A" * 32)}
    )
    codes = Authenticator.objects.create(
        user=alice,
        type="recovery_codes",
        data={"migrated_codes": [secrets.encrypt("one"), secrets.encrypt("two")], "used_mask": 1},
    )
    [old] = settings.CREDENTIAL_KEYS
    new = new_key()
    settings.CREDENTIAL_KEYS = [new, old]
    said, wrong = rotate()
    assert "4 secrets encrypted anew, 0 under the first key already." in said
    assert "Nothing is left under another key." in said
    assert wrong == ""
    said, _ = rotate()
    assert "0 secrets encrypted anew, 4 under the first key already." in said
    settings.CREDENTIAL_KEYS = [new]
    assert queries.credentials(host.pk) == tls
    assert queries.credentials(other.pk) == ssh
    factor.refresh_from_db()
    codes.refresh_from_db()
    assert secrets.decrypt(factor.data["secret"], what="it") == "A" * 32
    assert [secrets.decrypt(code, what="it") for code in codes.data["migrated_codes"]] == [
        "one",
        "two",
    ]
    assert codes.data["used_mask"] == 1


def test_what_no_key_decrypts_is_named_and_stays(
    settings: Settings, tls: Tls, ssh: Ssh, alice: User
):
    lost = registered(tls)
    Authenticator.objects.create(user=alice, type="totp", data={"secret": secrets.encrypt("A")})
    [old] = settings.CREDENTIAL_KEYS
    settings.CREDENTIAL_KEYS = [new_key()]
    actions.add_host(name="web-2", url=SSH_URL, credentials=ssh, actor=None, now=NOW)
    before = bytes(Credential.objects.get(host=lost).body, "ascii")
    said, wrong = rotate()
    assert "0 secrets encrypted anew, 1 under the first key already." in said
    assert "Nothing is left" not in said
    assert "TLS credentials of web-1: none of the keys decrypts it" in wrong
    assert "of alice@example.com: none of the keys decrypts it" in wrong
    assert "2 secrets could not be encrypted anew" in wrong
    assert bytes(Credential.objects.get(host=lost).body, "ascii") == before
    with pytest.raises(secrets.Undecipherable, match="The TLS credentials of web-1"):
        queries.credentials(lost.pk)
    settings.CREDENTIAL_KEYS = [*settings.CREDENTIAL_KEYS, old]
    assert "2 secrets encrypted anew, 1 under" in rotate()[0]
    assert queries.credentials(lost.pk) == tls


def test_the_command_says_what_is_wrong_with_the_keys(settings: Settings):
    settings.CREDENTIAL_KEYS = []
    assert "PLIMSOLL_CREDENTIAL_KEYS is not set" in rotate()[1]


def test_bootstrap_wants_a_key(settings: Settings):
    settings.CREDENTIAL_KEYS = ["short"]
    with pytest.raises(CommandError, match="Key 1 in PLIMSOLL_CREDENTIAL_KEYS is no key"):
        call_command("bootstrap")


def test_a_damaged_body_is_undecipherable(tls: Tls):
    host = registered(tls)
    Credential.objects.update(body=secrets.encrypt('{"ca": 1}'))
    with pytest.raises(secrets.Undecipherable):
        queries.credentials(host.pk)


def test_the_table_has_one_reader():
    """Forms and views never see what is decrypted, but by its name."""
    root = Path(__file__).resolve().parents[3]
    readers = {
        str(file.relative_to(root))
        for file in (root / "portal").rglob("*.py")
        if "keys.opened(" in file.read_text()
    }
    assert readers == {"portal/fleet/queries.py"}
