"""Certificates for mutual TLS on 127.0.0.1, made by openssl for one test run."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

SERVER = "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n"
CLIENT = "extendedKeyUsage=clientAuth\n"


@dataclass(frozen=True)
class Certificates:
    """ca.pem, server-{cert,key}.pem, client-{cert,key}.pem and stranger-{ca,cert,key}.pem: the
    stranger's are good in themselves, but of an authority that the server does not know."""

    directory: Path

    @classmethod
    def make(cls, directory: Path) -> "Certificates":
        directory.mkdir()
        made = cls(directory)
        made._authority("ca")
        made._authority("stranger-ca")
        made._signed("server", "ca", SERVER)
        made._signed("client", "ca", CLIENT)
        made._signed("stranger", "stranger-ca", CLIENT)
        return made

    def file(self, name: str) -> str:
        return str(self.directory / f"{name}.pem")

    def server_flags(self) -> list[str]:
        return [
            "--tlsverify",
            f"--tlscacert={self.file('ca')}",
            f"--tlscert={self.file('server-cert')}",
            f"--tlskey={self.file('server-key')}",
        ]

    def _authority(self, name: str) -> None:
        self._openssl(
            *("req", "-x509", "-days", "2", "-subj", f"/CN=plimsoll tests {name}"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", self.file(f"{name}-key"), "-out", self.file(name)),
        )

    def _signed(self, name: str, authority: str, extensions: str) -> None:
        request, words = self.file(f"{name}-request"), self.directory / f"{name}.ext"
        words.write_text(extensions + "authorityKeyIdentifier=keyid\n")
        self._openssl(
            *("req", "-subj", f"/CN={name}", "-out", request),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", self.file(f"{name}-key")),
        )
        self._openssl(
            *("x509", "-req", "-days", "2", "-in", request, "-extfile", str(words)),
            *("-CA", self.file(authority), "-CAkey", self.file(f"{authority}-key")),
            *("-CAcreateserial", "-out", self.file(f"{name}-cert")),
        )

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)
