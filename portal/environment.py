"""Reads PLIMSOLL_* variables: each gives a typed value, or says what it must be."""

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def given(name: str, environment: Mapping[str, str]) -> str:
    """What the variable holds, or else the file that PLIMSOLL_<name>_FILE names: an environment is
    read by everybody who may inspect a container, a file is not. Raises OSError and
    UnicodeDecodeError."""
    if held := environment.get(f"PLIMSOLL_{name}", "").strip():
        return held
    file = environment.get(f"PLIMSOLL_{name}_FILE", "").strip()
    return Path(file).read_text().strip() if file else ""


def text(name: str, default: str = "") -> str:
    try:
        return given(name, os.environ) or default
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(
            f"PLIMSOLL_{name}_FILE must name a file of text that can be read: {error}."
        ) from error


def number(name: str, default: int, *, least: int, most: int) -> int:
    held = text(name, str(default))
    if not held.isascii() or not held.isdigit() or not least <= int(held) <= most:
        raise ImproperlyConfigured(
            f"PLIMSOLL_{name}={held!r} must be a whole number from {least} to {most}."
        )
    return int(held)


def switch(name: str, *, default: bool = False) -> bool:
    held = text(name, "1" if default else "0").lower()
    if held not in ("0", "1", "true", "false", "yes", "no"):
        raise ImproperlyConfigured(f"PLIMSOLL_{name}={held!r} must be 1 or 0.")
    return held in ("1", "true", "yes")


def words(name: str, default: str = "") -> list[str]:
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def database(url: str) -> dict[str, object]:
    """A PostgreSQL URL as Django wants it; the host may be a directory (`?host=/run/postgres`)."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql") or not parts.path.strip("/"):
        raise ImproperlyConfigured(
            "PLIMSOLL_DATABASE_URL must read postgresql://USER:PASSWORD@HOST:PORT/DATABASE."
        )
    options = dict(parse_qsl(parts.query))
    host = options.pop("host", "") or unquote(parts.hostname or "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        # A database that does not answer must fail a request, not hold it for minutes.
        "OPTIONS": {"connect_timeout": "5", **options},
    }


def redis_address(url: str) -> str:
    if urlsplit(url).scheme not in ("redis", "rediss", "redis+socket"):
        raise ImproperlyConfigured(
            "PLIMSOLL_REDIS_URL must read redis://HOST:PORT/0, rediss://HOST:PORT/0 or"
            " redis+socket:///PATH."
        )
    return url


def secret_key(directory: Path) -> str:
    """The key from the environment, or one made once and kept where only the owner reads it."""
    if key := text("SECRET_KEY"):
        return key
    kept = directory / "secret_key"
    if not kept.exists():
        directory.mkdir(parents=True, exist_ok=True)
        # Written whole and then linked: two processes that start together keep the same key.
        draft = directory / f"secret_key.{os.getpid()}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(64))
        with suppress(FileExistsError):
            os.link(draft, kept)
        draft.unlink()
    return kept.read_text().strip()


def credential_keys(directory: Path) -> list[str]:
    """From the environment, or as the launcher made them; none where neither is there. Whether
    they can be used is checked by `portal.core.secrets`."""
    if keys := words("CREDENTIAL_KEYS"):
        return keys
    kept = directory / "credential_keys"
    return kept.read_text().replace(",", " ").split() if kept.exists() else []
