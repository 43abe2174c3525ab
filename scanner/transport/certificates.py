"""What certificates and keys say of themselves. Reads texts that were given; opens nothing."""

import ipaddress
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from scanner.errors import EngineError
from scanner.lazily import Lazily

if TYPE_CHECKING:
    import asyncssh
else:
    asyncssh = Lazily("asyncssh")

LIMIT = 256 * 1024
"""Characters of a text that is looked at."""


class CertificateFacts(msgspec.Struct, frozen=True):
    """Names are common names where there are any. `fingerprint` is the certificate's, `key` that of
    its public key: SHA-256 as openssl prints it. `client` and `server`: what it may be used as."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    fingerprint: str
    key: str
    client: bool
    server: bool


def describe(pem: str) -> CertificateFacts:
    """The first certificate of a text. Raises EngineError where there is none."""
    return facts(certificates(pem)[0])


def certificates(pem: str) -> list[x509.Certificate]:
    """All of a text, at least one. Raises EngineError."""
    try:
        found = x509.load_pem_x509_certificates(_bounded(pem))
    except ValueError:
        found = []
    if not found:
        raise EngineError(
            "bad_credentials",
            "This is no certificate.",
            "Give the PEM text that begins with -----BEGIN CERTIFICATE-----.",
        )
    return found


def facts(certificate: x509.Certificate) -> CertificateFacts:
    usage = _usage(certificate)
    return CertificateFacts(
        subject=_name(certificate.subject),
        issuer=_name(certificate.issuer),
        names=_names(certificate),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(":").upper(),
        key=_public_fingerprint(certificate.public_key()),
        client=usage is None or ExtendedKeyUsageOID.CLIENT_AUTH in usage,
        server=usage is None or ExtendedKeyUsageOID.SERVER_AUTH in usage,
    )


def key_matches(certificate: str, key: str) -> bool:
    """True if the private key belongs to the certificate. Raises EngineError where a text is not
    what it should be."""
    return describe(certificate).key == key_fingerprint(key)


def key_fingerprint(key: str) -> str:
    """SHA-256 of the public key that belongs to a private one. Raises EngineError."""
    return _public_fingerprint(private_key(key).public_key())


def private_key(key: str) -> PrivateKeyTypes:
    """Raises EngineError for what is no private key without passphrase."""
    try:
        return serialization.load_pem_private_key(_bounded(key), password=None)
    except TypeError:
        raise _encrypted() from None
    except ValueError:
        raise EngineError(
            "bad_credentials",
            "This is no private key.",
            "Give the PEM text that begins with -----BEGIN PRIVATE KEY-----.",
        ) from None


def generate_key() -> tuple[str, str]:
    """A new SSH key: the private one, and the public one as a line for authorized_keys."""
    key = asyncssh.generate_private_key("ssh-ed25519", comment="plimsoll")
    return key.export_private_key().decode(), key.export_public_key().decode().strip()


def ssh_key(key: str) -> "asyncssh.SSHKey":
    """Raises EngineError for what is no private SSH key without passphrase."""
    try:
        return asyncssh.import_private_key(_bounded(key))
    except asyncssh.KeyEncryptionError:
        raise _encrypted() from None
    except (asyncssh.KeyImportError, ValueError) as error:
        if "passphrase" in str(error).lower():
            raise _encrypted() from None
        raise EngineError(
            "bad_credentials",
            "This is no private SSH key.",
            "Give the text of a file such as ~/.ssh/id_ed25519, not the .pub one.",
        ) from None


def public_key(key: str) -> str:
    """The line for authorized_keys that belongs to a private SSH key. Raises EngineError."""
    made = ssh_key(key).convert_to_public()
    return made.export_public_key().decode().strip()


def public_keys(text: str) -> "list[asyncssh.SSHKey]":
    """Public SSH keys, one a line. Raises EngineError for a line that is none."""
    try:
        return [asyncssh.import_public_key(line) for line in _bounded(text).splitlines() if line]
    except (asyncssh.KeyImportError, ValueError):
        raise EngineError(
            "bad_credentials",
            "This is no public SSH key of a host.",
            "Give a line such as `ssh-ed25519 AAAA…`; `ssh-keyscan` prints those of a host.",
        ) from None


def known_host_keys(known_hosts: str, host: str, port: int) -> str:
    """Those of a host in the text of a known_hosts file, one a line; "" where there are none.
    Raises EngineError for what is no such text."""
    try:
        found = asyncssh.import_known_hosts(known_hosts).match(host, "", port)
    except ValueError as error:
        raise EngineError(
            "bad_credentials",
            f"This is no known_hosts file: {error}",
            "Give one such as ~/.ssh/known_hosts.",
        ) from error
    keys, revoked = found[0], {key.public_data for key in found[2]}
    lines = [k.export_public_key().decode().strip() for k in keys if k.public_data not in revoked]
    return "\n".join(lines)


def fingerprint(public_key: str) -> str:
    """SHA256:… of the first public SSH key of a text, as `ssh-keygen -l` prints it. Raises
    EngineError."""
    keys = public_keys(public_key)
    if not keys:
        raise EngineError("bad_credentials", "There is no public SSH key in this text.")
    return keys[0].get_fingerprint()


def _bounded(text: str) -> bytes:
    if len(text) > LIMIT:
        raise ValueError(f"longer than {LIMIT} characters")
    return text.strip().encode("utf-8", "replace") + b"\n"


def _encrypted() -> EngineError:
    return EngineError(
        "bad_credentials",
        "This private key is protected by a passphrase.",
        "Give one without: nobody is there to type the passphrase at each scan.",
    )


def _name(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if common else name.rfc4514_string()


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return tuple(
        str(value)
        for kind in (x509.DNSName, x509.IPAddress)
        for value in found.get_values_for_type(kind)
        if isinstance(value, str | ipaddress.IPv4Address | ipaddress.IPv6Address)
    )


def _usage(certificate: x509.Certificate) -> x509.ExtendedKeyUsage | None:
    """None where it says nothing, which allows all."""
    try:
        return certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return None


def _public_fingerprint(key: object) -> str:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(
        key.public_bytes(  # type: ignore[attr-defined] # every kind of public key has it
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return digest.finalize().hex(":").upper()
