"""What is taken for a credential, what is not, and that a text keeps none."""

import pytest

from scanner import redact

RANDOM = "q7Zr2mXv9LkT4wBn8YcD1sHf6JgP3aVe"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_PASSWORD", "hunter2"),
        ("PGPASSWORD", "hunter2"),
        ("MYSQL_PWD", "hunter2"),
        ("DB_PASS", "hunter2"),
        ("accessToken", "hunter2"),
        ("CLIENT-SECRET", "hunter2"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2"),
        ("WEBHOOK_URL", "https://hooks.example.com/T0/B0/x"),
        ("SESSION_TOKEN", "4711"),
        ("CACHE", "redis://:hunter2@cache/0"),
        ("JAVA_OPTS", "-Xmx64m -Ddb.password=hunter2"),
        ("ConnectionStrings__Shop", "Server=db;User Id=shop;Password=hunter2;"),
        ("SETTINGS", '{"user": "shop", "api_key": "hunter2"}'),
        ("LICENCE", RANDOM),
        ("KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ],
)
def test_a_credential_is_suspected_and_the_reason_does_not_hold_it(name, value):
    reason = redact.suspicion(name, value)
    assert reason
    assert value not in reason
    assert "hunter2" not in reason


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_PASSWORD_FILE", "/run/secrets/database"),
        ("DATABASE_PASSWORD", "/run/secrets/database"),
        ("DATABASE_PASSWORD", "${DATABASE_PASSWORD}"),
        ("DATABASE_PASSWORD", "vault:secret/data/shop#password"),
        ("DATABASE_PASSWORD", ""),
        ("PWD", "/home/app"),
        ("OLDPWD", "/"),
        ("AUTH", "enabled"),
        ("AUTH_SERVICE_HOST", "10.0.0.7"),
        ("AUTH_PORT", "tcp://10.0.0.7:8080"),
        ("AUTH_PORT_8080_TCP_PROTO", "tcp"),
        ("TOKEN_SERVICE_PORT_HTTP", "8080"),
        ("TOKEN_URL", "https://login.example.com/token"),
        ("tokenLifetime", "3600"),
        ("AUTHOR", "Ada Lovelace"),
        ("MAX_TOKENS", "4096"),
        ("PGOPTIONS", "-c password_encryption=scram-sha-256"),
        ("JAVA_OPTS", "-Dpassword=$PASSWORD -Dtoken=true -Dsecret=/run/secrets/key"),
        ("PYTHON_SHA256", "5c0fd7a1d8a2a1a0f2f2a4bb8e8f5f0d8d0f5f4f3f2f1f0e9d8c7b6a5f4e3d2c"),
        ("ID", "0b1f4c1e-8b58-4d0f-9a54-5f1d2c3b4a59"),
        ("PLACE", "/opt/MyShop2/config/Production/Settings/Main"),
        ("REGION", "Production-Region2-WestEurope-Primary"),
    ],
)
def test_what_only_looks_like_one_is_not_suspected(name, value):
    assert redact.suspicion(name, value) == ""


@pytest.mark.parametrize(
    "text",
    [
        "password=hunter2",
        "PASSWORD: hunter2",
        "--token hunter2 --verbose",
        "--api-key='hunter2 hunter2'",
        '{"status": "down", "password": "hunter2"}',
        "{'dbSecret':'hunter2'}",
        "GET /?access_key=hunter2 HTTP/1.1",
        "Authorization: Bearer hunter2",
        "authorization=Basic hunter2",
        "https://shop:hunter2@example.com/",
    ],
)
def test_a_text_keeps_no_credential(text):
    shown = redact.text(text)
    assert "hunter2" not in shown
    assert redact.HIDDEN in shown


def test_a_text_without_credentials_is_kept():
    text = "connection refused: 127.0.0.1:8080 (is the server up?)"
    assert redact.text(text) == text
    assert redact.text("x" * 600) == "x" * 500 + "…"
