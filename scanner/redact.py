"""Takes secrets out of what an engine says, before anything is stored, logged or shown.

The detection of credentials is by name, by pattern and by entropy; a value never leaves here.
"""

import math
import re

HIDDEN = "[hidden]"

_NAME = re.compile(
    r"(?i)(?:^|[_.\-])(?:pass(?:word|wd|phrase)?|pwd|secret|token|api_?key|apikey|access_?key|"
    r"private_?key|credentials?|auth|client_?secret|encryption_?key|signing_?key|session_?key|"
    r"connection_?string|dsn|bearer|jwt|license_?key|webhook_?url)(?:$|[_.\-]|\d)"
    r"|password|passwd|secret(?!s?_?(?:name|file|path|dir)$)"
)
# Names of places and switches: they hold no credential although they speak of one.
_NOT_A_VALUE = re.compile(
    r"(?i)(?:_file|_path|_dir|_name|_url_prefix|_ttl|_timeout|_expiry|_expires(?:_in)?|_length|"
    r"_policy|_type|_mode|_enabled|_header|_method|_algorithm|_id|_user(?:name)?|_sock(?:et)?)$"
)
_PATTERNS = (
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    ("an AWS access key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("a GitHub token", re.compile(r"\bgh[pousr]_[A-Za-z0-9]{30,}\b|\bgithub_pat_\w{30,}\b")),
    ("a GitLab token", re.compile(r"\bglpat-[\w-]{20,}\b")),
    ("a Slack token", re.compile(r"\bxox[abprs]-[\w-]{10,}\b")),
    ("a Stripe key", re.compile(r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}\b")),
    ("a Google API key", re.compile(r"\bAIza[\w-]{35}\b")),
    ("a JSON web token", re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}")),
    (
        "a URL with a password",
        re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s:/@]*:[^\s@/]+@", re.IGNORECASE),
    ),
)
_EMPTY_VALUES = {"", "true", "false", "yes", "no", "on", "off", "none", "null", "0", "1"}
_OPAQUE = re.compile(r"[A-Za-z0-9+/=_-]{24,}")
_ASSIGNMENT = re.compile(
    r"(?i)((?:--?)?[\w.-]*(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|"
    r"private[_-]?key|credential)[\w.-]*)(\s*[=:]\s*|\s+)(?:\"[^\"]*\"|'[^']*'|\S+)"
)
_OPTION = re.compile(
    r"(?i)^--?[\w.-]*(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|"
    r"private[_-]?key|credential)[\w.-]*$"
)


def suspicion(name: str, value: str) -> str:
    """Why a variable looks like a credential, in words without the value; "" if it does not."""
    if value.strip().lower() in _EMPTY_VALUES:
        return ""
    for what, pattern in _PATTERNS:
        if pattern.search(value):
            return f"the value looks like {what}"
    if (
        _NAME.search(name)
        and not _NOT_A_VALUE.search(name)
        and not value.startswith("/run/secrets/")
    ):
        return "the name says that it is a credential"
    if _looks_random(value):
        return "the value looks random enough to be a key"
    return ""


def _looks_random(value: str) -> bool:
    """An opaque word of 24 characters or more with letters and digits and at least 4 bits of
    entropy a character, as generated keys have; hexadecimal digests are left out."""
    if len(value) > 512 or not _OPAQUE.fullmatch(value) or re.fullmatch(r"[0-9a-fA-F-]+", value):
        return False
    if not (re.search(r"\d", value) and re.search(r"[a-z]", value) and re.search(r"[A-Z]", value)):
        return False
    counts = [value.count(character) for character in set(value)]
    entropy = -sum(count / len(value) * math.log2(count / len(value)) for count in counts)
    return entropy >= 4


def text(value: str, limit: int = 500) -> str:
    """Free text (a command, a label, a probe's output), bounded, with credentials hidden."""
    value = value[: limit * 4]
    for _, pattern in _PATTERNS:
        value = pattern.sub(HIDDEN, value)
    value = _ASSIGNMENT.sub(lambda match: f"{match[1]}{match[2]}{HIDDEN}", value)
    return value if len(value) <= limit else value[:limit] + "…"


def arguments(words: list[str]) -> tuple[str, ...]:
    """A command line as a list; the word after an option that takes a credential is hidden."""
    shown, hide = [], False
    for word in words:
        shown.append(HIDDEN if hide else text(word))
        hide = bool(_OPTION.match(word))
    return tuple(shown)


def labels(values: dict[str, str | None]) -> dict[str, str]:
    """Labels with bounded values; a label that looks like a credential keeps only its name."""
    shown = {}
    for name, value in values.items():
        value = value or ""
        shown[name[:300]] = HIDDEN if suspicion(name, value) else text(value)
    return shown
