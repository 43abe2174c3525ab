"""The fields for certificates and keys on P06: whatever is put into them, the page says what to do
and never shows it again; and who replaces the keys of a host proves once more who they are."""

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.fleet import actions, queries
from portal.fleet.models import Credential, Host
from scanner import Ssh, Tls
from scanner.transport import certificates
from tests.people import PASSWORD
from tests.portal.compliance.pages import BUDGET, text_of
from tests.portal.compliance.pages import queries as counted
from tests.support.certificates import CLIENT, DAY, SERVER, Certificates

pytestmark = [pytest.mark.django_db, pytest.mark.redis]
ADDRESS = "/hosts/new/"
KEY, PUBLIC = certificates.generate_key()
HOST_KEY = certificates.generate_key()[1]
WANTED = "Confirm that it is you"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("certificates") / "made")


@pytest.fixture
def host(files: Certificates) -> Host:
    return actions.add_host(
        name="web-1",
        url="https://docker-7:2376",
        credentials=files.credentials(),
        actor=None,
        now=datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
    )


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Keys with a passphrase: an SSH key, and one in PEM form."""
    directory = tmp_path_factory.mktemp("locked")
    ssh, pem = directory / "ssh", directory / "pem"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "word", "-f", ssh], check=True)
    command = "openssl genpkey -algorithm ed25519 -aes256 -pass pass:word -out"
    subprocess.run([*command.split(), pem], check=True)
    return {"ssh_key": ssh.read_text(), "tls_key": pem.read_text()}


def look(client: Client, **values: object) -> HttpResponse:
    transport = "ssh" if any(name.startswith("ssh") for name in values) else "tls"
    return client.post(ADDRESS, {"do": "look", "transport": transport, **values})


def number_of(answer: HttpResponse) -> str:
    [found] = re.findall(r'name="held" value="([^"]*)"', answer.content.decode())
    return str(found)


def uploaded(content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("file.pem", content)


@pytest.mark.parametrize("name", ["tls_ca", "tls_certificate", "tls_key", "ssh_key"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"hello", "This is no "),
        (b"\x30\x82\x01\x0a\xff\xfe\x00", "This file is no text. Give it in PEM form"),
        (b"\xff\xfe-\x00-\x00", "This file is no text."),
        (b"x" * 65_537, "This file is far too large for a key or a certificate."),
        (b"a\0b", "Null characters are not allowed."),
    ],
)
def test_what_is_none_is_told(as_bob: Client, name: str, content: bytes, said: str):
    answer = look(as_bob, **{f"{name}_file": uploaded(content)})
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert number_of(answer) == ""


def test_a_cut_off_certificate_and_key_are_told(as_bob: Client, files: Certificates):
    for name, file in (("tls_certificate", "client-cert"), ("tls_key", "client-key")):
        text = files.text(file)
        answer = look(as_bob, **{name: text[: len(text) // 2]})
        assert answer.status_code == 422
        assert "This is no" in text_of(answer)
    answer = look(as_bob, ssh_key=KEY[: len(KEY) // 2])
    assert "This is no private SSH key." in text_of(answer)


def test_a_key_with_a_passphrase_is_told(as_bob: Client, locked: dict[str, str]):
    for name, text in locked.items():
        answer = look(as_bob, **{name: text})
        assert answer.status_code == 422
        assert "This private key is protected by a passphrase." in text_of(answer)
        assert text.splitlines()[1] not in answer.content.decode()


def test_a_public_key_is_no_private_one(as_bob: Client):
    assert "not the .pub one" in text_of(look(as_bob, ssh_key=PUBLIC))


def test_a_request_larger_than_any_keys_is_told_too(as_bob: Client):
    answer = look(as_bob, tls_key_file=uploaded(b"x" * 3_000_000))
    assert answer.status_code == 422
    assert "This file is far too large" in text_of(answer)


def test_a_text_that_is_too_long_is_told(as_bob: Client):
    answer = look(as_bob, tls_key="x" * 70_000)
    assert "This text is far too long" in text_of(answer)


def test_hostile_names_in_a_certificate_are_text(as_bob: Client, tmp_path: Path):
    made = Certificates(tmp_path)
    made.authority("<img src=x onerror=alert(1)>"[:20].replace("/", ""))
    [file] = [file for file in tmp_path.iterdir() if "key" not in file.name]
    page = look(as_bob, tls_ca=file.read_text()).content.decode()
    assert "&lt;img" in page
    assert "<img src=x" not in page


def test_it_tells_what_a_certificate_says_and_what_is_odd(as_bob: Client, files: Certificates):
    files.signed("old", usage=CLIENT, names=(), begins=-9 * DAY, ends=-2 * DAY)
    files.signed("young", usage=CLIENT, names=(), begins=2 * DAY, ends=9 * DAY)
    files.signed("wrong-use", usage=SERVER)
    for name, warning in (
        ("old", "It ended on"),
        ("young", "It is valid only from"),
        ("wrong-use", "It is not meant for client authentication"),
    ):
        answer = look(as_bob, tls_certificate=files.text(f"{name}-cert"))
        assert answer.status_code == 200
        assert f"Subject {name}" in text_of(answer)
        assert warning in text_of(answer)
    assert "Names localhost, 127.0.0.1" in text_of(answer)


def test_the_key_waits_for_its_certificate(as_bob: Client, files: Certificates):
    first = look(as_bob, tls_key=files.text("client-key"))
    assert "Belongs to the certificate" not in text_of(first)
    both = look(as_bob, tls_certificate=files.text("client-cert"), held=number_of(first))
    assert "Belongs to the certificate." in text_of(both)
    other = look(as_bob, tls_certificate=files.text("stranger-cert"), held=number_of(both))
    assert other.status_code == 422
    assert "Pick the other file" in text_of(other)


def test_what_was_given_is_never_written_into_a_page(as_bob: Client, files: Certificates):
    answer = look(as_bob, tls_ca=files.text("ca"), tls_key=files.text("client-key"))
    for name in ("ca", "client-key"):
        assert files.text(name).splitlines()[1] not in answer.content.decode()


def test_what_is_held_is_its_sessions_alone(as_bob: Client, as_alice: Client, files: Certificates):
    number = number_of(look(as_bob, tls_key=files.text("client-key")))
    assert "Given. It waits" in text_of(as_bob.get(f"{ADDRESS}?held={number}"))
    assert "Given. It waits" not in text_of(as_alice.get(f"{ADDRESS}?held={number}"))


def test_a_wrong_machine_on_the_way_is_told(as_bob: Client):
    for bastion in ("bastion", "tcp://bastion", "user@bastion/x"):
        answer = as_bob.post(
            ADDRESS,
            {
                "do": "test",
                "transport": "ssh",
                "ssh_user": "u",
                "ssh_address": "web-1",
                "ssh_key": KEY,
                "ssh_bastion": bastion,
            },
        )
        assert answer.status_code == 422
        assert "Machine on the way:" in text_of(answer)


def test_the_address_of_a_host_over_ssh_is_put_together(as_bob: Client):
    values = {
        "do": "save",
        "transport": "ssh",
        "ssh_user": "deploy",
        "ssh_key": KEY,
        "ssh_host_key": HOST_KEY,
        "ssh_bastion_host_key": HOST_KEY,
        "name": "web-1",
        "ssh_bastion": "hop@bastion",
        "ssh_socket": "run/docker.sock",
        "ssh_address": "web-1",
        "group": "new",
        "group_name": "Shop",
        "environment": "production",
    }
    assert as_bob.post(ADDRESS, values).status_code == 302
    host = Host.objects.get()
    assert host.url == "ssh://deploy@web-1:22/run/docker.sock"
    kept = queries.credentials(host.pk)
    assert isinstance(kept, Ssh)
    assert kept.bastion == "ssh://hop@bastion:22"
    page = as_bob.get(f"/hosts/{host.slug}/edit/").content.decode()
    for value in ("deploy", "web-1:22", "/run/docker.sock", "ssh://hop@bastion:22"):
        assert f'value="{value}"' in page


def edited(host: Host, **values: object) -> dict[str, object]:
    return {
        "do": "save",
        "transport": "tls",
        "tls_address": "docker-7",
        "name": host.name,
        "group": str(host.group_id),
        **values,
    }


def confirm(client: Client) -> None:
    client.post("/login/confirm/?next=/", {"password": PASSWORD})


def test_what_a_host_has_is_told_and_never_shown(as_bob: Client, host: Host, files: Certificates):
    answer = as_bob.get("/hosts/web-1/edit/")
    said = text_of(answer)
    assert "Set 23 Nov 2026. It is never shown again." in said
    assert "Subject client" in said
    assert "Replace" in said
    for name in ("ca", "client-cert", "client-key"):
        assert files.text(name).splitlines()[1] not in answer.content.decode()


def test_a_name_is_changed_without_them(as_bob: Client, host: Host, files: Certificates):
    before = Credential.objects.get().body
    assert as_bob.post("/hosts/web-1/edit/", edited(host, name="Web A")).status_code == 302
    assert Credential.objects.get().body == before


def test_new_keys_want_a_confirmation_and_wait_for_it(
    as_bob: Client, host: Host, files: Certificates, bob: User
):
    files.signed("renewed", usage=CLIENT, names=())
    new = files.credentials("renewed")
    values = edited(host, tls_certificate=new.certificate, tls_key=new.key, name="Web A")
    asked = as_bob.post("/hosts/web-1/edit/", values)
    assert asked.status_code == 422
    assert WANTED in text_of(asked)
    [way] = re.findall(r'href="(/login/confirm/[^"]*)"', asked.content.decode())
    assert queries.credentials(host.pk) == files.credentials()
    back = as_bob.post(way, {"password": PASSWORD}).headers["Location"]
    again = as_bob.get(back)
    assert 'value="Web A"' in again.content.decode()
    assert "Subject renewed" in text_of(again)
    values = edited(host, name="Web A", held=number_of(again))
    assert as_bob.post("/hosts/web-1/edit/", values).status_code == 302
    kept = queries.credentials(host.pk)
    assert isinstance(kept, Tls)
    assert kept.certificate == new.certificate.strip()
    assert kept.ca == files.text("ca")
    host.refresh_from_db()
    assert host.name == "Web A"
    assert Credential.objects.get().set_by == bob


def test_half_a_pair_does_not_fit_what_the_host_has(
    as_bob: Client, host: Host, files: Certificates
):
    confirm(as_bob)
    answer = as_bob.post("/hosts/web-1/edit/", edited(host, tls_key=files.text("stranger-key")))
    assert answer.status_code == 422
    assert "does not belong to this certificate" in text_of(answer)
    assert queries.credentials(host.pk) == files.credentials()


def test_lost_credentials_are_told_and_can_be_set_anew(
    as_bob: Client, host: Host, files: Certificates, settings: Settings
):
    settings.CREDENTIAL_KEYS = ["b3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIhISE="]
    confirm(as_bob)
    answer = as_bob.post("/hosts/web-1/edit/", edited(host, do="test"))
    said = text_of(answer)
    assert "The TLS credentials of web-1 cannot be decrypted" in said
    assert "Give the private key of this certificate." in said
    new = files.credentials()
    values = edited(host, tls_ca=new.ca, tls_certificate=new.certificate, tls_key=new.key)
    assert as_bob.post("/hosts/web-1/edit/", values).status_code == 302
    assert isinstance(queries.credentials(host.pk), Tls)


def test_who_may_not_is_refused(as_charlie: Client, files: Certificates, host: Host):
    values = edited(host, tls_key=files.text("client-key"), do="look")
    assert as_charlie.post("/hosts/web-1/edit/", values).status_code == 403
    assert as_charlie.post(ADDRESS, {"do": "generate", "transport": "ssh"}).status_code == 403


def test_the_budget_holds_with_credentials(as_bob: Client, host: Host):
    assert counted(as_bob, "/hosts/web-1/edit/") <= BUDGET
