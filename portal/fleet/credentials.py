"""What a host is reached with: as forms fill it in, as it is kept, and what may be shown of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from portal.core import display, secrets
from portal.core.errors import DomainError
from scanner import EngineError
from scanner.transport import certificates
from scanner.transport.address import SSH, TLS
from scanner.transport.certificates import CertificateFacts
from scanner.transport.credentials import Ssh, Tls

KINDS: dict[str, type[Tls] | type[Ssh]] = {TLS: Tls, SSH: Ssh}
"""The kinds of address that need credentials, and which."""
PARTS = {
    TLS: ("tls_ca", "tls_certificate", "tls_key"),
    SSH: ("ssh_key", "ssh_host_key", "ssh_bastion_host_key"),
}
"""What each is made of; forms have a field for each."""
NEEDED = {
    "tls_ca": "Give the certificate of the authority that issued the engine's.",
    "tls_certificate": "Give the certificate that Plimsoll shows to the engine.",
    "tls_key": "Give the private key of this certificate.",
    "ssh_key": "Give a private key, or make one here.",
}


class Shown(NamedTuple):
    """What may be shown of one part: facts as (label, value), and sentences about it."""

    facts: list[tuple[str, str]]
    good: str = ""
    warning: str = ""
    public_key: str = ""


def kind_of(credentials: Tls | Ssh) -> str:
    return TLS if isinstance(credentials, Tls) else SSH


def sealed(credentials: Tls | Ssh) -> str:
    """Encrypted, as the database keeps it."""
    return secrets.encrypt(msgspec.json.encode(credentials).decode())


def opened(kind: str, body: str, *, what: str) -> Tls | Ssh:
    """Raises Undecipherable."""
    text = secrets.decrypt(body, what=what)
    try:
        return msgspec.json.decode(text, type=KINDS[kind])
    except msgspec.MsgspecError as error:
        raise secrets.Undecipherable(what) from error


def parts(credentials: Tls | Ssh | None) -> dict[str, str]:
    """By the names of PARTS."""
    if credentials is None:
        return {}
    if isinstance(credentials, Tls):
        texts: tuple[str, ...] = (credentials.ca, credentials.certificate, credentials.key)
    else:
        texts = (credentials.key, credentials.host_key, credentials.bastion_host_key)
    return dict(zip(PARTS[kind_of(credentials)], texts, strict=True))


def assembled(kind: str, given: Mapping[str, str], *, bastion: str = "") -> Tls | Ssh:
    """The reverse of `parts`."""
    texts = [given.get(name, "") for name in PARTS[kind]]
    if kind == TLS:
        return Tls(ca=texts[0], certificate=texts[1], key=texts[2])
    key, host_key, bastion_key = texts
    return Ssh(
        key=key,
        host_key=host_key,
        bastion=bastion,
        bastion_host_key=bastion_key if bastion else "",
    )


def fault(name: str, text: str) -> str:
    """Why this text cannot be this part; "" where it can."""
    try:
        if name in ("tls_ca", "tls_certificate"):
            certificates.describe(text)
        elif name == "tls_key":
            certificates.key_fingerprint(text)
        elif name == "ssh_key":
            certificates.public_key(text)
        else:
            certificates.fingerprint(text)
    except EngineError as error:
        return f"{error.message} {error.advice}".strip()
    return ""


def mismatch(given: Mapping[str, str]) -> str:
    """Why this certificate and this key are no pair; "" where they are, or one is missing."""
    certificate, key = given.get("tls_certificate"), given.get("tls_key")
    if not certificate or not key or certificates.key_matches(certificate, key):
        return ""
    return (
        "This private key does not belong to this certificate. Pick the other file "
        f"(the certificate is for {certificates.describe(certificate).key[:23]}…, "
        f"this key is {certificates.key_fingerprint(key)[:23]}…)."
    )


def facts(credentials: Tls | Ssh) -> dict[str, Any]:
    """What may be kept and shown in the clear: names, dates and fingerprints, as JSON values.
    Raises DomainError for what cannot be used."""
    given = parts(credentials)
    for name, text in given.items():
        if wrong := fault(name, text) if text or name in NEEDED else "":
            raise DomainError(wrong)
    if wrong := mismatch(given):
        raise DomainError(wrong)
    if isinstance(credentials, Tls):
        return {
            "ca": msgspec.to_builtins(certificates.describe(credentials.ca)),
            "certificate": msgspec.to_builtins(certificates.describe(credentials.certificate)),
        }
    public = certificates.public_key(credentials.key)
    return {
        "public_key": public,
        "fingerprint": certificates.fingerprint(public),
        "host_keys": _fingerprints(credentials.host_key),
        "bastion": credentials.bastion,
        "bastion_keys": _fingerprints(credentials.bastion_host_key),
    }


def fingerprints(kept: Mapping[str, Any]) -> dict[str, Any]:
    """What `facts` gave, as short as the audit log wants it."""
    if "certificate" in kept:
        return {name: kept[name]["fingerprint"] for name in ("ca", "certificate")}
    return {name: kept[name] for name in ("fingerprint", "host_keys", "bastion", "bastion_keys")}


def expires_at(credentials: Tls | Ssh) -> datetime | None:
    """When the first of its certificates ends; None where nothing of it ends by itself."""
    if isinstance(credentials, Ssh):
        return None
    authorities = certificates.certificates(credentials.ca)
    last = max(certificates.facts(found).not_after for found in authorities)
    return min(last, certificates.describe(credentials.certificate).not_after)


def shown(given: Mapping[str, str], *, now: datetime) -> dict[str, Shown]:
    """Of each part that is usable."""
    usable = {name: text for name, text in given.items() if text and not fault(name, text)}
    return {name: _shown(name, usable, now) for name in usable}


def shown_of_kept(kept: Mapping[str, Any], *, now: datetime) -> dict[str, Shown]:
    """The same of what `facts` gave."""
    if "certificate" in kept:
        ca, own = (msgspec.convert(kept[name], CertificateFacts) for name in ("ca", "certificate"))
        return {
            "tls_ca": _certificate(ca, now),
            "tls_certificate": _certificate(own, now, client=True),
            "tls_key": Shown([("Key", own.key)], "Belongs to the certificate."),
        }
    found = {
        "ssh_key": Shown([("Fingerprint", kept["fingerprint"])], public_key=kept["public_key"])
    }
    for name, key in (("ssh_host_key", "host_keys"), ("ssh_bastion_host_key", "bastion_keys")):
        if kept[key]:
            found[name] = Shown([("Fingerprint", text) for text in kept[key]])
    return found


def _shown(name: str, usable: Mapping[str, str], now: datetime) -> Shown:
    text = usable[name]
    if name == "tls_ca":
        return _certificate(certificates.describe(text), now)
    if name == "tls_certificate":
        return _certificate(certificates.describe(text), now, client=True)
    if name == "tls_key":
        good = "Belongs to the certificate." if "tls_certificate" in usable else ""
        return Shown(
            [("Key", certificates.key_fingerprint(text))], "" if mismatch(usable) else good
        )
    if name == "ssh_key":
        public = certificates.public_key(text)
        return Shown([("Fingerprint", certificates.fingerprint(public))], public_key=public)
    return Shown([("Fingerprint", found) for found in _fingerprints(text)])


def _certificate(found: CertificateFacts, now: datetime, *, client: bool = False) -> Shown:
    lines = [
        ("Subject", found.subject),
        ("Issued by", found.issuer),
        ("Valid", f"{display.day(found.not_before)} to {display.day(found.not_after)}"),
        ("Certificate", found.fingerprint),
    ]
    if found.names:
        lines.insert(2, ("Names", ", ".join(found.names[:20])))
    warning = ""
    if found.not_after <= now:
        warning = f"It ended on {display.day(found.not_after)}. Replace it."
    elif found.not_before > now:
        warning = f"It is valid only from {display.day(found.not_before)}. Check the clocks."
    elif client and not found.client:
        warning = "It is not meant for client authentication: the engine may refuse it."
    return Shown(lines, warning=warning)


def _fingerprints(keys: str) -> list[str]:
    return [certificates.fingerprint(line) for line in keys.splitlines() if line.strip()]
