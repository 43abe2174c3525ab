"""The list of calls: what is on it, and what it is printed as."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from scanner import calls
from scanner.forced_command import is_allowed as key_allows

ID = "3f2a" * 16
ALLOWED = (
    ("/version", {}),
    ("/v1.41/info", {}),
    ("/v1.41/containers/json", {"all": "1"}),
    (f"/v1.41/containers/{ID}/json", {}),
    (f"/v1.41/containers/{ID}/top", {"ps_args": "-eo pid,uid,args"}),
    (f"/v1.41/containers/{ID}/archive", {"path": "/etc/passwd"}),
    (f"/v1.41/images/sha256:{ID}/history", {}),
    ("/v1.51/secrets", {}),
)
REFUSED = (
    (f"/v1.41/containers/{ID}/archive", {"path": "/etc/shadow"}),
    (f"/v1.41/containers/{ID}/archive", {}),
    (f"/v1.41/containers/{ID}/export", {}),
    (f"/v1.41/containers/{ID}/logs", {"stdout": "1"}),
    (f"/v1.41/containers/{ID}/attach/ws", {}),
    (f"/v1.41/images/{ID}/get", {}),
    ("/v1.41/secrets/x", {}),
    ("/v1.41/swarm/unlockkey", {}),
    ("/v1.41/containers/../info", {}),
    ("/v1.41/infos", {}),
    ("//info", {}),
    ("/v1.41/containers/a/b/json", {}),
    ("/info\n", {}),
)


@pytest.mark.parametrize(("path", "query"), ALLOWED)
def test_what_is_read_is_on_the_list(path, query):
    assert calls.is_allowed(path, query)


@pytest.mark.parametrize(("path", "query"), REFUSED)
def test_what_is_not_read_is_not_on_the_list(path, query):
    assert not calls.is_allowed(path, query)


def test_a_call_is_shown_by_its_pattern():
    call = calls.known(f"/v1.41/containers/{ID}/top")
    assert call is not None
    assert call.path == "/containers/{id}/top"
    assert calls.known("/nothing/we/know") is None


def test_no_call_reads_what_is_in_files_or_secrets_but_the_list_of_users():
    free = [call for call in calls.CALLS if call.path.endswith(("/archive", "/export", "/get"))]
    assert [(call.path, call.query) for call in free] == [
        ("/containers/{id}/archive", (("path", "/etc/passwd"),))
    ]


@pytest.fixture
def key_list(monkeypatch):
    """The forced command's own list, as it is printed."""
    monkeypatch.setattr(
        "scanner.forced_command.CALLS",
        tuple((call.pattern, dict(call.query)) for call in calls.CALLS),
    )


def head(target: str, *headers: str, method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: docker", *headers]).encode()


@pytest.mark.usefixtures("key_list")
@pytest.mark.parametrize(
    "target",
    ["/version", "/v1.41/containers/json?all=1", f"/containers/{ID}/archive?path=%2Fetc%2Fpasswd"],
)
def test_the_forced_command_lets_reading_through(target):
    assert key_allows(head(target))


@pytest.mark.usefixtures("key_list")
@pytest.mark.parametrize(
    "request_head",
    [
        head("/v1.41/containers/create", method="POST"),
        head("/version", method="DELETE"),
        head("/version", method="get"),
        head("/version", "Content-Length: 5"),
        head("/version", "Transfer-Encoding: chunked"),
        head("/version", "Upgrade: tcp"),
        head("/version", "X: y", " Content-Length: 5"),
        head(f"/containers/{ID}/archive?path=/etc/passwd&path=/etc/shadow"),
        head(f"/containers/{ID}/archive?path=/etc/shadow"),
        head("/containers/%2e%2e/info"),
        head("/containers/../info"),
        b"GET /version HTTP/1.1 extra",
        b"GET  /version HTTP/1.1",
        b"",
    ],
)
def test_the_forced_command_refuses_the_rest(request_head):
    assert not key_allows(request_head)


def test_the_forced_command_is_a_program_with_the_list_in_it(tmp_path: Path):
    file = tmp_path / "plimsoll-read-only"
    file.write_text(calls.ssh_forced_command(("echo 'it is ours'",)))
    run = [sys.executable, str(file)]

    def asked(command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            run, env={"SSH_ORIGINAL_COMMAND": command}, capture_output=True, text=True, timeout=30
        )

    assert asked("echo 'it is ours'").stdout == "it is ours\n"
    for other in ("echo 'it is ours'; id", "id", "", "docker run busybox"):
        refused = asked(other)
        assert (refused.returncode, refused.stdout) == (126, "")
        assert "this key only reads" in refused.stderr


def test_the_proxy_s_list_names_every_call():
    text = calls.haproxy()
    assert "deny_status 403 unless { method GET }" in text
    assert text.count("set-var(txn.read)") == len(calls.LET_THROUGH)
    assert not re.search(r"\(\?:", text)


def test_the_call_by_which_filters_are_noticed_is_let_through_by_none():
    assert len(calls.LET_THROUGH) == len(calls.CALLS) - 1
    for text in (calls.haproxy(), calls.ssh_forced_command()):
        assert calls.UNKNOWN_PATH not in text
