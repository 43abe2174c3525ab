"""The demonstration engine: scripts/dev-engine start|stop|url."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import docker
import pytest

from tests.support.dev_engine import DEMOS

pytestmark = pytest.mark.engine

ROOT = Path(__file__).resolve().parents[2]


def dev_engine(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [ROOT / "scripts" / "dev-engine", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=180)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    chosen = tmp_path_factory.mktemp("demo") / "shop-prod-1"
    yield chosen
    dev_engine("stop", chosen)


def test_it_starts_once_and_says_where_it_is(place: Path):
    first, second = dev_engine("start", place), dev_engine("start", place)
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout == f"unix://{place}/docker.sock\n"
    assert dev_engine("url", place).stdout == first.stdout


def test_its_containers_are_in_the_states_that_they_demonstrate(place: Path):
    with closing(docker.DockerClient(dev_engine("start", place).stdout.strip())) as client:
        assert client.info()["Name"] == "shop-prod-1"
        found = {each.name: each for each in client.containers.list(all=True)}
        assert set(found) == {demo.name for demo in DEMOS}
        assert found["nightly-import"].status == "exited"
        assert found["reports"].attrs["HostConfig"]["Privileged"] is True
        others = set(found) - {"nightly-import", "mailer"}
        assert {found[name].status for name in others} == {"running"}


def test_it_starts_again_after_its_process_was_killed(place: Path):
    dev_engine("start", place)
    os.kill(int((place / "pid").read_text()), signal.SIGKILL)
    started = dev_engine("start", place)
    assert started.returncode == 0, started.stderr
    with closing(docker.DockerClient(started.stdout.strip())) as client:
        assert client.ping()


def test_once_stopped_it_says_that_nothing_runs(place: Path):
    dev_engine("start", place)
    assert dev_engine("stop", place).returncode == 0
    for word in ("url", "stop"):
        refused = dev_engine(word, place)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "No engine runs" in refused.stderr
