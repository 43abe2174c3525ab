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
    r"(?i)(?:_file|_path|_dir|_name|_prefix|_ttl|_timeout|_expiry|_expires(?:_in)?|_length|"
    r"_policy|_type|_mode|_enabled|_header|_method|_algorithm|_id|_user(?:name)?|_sock(?:et)?|"
    r"_lifetime|_limit|_max|_min|_count|_size|_age|_interval|_days|_hours|_minutes|_seconds|"
    r"_host|_port|_addr|_proto|_endpoint|_issuer|_audience|_provider|_scopes?|_required|_version|"
    r"_format|_backend|_driver|_realm|_strategy|_domain|_region|(?<!webhook)_ur[il])$"
    # What Kubernetes and links of Docker put there for a service called auth or token.
    r"|_port_\d+_(?:tcp|udp)(?:_\w+)?$|_service_port_\w+$"
)
_PATTERNS = (
    (
        "a private key",
        re.compile(
            r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----"
            r"(?:.*?-----END [A-Z ]{0,40}PRIVATE KEY-----|.*)",
            re.DOTALL,
        ),
    ),
    ("an AWS access key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("a GitHub token", re.compile(r"\bgh[pousr]_[A-Za-z0-9]{30,}\b|\bgithub_pat_\w{30,}\b")),
    ("a GitLab token", re.compile(r"\bglpat-[\w-]{20,}\b")),
    ("a Slack token", re.compile(r"\bxox[abprs]-[\w-]{10,}\b")),
    ("a Stripe key", re.compile(r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}\b")),
    ("a Google API key", re.compile(r"\bAIza[\w-]{35}\b")),
    ("a JSON web token", re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}")),
    (
        "a URL with a password",
        re.compile(r"\b[a-z][a-z0-9+.-]{0,30}://[^\s:/@]*:[^\s@/]+@", re.IGNORECASE),
    ),
    (
        "a password for chpasswd",
        re.compile(r"[\w.-]{1,64}:[^\s\"'$|]{1,200}[\"']?\s*\|\s*(?:sudo\s+)?chpasswd\b"),
    ),
    (
        "a password for curl",
        re.compile(
            r"\bcurl\s[^|;&\n]{0,500}?(?<=\s)(?:-u|--user)[\s=]?[\"']?[^\s:$\"']{1,64}:[^\s$\"'{]+"
        ),
    ),
    ("a password for sshpass", re.compile(r"\bsshpass\s+-p\s*[\"']?[^\s$\"']+")),
)
# Within a value: `-Ddb.password=...`, `Server=db;Password=...`, `{"api_key": "..."}`.
_WITHIN = re.compile(
    r"(?i)(?:password|passwd|pwd|secret|token|(?:api|access|private|secret|account)[_-]?key)"
    r"(?:[\"']\s*:|\s*=)\s*[\"']?(?!(?:true|false|none|null|\d{1,4})\b)[^\s\"';&,$<{/]"
)
_AUTHORIZATION = re.compile(
    r"(?i)\bauthorization[\"']?\s*[:=]\s*(?:basic|bearer|token)\s+[^\s$\"'{<]"
)
_NAMES_A_VARIABLE = re.compile(r":\$[{(A-Z_]")  # as in https://shop:${TOKEN}@example.com
_BETWEEN_COMMANDS = re.compile(r"(&&|\|\||[;|\n])")
_EMPTY_VALUES = {"", "true", "false", "yes", "no", "on", "off", "none", "null", "0", "1"}
_EMPTY_VALUES |= {"enabled", "disabled", "required", "optional"}
# Where the credential is, or will be filled in: not the credential.
_REFERENCE = re.compile(
    r"/run/secrets/.*|(?:file|vault|arn:aws:(?:secretsmanager|ssm)):.*|\$\{[^}]*\}|\$\([^)]*\)"
    r"|\{\{.*\}\}",
    re.DOTALL,
)
_OPAQUE = re.compile(r"[A-Za-z0-9+/=_-]{24,}")
_ASSIGNMENT = re.compile(  # possessive, so that no long text makes it slow
    r"(?i)((?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|"
    r"private[_-]?key|credential)[\w.-]*+[\"']?|\bauthorization[\"']?(?=\s*[=:]))"
    r"(\s*[=:]\s*|\s+)(?:\"[^\"]*\"|'[^']*'|(?:(?:basic|bearer|token)\s+)?\S+)"
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
    working_directory = name.upper() in {"PWD", "OLDPWD"} and value.startswith("/")
    if working_directory or _REFERENCE.fullmatch(value.strip()):
        return ""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)  # accessToken
    if (_NAME.search(name) or _NAME.search(words)) and not _NOT_A_VALUE.search(words):
        return "the name says that it is a credential"
    if _WITHIN.search(value):
        return "the value holds what is called a password or a key"
    if _looks_random(value):
        return "the value looks random enough to be a key"
    return ""


def _looks_random(value: str) -> bool:
    """An opaque word of 24 characters or more with letters and digits and at least 4 bits of
    entropy a character, as generated keys have; hexadecimal digests are left out, and so are words
    that are strung together, in which the kind of character seldom changes."""
    if len(value) > 512 or not _OPAQUE.fullmatch(value) or re.fullmatch(r"[0-9a-fA-F-]+", value):
        return False
    if not (re.search(r"\d", value) and re.search(r"[a-z]", value) and re.search(r"[A-Z]", value)):
        return False
    counts = [value.count(character) for character in set(value)]
    entropy = -sum(count / len(value) * math.log2(count / len(value)) for count in counts)
    changes = len(re.findall(r"(?=[a-z][A-Z\d]|[A-Z][a-z\d]|\d[A-Za-z])", value))
    return entropy >= 4 and changes >= len(value) / 4


def text(value: str, limit: int = 500) -> str:
    """Free text (a command, a label, a probe's output), bounded, with credentials hidden."""
    value = value[: limit * 4]
    for _, pattern in _PATTERNS:
        value = pattern.sub(HIDDEN, value)
    value = _ASSIGNMENT.sub(_hidden, value)
    return value if len(value) <= limit else value[:limit] + "…"


def credential_in(text: str) -> str:
    """Why a command or a script seems to hold a credential, in words without it; "" if it does
    not. What only names a variable holds none."""
    for what, pattern in _PATTERNS:
        if any(not _NAMES_A_VARIABLE.search(match[0]) for match in pattern.finditer(text)):
            return f"it holds what looks like {what}"
    if _WITHIN.search(text) or _AUTHORIZATION.search(text):
        return "it holds what is called a password or a key"
    return ""


def script(text: str) -> str:
    """A script of the shell with credentials hidden, and the words of all its other commands."""
    for _, pattern in _PATTERNS:
        text = pattern.sub(HIDDEN, text)
    return "".join(
        part if number % 2 else _ASSIGNMENT.sub(_hidden, part)
        for number, part in enumerate(_BETWEEN_COMMANDS.split(text))
    )


def _hidden(match: re.Match[str]) -> str:
    return f"{match[1]}{match[2]}{HIDDEN}"


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
