"""Certificates for mutual TLS on 127.0.0.1, made for one test run: good ones, and bad ones."""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from scanner.transport.credentials import Tls

SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
HERE = ("localhost", "127.0.0.1")
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Certificates:
    """ca.pem, server-{cert,key}.pem, client-{cert,key}.pem and stranger-{ca,cert,key}.pem: the
    stranger's are good in themselves, but of an authority that the server does not know."""

    directory: Path

    @classmethod
    def make(cls, directory: Path) -> "Certificates":
        directory.mkdir()
        made = cls(directory)
        made.authority("ca")
        made.authority("stranger-ca")
        made.signed("server")
        made.signed("client", usage=CLIENT, names=())
        made.signed("stranger", authority="stranger-ca", usage=CLIENT, names=())
        return made

    def file(self, name: str) -> str:
        return str(self.directory / f"{name}.pem")

    def text(self, name: str) -> str:
        return Path(self.file(name)).read_text()

    def credentials(self, name: str = "client", *, ca: str = "ca", key: str | None = None) -> Tls:
        """What the product is given; `key` is that of another name."""
        return Tls(
            ca=self.text(ca),
            certificate=self.text(f"{name}-cert"),
            key=self.text(f"{key or name}-key"),
        )

    def server_flags(self) -> list[str]:
        return [
            "--tlsverify",
            f"--tlscacert={self.file('ca')}",
            f"--tlscert={self.file('server-cert')}",
            f"--tlskey={self.file('server-key')}",
        ]

    def authority(self, name: str, *, ends: timedelta = 2 * DAY) -> None:
        """NAME.pem and NAME-key.pem, called "plimsoll tests NAME"."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(f"plimsoll tests {name}")
        usage = x509.KeyUsage(*(False, False, False, False, False), True, True, *(False, False))
        built = (
            _dated(-10 * DAY, ends)
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .sign(key, hashes.SHA256())
        )
        self._save(name, f"{name}-key", built, key)

    def signed(
        self,
        name: str,
        *,
        authority: str = "ca",
        usage: ObjectIdentifier = SERVER,
        names: tuple[str, ...] = HERE,
        begins: timedelta = -DAY,
        ends: timedelta = 2 * DAY,
    ) -> None:
        """NAME-cert.pem and NAME-key.pem. The times are counted from now."""
        issuer = x509.load_pem_x509_certificate(self.text(authority).encode())
        signer = serialization.load_pem_private_key(
            self.text(f"{authority}-key").encode(), password=None
        )
        assert isinstance(signer, ec.EllipticCurvePrivateKey)
        key = ec.generate_private_key(ec.SECP256R1())
        building = (
            _dated(begins, ends)
            .subject_name(_name(name))
            .issuer_name(issuer.subject)
            .public_key(key.public_key())
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
                critical=False,
            )
        )
        if names:
            building = building.add_extension(
                x509.SubjectAlternativeName([_alternative(one) for one in names]), critical=False
            )
        self._save(f"{name}-cert", f"{name}-key", building.sign(signer, hashes.SHA256()), key)

    def _save(
        self,
        name: str,
        key_name: str,
        certificate: x509.Certificate,
        key: ec.EllipticCurvePrivateKey,
    ) -> None:
        pem = serialization.Encoding.PEM
        Path(self.file(name)).write_bytes(certificate.public_bytes(pem))
        Path(self.file(key_name)).write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )


def _dated(begins: timedelta, ends: timedelta) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    built = x509.CertificateBuilder().serial_number(x509.random_serial_number())
    return built.not_valid_before(now + begins).not_valid_after(now + ends)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
