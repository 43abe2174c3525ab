"""What is told of certificates and keys, and how texts that are none are refused."""

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scanner.errors import EngineError
from scanner.transport import certificates
from tests.support.certificates import CLIENT, SERVER, Certificates


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("tls") / "files")


def openssl(*arguments: str) -> str:
    done = subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def refused(act: Callable[[str], Any], text: str) -> str:
    with pytest.raises(EngineError) as caught:
        act(text)
    assert caught.value.kind == "bad_credentials"
    return caught.value.message


def test_what_a_certificate_says(files: Certificates):
    facts = certificates.describe(files.text("server-cert"))
    assert facts.subject == "server"
    assert facts.issuer == "plimsoll tests ca"
    assert facts.names == ("localhost", "127.0.0.1")
    assert facts.not_before < datetime.now(UTC) < facts.not_after
    assert facts.not_after - facts.not_before == timedelta(days=3)
    assert (facts.server, facts.client) == (True, False)
    assert certificates.describe(files.text("client-cert")).client
    authority = certificates.describe(files.text("ca"))
    assert authority.subject == authority.issuer
    assert authority.names == ()
    assert (authority.server, authority.client) == (True, True)


def test_fingerprints_are_those_that_openssl_prints(files: Certificates):
    facts = certificates.describe(files.text("server-cert"))
    printed = openssl("x509", "-in", files.file("server-cert"), "-noout", "-fingerprint", "-sha256")
    assert facts.fingerprint == printed.partition("=")[2]


def test_a_name_without_a_common_one_is_told_in_full():
    text = openssl(
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
        *("-subj", "/O=Example/OU=Docker", "-keyout", "/dev/null"),
    )
    assert certificates.describe(text).subject == "OU=Docker,O=Example"


def test_of_several_certificates_the_first_is_described(files: Certificates):
    both = files.text("client-cert") + files.text("ca")
    assert certificates.describe(both).subject == "client"
    assert len(certificates.certificates(both)) == 2


def test_a_key_matches_its_own_certificate_only(files: Certificates):
    assert certificates.key_matches(files.text("client-cert"), files.text("client-key"))
    assert not certificates.key_matches(files.text("client-cert"), files.text("server-key"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
        "\0",
        "\ud800",
    ],
)
def test_what_is_no_certificate(files: Certificates, text: str):
    assert refused(certificates.describe, text) == "This is no certificate."
    refused(certificates.private_key, text)
    refused(certificates.ssh_key, text)


def test_texts_are_bounded(files: Certificates):
    long = files.text("ca") + " " * certificates.LIMIT
    refused(certificates.describe, long + "x")
    refused(certificates.private_key, "x" * (certificates.LIMIT + 1))
    refused(certificates.ssh_key, "x" * (certificates.LIMIT + 1))
    refused(certificates.public_keys, "x" * (certificates.LIMIT + 1))


def test_one_in_place_of_the_other(files: Certificates):
    refused(certificates.describe, files.text("client-key"))
    assert refused(certificates.private_key, files.text("ca")) == "This is no private key."
    refused(certificates.ssh_key, certificates.generate_key()[1])


def test_keys_with_a_passphrase_are_told_apart(files: Certificates, tmp_path: Path):
    text = openssl("pkey", "-in", files.file("client-key"), "-aes256", "-passout", "pass:secret")
    assert "passphrase" in refused(certificates.private_key, text)
    file = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", file], check=True)
    assert "passphrase" in refused(certificates.ssh_key, file.read_text())


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
@pytest.mark.parametrize("form", ["RFC4716", "PEM"])
def test_keys_that_ssh_keygen_makes(tmp_path: Path, kind: str, form: str):
    file = tmp_path / "id"
    command = ["ssh-keygen", "-q", "-t", kind, "-m", form, "-N", "", "-C", "", "-f", str(file)]
    subprocess.run(command, check=True)
    public = Path(f"{file}.pub").read_text().strip()
    assert certificates.public_key(file.read_text()) == public
    printed = subprocess.run(["ssh-keygen", "-l", "-f", file], capture_output=True, text=True)
    assert certificates.fingerprint(public) == printed.stdout.split()[1]


def test_a_key_that_is_made(tmp_path: Path):
    private, public = certificates.generate_key()
    assert certificates.public_key(private) == public
    assert public.startswith("ssh-ed25519 ")
    assert public.endswith(" plimsoll")
    assert certificates.generate_key()[0] != private
    file = tmp_path / "id"
    file.write_text(private)
    file.chmod(0o600)
    printed = subprocess.run(["ssh-keygen", "-y", "-f", file], capture_output=True, text=True)
    assert printed.stdout.strip() == public


def test_public_keys_are_one_a_line():
    lines = [certificates.generate_key()[1] for _ in range(3)]
    assert len(certificates.public_keys("\n".join(lines) + "\n\n")) == 3
    assert certificates.public_keys("") == []
    assert "no public SSH key" in refused(certificates.public_keys, f"{lines[0]}\nnonsense")
    refused(certificates.fingerprint, "")


def test_the_keys_of_a_host_in_a_known_hosts_file(tmp_path: Path):
    one, two, three = (certificates.generate_key()[1] for _ in range(3))
    text = f"web-1,10.0.0.1 {one}\n[web-1]:2222 {two}\n# a comment\n*.example.com {three}\n"
    found = certificates.known_host_keys
    assert found(text, "web-1", 22) == one
    assert found(text, "10.0.0.1", 22) == one
    assert found(text, "web-1", 2222) == two
    assert found(text, "db.example.com", 22) == three
    assert found(text, "other", 22) == ""
    assert found(f"@revoked web-1 {one}\n{text}", "web-1", 22) == ""
    file = tmp_path / "known_hosts"
    file.write_text(text)
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", file], check=True, capture_output=True)
    assert "web-1" not in file.read_text()
    assert found(file.read_text(), "web-1", 22) == one
    refused(lambda text: found(text, "web-1", 22), "nonsense\0")


def test_what_a_certificate_may_be_used_for(files: Certificates):
    for usage, client, server in ((CLIENT, True, False), (SERVER, False, True)):
        files.signed("used", usage=usage)
        facts = certificates.describe(files.text("used-cert"))
        assert (facts.client, facts.server) == (client, server)
