"""The engines that other tests rely on are what they claim to be."""

import json
import os
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.engines import Engine, EngineFailed
from tests.support.images import filesystem
from tests.support.podman import Podman

ENGINES = Callable[..., Engine]
ROOT = Path(__file__).resolve().parents[2]


def get(url: str, context: ssl.SSLContext | None = None) -> Any:
    address = url.replace("tcp://", "https://" if context else "http://")
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    with opener.open(address, timeout=10) as answer:
        return json.load(answer)


def test_an_engine_looks_like_that_of_any_host(engine: Engine):
    told = engine.client.info()
    assert told["Name"] == "engine-1"
    assert told["DockerRootDir"] == "/var/lib/docker"
    assert told["DefaultRuntime"] == "runc"
    assert told["ServerVersion"] == engine.version


def test_two_engines_share_nothing(engine: Engine, second_engine: Engine):
    first, second = engine.run("here-only"), second_engine.run("there-only")
    assert first.name not in [each.name for each in second_engine.client.containers.list()]
    assert second.name not in [each.name for each in engine.client.containers.list()]
    assert engine.client.info()["ID"] != second_engine.client.info()["ID"]
    first.remove(force=True)
    second.remove(force=True)


@pytest.mark.parametrize(
    "flags",
    [
        ("--privileged",),
        ("--cap-add", "ALL"),
        ("--network", "host", "--pid", "host"),
        ("--publish", "8080:80"),
        ("--memory", "64m", "--cpus", "0.5", "--pids-limit", "20"),
        ("--read-only", "--tmpfs", "/tmp", "--user", "app"),
    ],
    ids=" ".join,
)
def test_the_command_line_runs_containers(empty_engine: Engine, flags: tuple[str, ...]):
    identity = empty_engine.docker_run(*flags, name="made-by-hand")
    made = empty_engine.client.containers.get("made-by-hand")
    assert (made.id, made.status) == (identity, "running")


def test_the_command_line_can_create_without_running(empty_engine: Engine):
    empty_engine.docker_run("--privileged", name="not-started", create_only=True)
    made = empty_engine.client.containers.get("not-started")
    assert made.status == "created"
    assert made.attrs["HostConfig"]["Privileged"] is True


def test_a_command_that_docker_refuses_says_why(engine: Engine):
    with pytest.raises(EngineFailed, match="Minimum memory limit"):
        engine.docker_run("--memory", "1k", name="too-small")


def test_a_container_with_the_usual_mounts_rules_the_engine(empty_engine: Engine):
    container = empty_engine.run(
        "ci-runner",
        volumes=["/var/run/docker.sock:/var/run/docker.sock", "/:/host"],
    )
    assert container.exec_run(["test", "-S", "/var/run/docker.sock"]).exit_code == 0
    command = ["chroot", "/host", "docker", "--host", "unix:///run/docker.sock", "ps"]
    listed = container.exec_run([*command, "--format", "{{.Names}}"])
    assert listed.output.decode().split() == ["ci-runner"]


@pytest.mark.parametrize(
    ("image", "user"),
    [
        ("plimsoll/busybox:1", "root"),
        ("plimsoll/busybox:latest", "root"),
        ("plimsoll/app:1", "app"),
        ("plimsoll/named-user:1", "app"),
    ],
)
def test_an_image_runs_as_the_user_it_names(empty_engine: Engine, image: str, user: str):
    container = empty_engine.run("who", image)
    assert container.exec_run(["id", "-un"]).output.decode().strip() == user


def test_the_sshd_image_runs_a_process_named_sshd(empty_engine: Engine):
    container = empty_engine.run("legacy", "plimsoll/sshd:1", ("/usr/sbin/sshd", "100000"))
    top: Any = container.top()
    assert top["Processes"][0][top["Titles"].index("CMD")] == "/usr/sbin/sshd 100000"


def test_the_app_image_becomes_healthy(empty_engine: Engine):
    container = empty_engine.run("shop-web-1", "plimsoll/app:1")
    deadline = time.monotonic() + 30
    while container.health != "healthy":
        assert time.monotonic() < deadline, container.attrs["State"]
        time.sleep(0.2)
        container.reload()


def test_plain_tcp_reaches_an_engine_from_outside_its_network(fresh_engine: ENGINES):
    engine = fresh_engine("plain", tcp=True, images=False)
    assert get(f"{engine.tcp_url}/version")["Version"] == engine.version
    engine.kill()
    with pytest.raises(urllib.error.URLError, match="refused"):
        get(f"{engine.tcp_url}/version")
    engine.restart()
    assert get(f"{engine.tcp_url}/version")["Version"] == engine.version


