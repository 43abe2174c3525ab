"""`plimsoll` as a person or a pipeline runs it: a process of its own, on a real engine."""

import json
import os
import pty
import signal
import socket
import subprocess
import sys
import time

import pytest

from tests.conftest import start
from tests.support.ssh import SshServer

PLIMSOLL = (sys.executable, "-m", "scanner")


def plimsoll(*arguments):
    return subprocess.run([*PLIMSOLL, *arguments], capture_output=True, text=True, timeout=120)


@pytest.fixture
def container(empty_engine):
    empty_engine.docker_run("--privileged", name="web", create_only=True)
    return "web"


def test_the_table_names_the_container_and_what_is_wrong(engine, container):
    found = plimsoll("scan", engine.url)
    assert found.returncode == 0
    assert "CRITICAL (1)" in found.stdout
    assert "Container runs privileged" in found.stdout
    assert "\x1b" not in found.stdout
    assert found.stderr == ""


def test_the_json_holds_every_verdict_by_the_containers_name(engine, container):
    found = plimsoll("scan", engine.url, "--format", "json")
    document = json.loads(found.stdout)
    assert list(document) == ["schema", "host", "results", "gaps"]
    verdicts = {
        (result["subject"]["name"], result["rule"]): result["verdict"]
        for result in document["results"]
    }
    assert verdicts[container, "privileged"] == "fail"
    assert verdicts[container, "root-user"] == "fail"
    assert verdicts[container, "restart-policy"] == "pass"
    assert document["host"]["version"] == engine.version


def test_a_bare_path_is_an_address_and_one_rule_may_be_chosen(engine, container):
    path = engine.url.removeprefix("unix://")
    found = plimsoll("scan", path, "--format=json", "--rule=privileged", "--rule=root-user")
    results = json.loads(found.stdout)["results"]
    assert {result["rule"] for result in results} == {"privileged", "root-user"}


@pytest.mark.parametrize(
    ("rule", "threshold", "code"),
    [
        ("privileged", "critical", 1),
        ("privileged", "low", 1),
        ("root-user", "critical", 0),
        ("root-user", "high", 1),
        ("restart-policy", "low", 0),
    ],
)
def test_the_exit_code_is_a_gate(engine, container, rule, threshold, code):
    found = plimsoll("scan", engine.url, f"--rule={rule}", f"--fail-on={threshold}")
    assert found.returncode == code, found.stderr


def test_an_unknown_verdict_opens_the_gate_unless_it_is_told_otherwise(empty_engine):
    empty_engine.docker_run("--user=somebody", name="stranger", create_only=True)
    choice = ("scan", empty_engine.url, "--rule=root-user", "--fail-on=low")
    assert plimsoll(*choice).returncode == 0
    assert plimsoll(*choice, "--fail-on-unknown").returncode == 1


def test_without_process_lists_what_only_they_tell_is_unknown(engine, container):
    engine.docker_run(name="runs-on")
    try:
        asked = ("--rule", "remote-login-service", "--format", "json")
        for extra, verdict, reason in (
            ((), "pass", None),
            (("--no-processes",), "unknown", "process lists were left out of this scan"),
        ):
            said = json.loads(plimsoll("scan", engine.url, *asked, *extra).stdout)
            [result] = [r for r in said["results"] if r["subject"]["name"] == "runs-on"]
            assert (result["verdict"], result.get("reason")) == (verdict, reason)
    finally:
        engine.cli("rm", "--force", "runs-on")


def test_an_engine_that_cannot_be_scanned_is_a_diagnosis_and_exit_code_2(tmp_path):
    missing = tmp_path / "no.sock"
    found = plimsoll("scan", f"unix://{missing}", "--fail-on=low")
    assert found.returncode == 2
    assert str(missing) in found.stderr
    assert found.stdout == ""


def test_the_diagnosis_is_json_where_json_was_asked_for(tmp_path):
    found = plimsoll("scan", f"unix://{tmp_path}/no.sock", "--format=json")
    assert found.returncode == 2
    assert json.loads(found.stdout)["error"]["kind"] == "socket_missing"


def test_a_rule_that_is_misspelt_is_answered_with_the_nearest():
    found = plimsoll("scan", "/nowhere", "--rule", "priviledged")
    assert found.returncode == 2
    assert "did you mean privileged?" in found.stderr


def test_a_rule_that_is_like_none_is_answered_with_where_to_look():
    found = plimsoll("scan", "/nowhere", "--rule", "xyz")
    assert "`plimsoll rules` lists them" in found.stderr


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "x"])
def test_a_timeout_must_be_a_time(seconds):
    assert plimsoll("scan", "/nowhere", f"--timeout={seconds}").returncode == 2


def test_the_rules_are_listed_for_people_and_for_programs():
    assert "Container runs privileged" in plimsoll("rules").stdout
    document = json.loads(plimsoll("rules", "--format", "json").stdout)
    assert "privileged" in {rule["slug"] for rule in document["rules"]}


