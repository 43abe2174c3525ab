"""Every setting. What the environment may set is explained in docs/configuration.md."""

import logging
import sys
from pathlib import Path
from urllib.parse import quote

import structlog
from csp.constants import NONE, SELF

from portal.environment import (
    credential_keys,
    database,
    number,
    redis_address,
    secret_key,
    switch,
    text,
    words,
)

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(text("DATA_DIR", str(BASE_DIR / "var"))).expanduser().absolute()
SECRET_KEY = secret_key(DATA_DIR)
CREDENTIAL_KEYS = credential_keys(DATA_DIR)
DEBUG = switch("DEBUG")
# This machine itself is always let in: that is how the launcher asks whether all is ready.
BIND = text("BIND", "127.0.0.1")
ALLOWED_HOSTS = [
    *words("ALLOWED_HOSTS"),
    *("localhost", "127.0.0.1", "[::1]"),
    f"[{BIND}]" if ":" in BIND else BIND,
]

# Plimsoll's own
BOOTSTRAP_EMAIL = text("BOOTSTRAP_EMAIL")
BOOTSTRAP_PASSWORD = text("BOOTSTRAP_PASSWORD")
BOOTSTRAP_HOST = text("BOOTSTRAP_HOST")
SCAN_INTERVAL_SECONDS = number("SCAN_INTERVAL_SECONDS", 86_400, least=10, most=31_536_000)
SCAN_LEASE_SECONDS = number("SCAN_LEASE_SECONDS", 45, least=5, most=3_600)
LEDGER_READINGS = number("LEDGER_READINGS", 100, least=1, most=10_000)
ENGINE_TIMEOUT_SECONDS = number("ENGINE_TIMEOUT_SECONDS", 10, least=1, most=600)

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "django_htmx",
    "django_structlog",
    "template_partials.apps.SimpleAppConfig",
    "portal.core",
    "portal.accounts",
    "portal.fleet",
    "portal.policies",
    "portal.schedules",
    "portal.compliance",
    "portal.overview",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "portal.accounts.middleware.SignInMiddleware",
    "portal.accounts.middleware.TimeZoneMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    # After the log: what it turns into a redirect is no error.
    "allauth.account.middleware.AccountMiddleware",
    "portal.policies.middleware.CatalogueMiddleware",
    "portal.core.http.DomainErrorMiddleware",
]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"

_files = [
    "django.template.loaders.filesystem.Loader",
    "django.template.loaders.app_directories.Loader",
]
_cached = _files if DEBUG else [("django.template.loaders.cached.Loader", _files)]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            # Outermost, so that "page.html#fragment" names a part of a page.
            "loaders": [("template_partials.loader.Loader", _cached)],
            "builtins": ["template_partials.templatetags.partials"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.core.context.frame",
            ],
        },
    }
]

DATABASES = {
    "default": database(
        text(
            "DATABASE_URL",
            f"postgresql://plimsoll@/plimsoll?host={quote(str(DATA_DIR / 'run' / 'pg'), safe='')}",
        )
    )
}
# The form of a policy has some fields for each rule, and people may write rules of their own.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = redis_address(
    text("REDIS_URL", f"redis+socket://{quote(str(DATA_DIR / 'run' / 'valkey.sock'))}")
)
# Celery and redis-py spell the address of a unix socket differently.
REDIS_CLIENT_URL = REDIS_URL.replace("redis+socket://", "unix://").replace("virtual_host=", "db=")

# Sign-in: by e-mail and password, a second factor where one is set; nobody signs up by themselves.
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "portal.accounts.adapters.AccountAdapter"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_USER_MODEL_EMAIL_FIELD = "email"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_RATE_LIMITS = {"login": "30/m/ip", "login_failed": "10/m/ip,5/5m/key"}
MFA_ADAPTER = "portal.accounts.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Plimsoll"

# The rate limits are counted in Redis, so that every web process sees the same numbers.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_CLIENT_URL,
        "KEY_PREFIX": "plimsoll:cache",
    }
}

# What the browser may do: our own files and nothing else, and no inline script or style.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
# Proxies in front tell who asks and whether that was over TLS; nobody else may say so.
ALLAUTH_TRUSTED_PROXY_COUNT = number("TRUSTED_PROXIES", 0, least=0, most=10)
if ALLAUTH_TRUSTED_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = ALLAUTH_TRUSTED_PROXY_COUNT > 0
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
FILE_UPLOAD_HANDLERS = ["portal.core.uploads.MemoryOnly"]

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True

# Celery. A message may come twice and never may be lost, so every task is safe to run twice.
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True  # a broker that starts later is no error
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 600,  # longer than any task: an unacknowledged one is given out again
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
}
CELERY_TASK_DEFAULT_QUEUE = "maintenance"
CELERY_TASK_ROUTES = {"compliance.scan_host": {"queue": "scan"}}
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]  # a message can never be code
CELERY_TASK_IGNORE_RESULT = True  # what a task did is in the database
CELERY_TASK_ACKS_LATE = True  # a killed worker's task is still in the queue
CELERY_TASK_REJECT_ON_WORKER_LOST = True  # also when only the child process was killed
CELERY_TASK_TIME_LIMIT = 300
CELERY_WORKER_PREFETCH_MULTIPLIER = 1  # a waiting message stays where an idle worker can take it
CELERY_WORKER_CONCURRENCY = number("WORKER_CONCURRENCY", 2, least=1, most=64)
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 300_000  # kilobytes; then the child is replaced
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 6  # a running task may finish; then it goes back
CELERY_TIMEZONE = "UTC"

# Logs: JSON lines for machines, colours for a person at a terminal.
DJANGO_STRUCTLOG_CELERY_ENABLED = True
DJANGO_STRUCTLOG_CELERY_DEFAULT_LOG_LEVEL = logging.DEBUG  # beat sends every two seconds
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG
_steps: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso"),
    structlog.processors.StackInfoRenderer(),
]
_render: list[structlog.typing.Processor] = (
    [structlog.dev.ConsoleRenderer()]
    if sys.stderr.isatty()
    else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
)
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *_steps,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_render],
            "foreign_pre_chain": _steps,
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        name: {"level": "WARNING"}
        for name in ("celery.beat", "celery.app.trace", "celery.worker.strategy")
    },
}