def test_tls_lets_in_who_holds_a_certificate_and_no_other(fresh_engine: ENGINES):
    engine = fresh_engine("secure", tls=True, images=False)
    files = engine.certificates
    assert files is not None
    known = ssl.create_default_context(cafile=files.file("ca"))
    with pytest.raises((urllib.error.URLError, ssl.SSLError, ConnectionError)):
        get(f"{engine.tcp_url}/version", known)
    known.load_cert_chain(files.file("client-cert"), files.file("client-key"))
    assert get(f"{engine.tcp_url}/version", known)["Version"] == engine.version
    stranger = ssl.create_default_context(cafile=files.file("ca"))
    stranger.load_cert_chain(files.file("stranger-cert"), files.file("stranger-key"))
    with pytest.raises((urllib.error.URLError, ssl.SSLError, ConnectionError)):
        get(f"{engine.tcp_url}/version", stranger)


def test_a_stopped_engine_keeps_its_containers_for_its_return(fresh_engine: ENGINES):
    engine = fresh_engine("flaky")
    engine.run("once")
    engine.run("always", restart_policy={"Name": "always"})
    engine.kill()
    with pytest.raises(FileNotFoundError), socket.socket(socket.AF_UNIX) as attempt:
        attempt.connect(str(engine.socket))
    engine.restart()
    states = {each.name: each.status for each in engine.client.containers.list(all=True)}
    assert states == {"once": "exited", "always": "running"}


def test_the_configuration_reaches_the_daemon(fresh_engine: ENGINES):
    engine = fresh_engine(
        "set-up",
        daemon_config={"live-restore": True, "icc": False},
        args=("--label", "tier=web"),
        images=False,
    )
    told = engine.client.info()
    assert (told["LiveRestoreEnabled"], told["Labels"]) == (True, ["tier=web"])


def test_a_daemon_that_refuses_its_configuration_says_why(fresh_engine: ENGINES):
    with pytest.raises(EngineFailed, match="no-such-setting"):
        fresh_engine("broken", daemon_config={"no-such-setting": True}, images=False)


def test_a_podman_is_a_host_of_its_own_and_leaves_nothing(engine: Engine):
    podman = Podman.start("podman-1")
    try:
        podman.import_image("plimsoll/busybox:1", filesystem(), 'CMD ["sh"]')
        container = podman.docker_run("--publish=8080:80", name="web")
        told = podman.client.info()
        assert (told["Name"], told["DockerRootDir"]) == (
            *("podman-1", "/var/lib/containers/storage"),
        )
        assert "web" not in [each.name for each in engine.client.containers.list()]
        groups = list(Path("/sys/fs/cgroup").rglob(f"libpod-{container}"))
        assert groups
    finally:
        podman.stop()
    assert not podman.directory.exists()
    assert not any(group.exists() for group in groups)
    assert not running(str(podman.directory).encode())


def test_a_rootless_engine_is_not_root_on_its_host(fresh_engine: ENGINES):
    rootless = fresh_engine("rootless", rootless=True)
    rootless.run("sleeper", command=("sleep", "434343"))
    [process] = processes(b"sleep\x00434343\x00")
    uids = (process / "status").read_text().split("Uid:")[1].split()
    assert int(uids[0]) >= 61000


def test_nothing_outlives_a_killed_owner_and_the_next_start_sweeps(fresh_engine: ENGINES):
    script = """
from tests.support.engines import Engine
from tests.support.images import load_images
engine = Engine.start("orphan")
load_images(engine)
engine.run("survivor", command=("sleep", "424242"))
print(engine.directory, flush=True)
input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        directory = Path(owner.stdout.readline().strip())
        assert running(b"sleep\x00424242\x00")
        owner.kill()
    deadline = time.monotonic() + 10
    while running(b"sleep\x00424242\x00") or running(str(directory).encode()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert directory.exists()
    fresh_engine("next", images=False)
    assert not directory.exists()
    assert not list(Path("/sys/fs/cgroup").glob(f"*/{directory.name}"))


def running(words: bytes) -> bool:
    """Whether a process of this machine has these words in its command line."""
    return bool(processes(words))


def processes(words: bytes) -> list[Path]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if words in (process / "cmdline").read_bytes():
                found.append(process)
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
    return found
