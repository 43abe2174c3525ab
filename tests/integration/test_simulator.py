"""The simulated fleet is held to a real engine: the same containers on both give answers of the
same shape, and the same verdicts."""

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from msgspec import UNSET
from msgspec.structs import asdict

from benchmarks.simulator import World
from benchmarks.simulator.server import Fleet
from benchmarks.simulator.world import SimulatedContainer
from scanner import Engine as Client
from scanner import collect, evaluate
from scanner.calls import UNKNOWN_PATH
from scanner.model import Snapshot
from tests.conftest import start
from tests.support.engines import BUSYBOX, Engine

pytestmark = pytest.mark.engine

IMAGE = "registry.example/shop/api:1.0"
APP = "plimsoll/app:1"
USUAL = (
    *("--label=com.docker.compose.project=shop", "--label=com.docker.compose.service=api"),
    *("--env=SERVICE=api", "--env=PATH=/usr/local/bin:/usr/bin:/bin"),
)
CAREFUL = (
    *("--memory=512m", "--memory-swap=512m", "--pids-limit=200", "--cpus=1", "--read-only"),
    *("--cap-drop=ALL", "--security-opt=no-new-privileges:true", "--restart=on-failure:5"),
    *("--ulimit=nofile=1024", "--ulimit=nproc=1024", "--ulimit=core=1024", "--user=1000"),
    *("--network=shop_default", "--health-cmd=true", "--health-interval=30s"),
)
CARELESS_FAULTS = frozenset(
    {
        *("root", "writable_root", "no_memory_limit", "no_pids_limit", "no_processor_limit"),
        *("all_capabilities", "new_privileges", "default_network", "published_everywhere"),
        *("no_health_check", "restarts_for_ever", "no_ulimits", "docker_socket"),
        *("added_capability", "no_seccomp", "host_processes"),
    }
)
CARELESS = (
    *("--restart=always", "--publish=0.0.0.0:8003:8080", "--cap-add=SYS_ADMIN", "--pid=host"),
    *("--volume=/var/run/docker.sock:/var/run/docker.sock", "--security-opt=seccomp=unconfined"),
)


class Made(NamedTuple):
    """The same container twice: by flags on the real engine, by faults in the simulation."""

    name: str
    flags: tuple[str, ...]
    faults: frozenset[str] = frozenset()
    running: bool = True


STOPPED = "shop-api-2"
MADE = (
    Made("shop-api-1", CAREFUL),
    Made(STOPPED, CAREFUL, running=False),
    Made("shop-api-3", CARELESS, CARELESS_FAULTS),
    Made("shop-api-4", ("--privileged", *CAREFUL), frozenset({"privileged"})),
)


@pytest.fixture(scope="module")
def real() -> Iterator[Engine]:
    engine = start("simulated", release="28.5")
    engine.cli("tag", BUSYBOX, IMAGE)
    engine.cli("network", "create", USUAL[0], "shop_default")
    for made in MADE:
        engine.docker_run(*made.flags, *USUAL, name=made.name, image=IMAGE)
        if made.running and "no_health_check" not in made.faults:
            engine.wait_for_health(made.name)
    engine.cli("stop", "--time=0", STOPPED)
    yield engine
    engine.stop()


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    world = World(hosts=1, containers=1)
    world.hosts[0].containers = [
        SimulatedContainer(made.name, "shop", "api", number, 10, made.faults, made.running)
        for number, made in enumerate(MADE, 1)
    ]
    with served(Fleet(world, directory=tmp_path_factory.mktemp("fleet"))) as url:
        yield url


