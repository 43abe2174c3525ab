"""TCP with mutual TLS: both sides show certificates, and what is wrong with either is told."""

import os
import select
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from scanner.errors import EngineError
from scanner.transport import certificates
from scanner.transport.address import Address
from scanner.transport.certificates import CertificateFacts
from scanner.transport.credentials import Tls as Credentials
from scanner.transport.rungs import Held, Rung
from scanner.transport.tcp import Dialler

# OpenSSL's numbers of why a certificate was not accepted (X509_V_ERR_…).
_NOT_YET_VALID, _EXPIRED = 9, 10
_UNKNOWN_ISSUER = {2, 18, 19, 20, 21}
_PURPOSE = 26
_WRONG_NAME = {62, 64}

_NOT_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "UNKNOWN_PROTOCOL"}
_NO_COMMON = {"HANDSHAKE_FAILURE", "PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "NO_SHARED_CIPHER"}
_TICKET_SECONDS = 1.0

PEER_KINDS = frozenset(
    {"unknown_ca", "name_mismatch", "expired", "not_yet_valid", "bad_certificate"}
)


class Tls:
    """Raises EngineError where the credentials cannot be used."""

    def __init__(self, address: Address, credentials: Credentials) -> None:
        self.address = address
        self._ours = certificates.describe(credentials.certificate)
        self._authorities = [
            certificates.facts(c) for c in certificates.certificates(credentials.ca)
        ]
        self._context = _context(credentials, self._ours)
        self._dialler = Dialler(address)
        self._held = Held(self._secured)
        self._accepted = False
        self.peer: CertificateFacts | None = None
        """What the engine's own certificate says, once it has shown it and it was accepted."""

    def connect(self, timeout: float) -> socket.socket:
        return self._held.take(timeout)

    def rungs(self) -> Iterator[Rung]:
        yield from self._dialler.rungs()
        yield Rung("TLS is spoken there", self._held.hold)
        yield Rung(f"The certificate is that of {self.address.host}", kinds=PEER_KINDS)
        yield Rung("Our certificate is accepted", kinds=frozenset({"client_refused"}))

    def trouble(self, error: Exception) -> EngineError | None:
        return self._diagnosis(error) if isinstance(error, ssl.SSLError) else None

    def close(self) -> None:
        self._dialler.close()
        self._held.close()

    def _secured(self, timeout: float) -> ssl.SSLSocket:
        raw = self._dialler.dial(timeout)
        secured: ssl.SSLSocket | None = None
        try:
            raw.settimeout(timeout)
            secured = self._context.wrap_socket(
                raw, server_hostname=self.address.host, do_handshake_on_connect=False
            )
            secured.do_handshake()
            self.peer = self.peer or _shown(secured)
            if not self._accepted:
                _await_acceptance(secured, timeout)
                self._accepted = True
        except OSError as error:
            (secured or raw).close()
            raise self._diagnosis(error, timeout) from error
        return secured

    def _diagnosis(self, error: OSError, timeout: float = 0.0) -> EngineError:
        where = self.address.where
        if isinstance(error, ssl.SSLCertVerificationError):
            return self._distrust(error, timeout)
        if isinstance(error, TimeoutError):
            return EngineError(
                "timeout",
                f"{where} takes connections, but did not finish the TLS handshake in "
                f"{timeout:g} s.",
                "Either something other than an engine listens there, or the engine hangs.",
            )
        reason = getattr(error, "reason", None) or ""
        if reason in _NOT_TLS:
            return EngineError(
                "plain_on_tls",
                f"{where} answered without encryption.",
                "Turn on --tlsverify on the engine.",
            )
        if any(word in reason for word in _NO_COMMON) and "ALERT" not in reason:
            return self._nothing_in_common(reason)
        if "ALERT" in reason:
            if any(word in reason for word in ("PROTOCOL_VERSION", "INSUFFICIENT_SECURITY")):
                return self._nothing_in_common(reason)
            return self._refused(reason)
        return EngineError(
            "closed",
            f"{where} closed the connection during the TLS handshake.",
            "Most likely something other than an engine listens there; else look into the "
            "engine's log.",
        )

    def _nothing_in_common(self, reason: str) -> EngineError:
        return EngineError(
            "tls_failed",
            f"{self.address.where} speaks TLS, but none that is safe: {_words(reason)}.",
            "TLS 1.2 or newer is needed: upgrade the engine or what stands before it.",
        )

    def _refused(self, reason: str) -> EngineError:
        ours, now = self._ours, datetime.now(UTC)
        if ours.not_after < now:
            why = f" It ended {_day(ours.not_after)}."
        elif ours.not_before > now:
            why = f" It is not valid before {_day(ours.not_before)}."
        elif not ours.client:
            why = " It is not made for client authentication."
        else:
            why = f' It was issued by "{ours.issuer}".'
        return EngineError(
            "client_refused",
            f"The engine does not accept our client certificate ({_words(reason)}).{why}",
            "It must be signed by the engine's CA (its --tlscacert) with client authentication.",
        )

    def _distrust(self, error: ssl.SSLCertVerificationError, timeout: float) -> EngineError:
        code, theirs = error.verify_code, self._shown(timeout)
        if code in _UNKNOWN_ISSUER:
            given = " and ".join(f'"{name}"' for name in {a.subject: 0 for a in self._authorities})
            issuer = f'by "{theirs.issuer}"' if theirs else "by another authority"
            return EngineError(
                "unknown_ca",
                f"The engine's certificate was issued {issuer}, not by the CA you gave ({given}).",
                "Upload the issuing CA. If both have the same name, it was renewed meanwhile."
                if theirs and any(theirs.issuer == a.subject for a in self._authorities)
                else "Upload the issuing CA.",
            )
        if code in _WRONG_NAME:
            names = ", ".join(theirs.names or (theirs.subject,)) if theirs else "other names"
            use = f"Use {theirs.names[0]}" if theirs and theirs.names else "Use its name"
            return EngineError(
                "name_mismatch",
                f"The certificate is for {names}; you entered {self.address.host}.",
                f"{use}, or reissue the certificate with this name too.",
            )
        if code in (_EXPIRED, _NOT_YET_VALID):
            return self._out_of_date(code, theirs)
        if code == _PURPOSE:
            return EngineError(
                "bad_certificate",
                "The engine's certificate is not made for a server.",
                "Reissue it with server authentication among its extended key usages.",
            )
        return EngineError(
            "bad_certificate",
            f"The engine's certificate cannot be relied on: {error.verify_message}.",
            "Reissue the engine's certificate.",
        )

    def _out_of_date(self, code: int, theirs: CertificateFacts | None) -> EngineError:
        now = datetime.now(UTC)
        clock = f"Server clock: {now:%d %b %Y %H:%M} UTC."
        candidates = [("Certificate", theirs)] if theirs else []
        candidates += [(f'The CA "{a.subject}"', a) for a in self._authorities]
        if code == _EXPIRED:
            said = [
                f"{who} ended {_day(c.not_after)}" for who, c in candidates if c.not_after < now
            ]
            said = said or ["The certificate's validity has ended"]
            return EngineError(
                "expired", f"{said[0]}. {clock}", "Replace it; check this server's clock."
            )
        said = [f"{w} begins {_day(c.not_before)}" for w, c in candidates if c.not_before > now]
        said = said or ["The certificate's validity has not begun"]
        return EngineError(
            "not_yet_valid",
            f"{said[0]}. {clock}",
            "Check the clocks of this server and of whoever issued it, or wait.",
        )

    def _shown(self, timeout: float) -> CertificateFacts | None:
        """The certificate that the server shows, which we do not trust: only to tell about it. On
        a connection of its own, on which we neither show ours nor ask anything."""
        curious = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        curious.check_hostname = False
        curious.verify_mode = ssl.CERT_NONE
        try:
            with closing(self._dialler.dial(timeout)) as raw:
                raw.settimeout(timeout)
                with curious.wrap_socket(raw, server_hostname=self.address.host) as secured:
                    return _shown(secured)
        except (OSError, ValueError, EngineError):
            return None  # a TLS 1.2 server hides it from whoever shows none


def _shown(secured: ssl.SSLSocket) -> CertificateFacts:
    return certificates.facts(x509.load_der_x509_certificate(secured.getpeercert(True) or b""))


def _context(credentials: Credentials, ours: CertificateFacts) -> ssl.SSLContext:
    """Trusts what was given and nothing of the environment."""
    if ours.key != (theirs := certificates.key_fingerprint(credentials.key)):
        raise EngineError(
            "key_mismatch",
            "This private key does not belong to this certificate.",
            f"Pick the other file. The certificate's key is {ours.key[:29]}…, the private key is "
            f"{theirs[:29]}….",
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    authorities = certificates.certificates(credentials.ca)
    try:
        context.load_verify_locations(
            cadata="".join(c.public_bytes(serialization.Encoding.PEM).decode() for c in authorities)
        )
        _load_own(context, credentials)
    except ssl.SSLError as error:
        raise EngineError(
            "bad_credentials",
            f"The certificates cannot be used: {error.reason}.",
            "Give certificates and a key such as openssl makes them: RSA or EC, in PEM.",
        ) from error
    return context


def _load_own(context: ssl.SSLContext, credentials: Credentials) -> None:
    """OpenSSL reads a key only from a file: one that is in memory alone and has no name."""
    key = certificates.private_key(credentials.key).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    chain = certificates.certificates(credentials.certificate)
    texts = [key, *(c.public_bytes(serialization.Encoding.PEM) for c in chain)]
    with os.fdopen(os.memfd_create("plimsoll"), "wb") as file:
        file.write(b"".join(texts))
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")


def _await_acceptance(secured: ssl.SSLSocket, timeout: float) -> None:
    """Under TLS 1.3 a server says only after the handshake whether it accepts our certificate: by
    an alert, or by a ticket for the next time. Whoever sends neither will tell at the first call.
    """
    if secured.version() != "TLSv1.3":
        return
    answer = select.poll()
    answer.register(secured, select.POLLIN)
    if not answer.poll(1000 * min(timeout, _TICKET_SECONDS)):
        return
    secured.settimeout(0)
    try:
        secured.recv(1)
    except ssl.SSLWantReadError:
        secured.settimeout(timeout)
        return
    raise ConnectionResetError


def _words(reason: str) -> str:
    return (
        reason.replace("TLSV13_", "")
        .replace("SSLV3_", "")
        .replace("TLSV1_", "")
        .replace("_", " ")
        .lower()
    )


def _day(moment: datetime) -> str:
    days = (datetime.now(UTC) - moment).days
    text = f"{moment:%d %b %Y}"
    if days > 0:
        return f"{text} ({days} day{'s' if days > 1 else ''} ago)"
    return f"{text} at {moment:%H:%M} UTC"