def test_a_reader_that_has_seen_enough_is_no_traceback():
    read, write = os.pipe()
    os.close(read)
    ended = subprocess.run(
        [*PLIMSOLL, "rules", "--format=json"], stdout=write, stderr=subprocess.PIPE, timeout=60
    )
    os.close(write)
    assert ended.stderr == b""
    assert ended.returncode == 2


def test_a_person_who_watches_sees_how_far_it_is(engine, container):
    ours, theirs = pty.openpty()
    ended = subprocess.run(
        [*PLIMSOLL, "scan", engine.url], stdout=subprocess.PIPE, stderr=theirs, timeout=60
    )
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert ended.returncode == 0
    assert "Reading containers" in shown
    assert "1/1" in shown
    assert b"Reading containers" not in ended.stdout


def test_ctrl_c_ends_a_scan_that_waits_without_a_traceback(tmp_path):
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "silent.sock"))
        silent.listen()
        scan = subprocess.Popen(
            [*PLIMSOLL, "scan", str(tmp_path / "silent.sock")], stderr=subprocess.PIPE
        )
        connection, _ = silent.accept()
        connection.recv(1024)
        time.sleep(0.5)  # it has asked, and now waits
        scan.send_signal(signal.SIGINT)
        _, said = scan.communicate(timeout=30)
        connection.close()
    assert scan.returncode == 130
    assert said == b""


def test_an_engine_that_never_answers_is_given_up(tmp_path):
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "silent.sock"))
        silent.listen()
        found = plimsoll("scan", str(tmp_path / "silent.sock"), "--timeout=0.5")
    assert found.returncode == 2
    assert "within 0.5 s" in found.stderr


@pytest.fixture(scope="module")
def remote():
    """An engine over TLS, and the SSH server of its host."""
    engine = start("remote", images=False, tls=True)
    server = SshServer.start(engine)
    yield engine, server
    server.stop()
    engine.stop()


def kind_of_failure(*arguments):
    found = plimsoll("scan", *arguments, "--format=json")
    assert found.returncode == 2, found.stdout
    return json.loads(found.stdout)["error"]["kind"]


def test_an_engine_over_tls(remote, tmp_path):
    engine, _ = remote
    files, url = engine.certificates, f"https://127.0.0.1:{engine.port}"
    for name, ours in (("ca", "ca"), ("cert", "client-cert"), ("key", "client-key")):
        (tmp_path / f"{name}.pem").write_text(files.text(ours))
    found = plimsoll("scan", url, "--certificates", tmp_path, "--format=json")
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["host"]["name"] == "remote"
    each = ("--ca", files.file("ca"), "--certificate", files.file("client-cert"))
    assert plimsoll("scan", url, *each, "--key", files.file("client-key")).returncode == 0
    assert kind_of_failure(url, *each, "--key", files.file("stranger-key")) == "key_mismatch"
    other = ("--certificates", tmp_path, "--ca", files.file("stranger-ca"))
    assert kind_of_failure(url, *other) == "unknown_ca"
    assert kind_of_failure(url) == "bad_credentials"
    assert kind_of_failure(url, "--certificates", tmp_path / "none") == "bad_credentials"


def test_an_engine_over_ssh(remote, tmp_path):
    _, server = remote
    key, known = tmp_path / "id", tmp_path / "known_hosts"
    key.write_text(server.key)
    known.write_text(f"[127.0.0.1]:{server.port} {server.host_key}\n")
    url = server.url()
    found = plimsoll("scan", url, "--key", key, "--known-hosts", known, "--format=json")
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["host"]["name"] == "remote"
    assert plimsoll("scan", url, "--key", key, "--host-key", server.host_key).returncode == 0
    bastion = ("--bastion", server.url("root"))
    over = plimsoll("scan", url, "--key", key, "--known-hosts", known, *bastion)
    assert over.returncode == 0, over.stderr
    assert kind_of_failure(url, "--key", key, *bastion) == "host_key_new"
    assert kind_of_failure(url, "--key", key) == "host_key_new"
    assert kind_of_failure(url) == "bad_credentials"
    known.write_text(f"[127.0.0.1]:{server.port} {_another_key(tmp_path)}\n")
    assert kind_of_failure(url, "--key", key, "--known-hosts", known) == "host_key_changed"
    known.write_text("nonsense\0")
    assert kind_of_failure(url, "--key", key, "--known-hosts", known) == "bad_credentials"
    known.write_text(f"@revoked [127.0.0.1]:{server.port} {server.host_key}\n")
    assert kind_of_failure(url, "--key", key, "--known-hosts", known) == "host_key_new"


def _another_key(place):
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]
    subprocess.run([*command, place / "another"], check=True)
    return (place / "another.pub").read_text().strip()