class served:
    """The first host of a fleet, from a thread of this process."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet, self._loop = fleet, asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> str:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._fleet.start(), self._loop).result(10)
        return self._fleet.url(0)

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._fleet.stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Answer(NamedTuple):
    status: int
    headers: frozenset[str]
    body: Any


def ask(url: str, path: str) -> Answer:
    connection = http.client.HTTPConnection("engine")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(10)
    connection.sock.connect(url.removeprefix("unix://"))
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    body = json.loads(text) if text.startswith((b"{", b"[")) else text.decode()
    # An engine sends long answers in pieces, which readers put together.
    ignored = {"content-length", "transfer-encoding", "date"}
    return Answer(answer.status, frozenset(map(str.lower, answer.headers)) - ignored, body)


FREE_KEYS = ("Labels", "Networks", "Options", "Ports", "PortBindings", "ExposedPorts", "Containers")
"""What is below these is named by people, not by the engine."""


def shape(value: Any, place: str = "") -> set[tuple[str, str]]:
    """Every place in a document with the type of what is there; lists count as one element."""
    if isinstance(value, dict):
        free = place.rpartition(".")[2] in FREE_KEYS
        found = {(place, "object")}
        for key, each in value.items():
            found |= shape(each, f"{place}.{'*' if free else key}")
        return found
    if isinstance(value, list):
        return {(place, "list")}.union(*(shape(each, f"{place}[]") for each in value))
    return {(place, type(value).__name__)}


PATHS = (
    *("/version", "/info", "/v1.51/containers/json?all=1", "/images/json", "/networks"),
    *("/volumes", "/swarm", "/nodes", "/services", "/secrets", "/events?since=1&until=2"),
    *(UNKNOWN_PATH, "/images/none/json", "/containers/none/json", "/containers/none/top"),
    *(f"/containers/{made.name}/json" for made in MADE),
    *(f"/containers/{made.name}/top?ps_args=-eo%20pid,uid,args" for made in MADE),
)


@pytest.mark.parametrize("path", PATHS)
def test_answers_have_the_shape_of_a_real_engines(path: str, real: Engine, simulated: str):
    wanted, found = ask(real.url, path), ask(simulated, path)
    assert found.status == wanted.status
    assert found.headers == wanted.headers
    assert differences(path, shape(wanted.body), shape(found.body)) == ""


@pytest.mark.parametrize("what", ["json", "history"])
def test_images_have_the_shape_of_a_real_engines(what: str, real: Engine, simulated: str):
    wanted = ask(real.url, f"/images/{APP}/{what}")
    [listed] = ask(simulated, "/images/json").body
    found = ask(simulated, f"/images/{listed['Id']}/{what}")
    assert (found.status, found.headers) == (wanted.status, wanted.headers)
    assert differences(f"/images/{APP}/{what}", shape(wanted.body), shape(found.body)) == ""


EXPLAINED = {
    # Images of the simulation come from a registry, those of the real engine from a file.
    ("/images/json", "+ [].RepoDigests[] str"),
    (f"/images/{APP}/json", "+ .RepoDigests[] str"),
}


def differences(path: str, wanted: set[Any], found: set[Any]) -> str:
    """What the simulation lacks (-) and has besides (+), but for what is explained."""
    lacks = [f"- {place} {kind}" for place, kind in sorted(wanted - found)]
    besides = [f"+ {place} {kind}" for place, kind in sorted(found - wanted)]
    return "\n".join(each for each in lacks + besides if (path, each) not in EXPLAINED)


OTHERWISE = {
    "necessary-ports": "the image of the simulation declares the port, that of the test none",
    "apparmor-profile": "the real engine's kernel has no AppArmor",
    "host-cgroup-namespace": "where control groups are version 1, each container has the host's",
}


def test_containers_get_the_verdicts_that_they_get_on_a_real_engine(real: Engine, simulated: str):
    wanted, found = verdicts(read(real.url)), verdicts(read(simulated))
    assert {key for key in wanted if wanted[key] == "fail"}
    assert {name for (_, name), verdict in wanted.items() if verdict == "unknown"} <= {STOPPED}
    assert found == wanted


def read(url: str) -> Snapshot:
    with Client(url) as client:
        snapshot = collect(client)
    assert snapshot.gaps == ()
    return snapshot


def verdicts(snapshot: Snapshot) -> dict[tuple[str, str], str]:
    return {
        (result.rule, result.subject.name): result.verdict.value
        for result in evaluate(snapshot)
        if result.subject.kind == "container" and result.rule not in OTHERWISE
    }


def test_both_give_the_same_kind_of_snapshot(real: Engine, simulated: str):
    wanted, found = read(real.url), read(simulated)
    assert [each.name for each in found.containers] == [each.name for each in wanted.containers]
    for one, other in zip(wanted.containers, found.containers, strict=True):
        assert found_facts(other) == found_facts(one), one.name
    assert found_facts(found.host) == found_facts(wanted.host)


def found_facts(subject: Any) -> set[str]:
    """Names of the facts that were told."""
    return {name for name, value in asdict(subject).items() if value is not UNSET}
