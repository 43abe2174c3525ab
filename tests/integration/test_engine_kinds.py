"""The same containers and images on every kind of engine, and the same verdicts on each.

A kind is one entry of KINDS: how its engine is started, how it is reached, and where it says
something else of a container than the machine's own Docker does, with the reason. What that Docker
says is held to what each container is about.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from scanner import Engine as Client
from scanner import collect, evaluate
from scanner.model import Snapshot
from tests.support.counts import ANOTHER, missing_allowed
from tests.support.engines import BUSYBOX, FOREVER, Engine, EngineFailed
from tests.support.images import load_images
from tests.support.podman import Podman
from tests.support.releases import ReleaseFailed

pytestmark = pytest.mark.engine

PASS, FAIL, UNKNOWN, NOT_APPLICABLE = "pass", "fail", "unknown", "not_applicable"
APP, SSHD = "plimsoll/app:1", "plimsoll/sshd:1"
AT_ONCE = 3
CGROUP_V1 = Path("/sys/fs/cgroup/memory").is_dir()


class Made(NamedTuple):
    """A container, and rules that it must fail and pass."""

    flags: str = ""
    fails: str = ""
    passes: str = ""
    image: str = BUSYBOX
    run: bool = False


CONTAINERS = {
    "plain": Made("", "memory-limit pids-limit root-user default-bridge", "privileged", run=True),
    "privileged": Made("--privileged", "privileged seccomp-profile", run=True),
    "host-network": Made("--network=host", "host-network", run=True),
    "host-pid": Made("--pid=host", "host-pid-namespace"),
    "more-caps": Made("--cap-add=SYS_ADMIN --cap-add=net_admin", "added-capabilities"),
    "no-caps": Made("--cap-drop=ALL", passes="dropped-capabilities effective-capabilities"),
    "one-cap": Made("--cap-drop=ALL --cap-add=CHOWN", passes="dropped-capabilities"),
    "bounded": Made(
        "--memory=64m --memory-swap=64m --cpus=0.5 --pids-limit=50",
        passes="memory-limit memory-swap-limit cpu-limit pids-limit",
        run=True,
    ),
    "ports": Made("--publish=8022:8022 --publish=127.0.0.1:8081:81", "port-interface", run=True),
    "low-ports": Made("--publish=23:23 --publish=[::1]:80:80", "privileged-ports"),
    "read-only": Made("--read-only --tmpfs=/tmp", passes="writable-root-filesystem"),
    "socket": Made("--volume=/var/run/docker.sock:/var/run/docker.sock", "engine-socket-mount"),
    "mounts": Made("--volume=/etc:/host/etc:ro --volume=data:/data", "sensitive-host-mount"),
    "user": Made("--user=1000:1000", passes="root-user remote-login-service", run=True),
    "checked": Made("--health-interval=1s", passes="healthcheck unhealthy", image=APP, run=True),
    "restarting": Made("--restart=always", "restart-policy"),
    "unconfined": Made("--security-opt=seccomp=unconfined", "seccomp-profile"),
    "no-new": Made("--security-opt=no-new-privileges", passes="no-new-privileges"),
    "devices": Made("--device=/dev/fuse", "host-devices"),
    "ulimits": Made("--ulimit=nofile=1024:2048 --ulimit=nproc=512", passes="ulimits"),
    "secrets": Made("--env=API_TOKEN=for-the-tests-only", "secrets-in-environment"),
    "login": Made("", "remote-login-service", image=SSHD),
    "own-network": Made("--network=shop", passes="default-bridge", run=True),
}


IMAGES = (BUSYBOX, APP, SSHD, "plimsoll/named-user:1")


class Differs(NamedTuple):
    """A rule that says `now` of everything of which 20.10 says `was`."""

    rule: str
    was: str
    now: str
    why: str
    only: frozenset[str] = frozenset({*CONTAINERS, *IMAGES})


class Kind(NamedTuple):
    start: Callable[[], Engine]
    claims: Callable[[Snapshot], bool]
    """Whether what was read is of an engine of this kind."""
    differs: tuple[Differs, ...] = ()
    reach: Callable[[Engine], Client] = lambda engine: Client(engine.url)
    prepare: Callable[[Engine], object] = lambda engine: None
    more_flags: dict[str, str] = {}
    """Without which containers cannot be made there, by name."""


# A remapped engine refuses these unless they step out of the remapping.
OUT = frozenset({"privileged", "host-network", "host-pid"})
REMAPPED = (
    Differs(
        *("host-user-namespace", NOT_APPLICABLE, PASS),
        "only an engine that remaps users has anything to step out of",
        frozenset(CONTAINERS) - OUT,
    ),
    Differs("host-user-namespace", NOT_APPLICABLE, FAIL, "these had to step out of it", OUT),
    Differs(
        *("root-user", FAIL, PASS),
        "root in a container is an ordinary user of the host",
        frozenset(CONTAINERS) - OUT,
    ),
    Differs("image-user", FAIL, PASS, "so is it in a container of these images"),
)
ROOT_IS_A_USER = (
    Differs("root-user", FAIL, PASS, "root in a container is the engine's own user on the host"),
    Differs("image-user", FAIL, PASS, "so is it in a container of these images"),
)
ROOTLESS = ROOT_IS_A_USER
if CGROUP_V1:
    ROOTLESS += (
        Differs(
            *("remote-login-service", PASS, UNKNOWN),
            "without control groups, which version 1 does not lend to users, the engine cannot "
            "list a container's processes",
        ),
    )
PODMAN = (
    *(
        Differs("image-healthcheck", was, UNKNOWN, "the service leaves it out")
        for was in (PASS, FAIL)
    ),
    Differs("pids-limit", FAIL, PASS, "Podman limits every container to 2048 processes"),
    Differs("ulimits", FAIL, PASS, "Podman gives the limits of its configuration to every one"),
    Differs(
        *("dropped-capabilities", PASS, UNKNOWN),
        "Podman does not tell whether ALL was dropped where some were added again",
        frozenset({"one-cap"}),
    ),
    *(
        Differs("host-cgroup-namespace", was, UNKNOWN, "the service of 4.3 does not tell the mode")
        for was in (PASS, FAIL, NOT_APPLICABLE)
    ),
    Differs(
        *("selinux-label", NOT_APPLICABLE, UNKNOWN),
        "the service of 4.3 does not tell whether SELinux is on",
    ),
)


ROOTLESS_PODMAN = (
    *(
        Differs("image-healthcheck", was, UNKNOWN, "the service leaves it out")
        for was in (PASS, FAIL)
    ),
    *(told for told in PODMAN if told.rule not in {"pids-limit", "ulimits"}),
    *ROOT_IS_A_USER,
    Differs(
        *("default-bridge", FAIL, PASS),
        "without a network named, each container has one of its own, by slirp4netns",
    ),
    Differs(
        *("host-devices", FAIL, UNKNOWN),
        "a rootless Podman lists no devices",
    ),
    Differs("host-devices", PASS, UNKNOWN, "a rootless Podman lists no devices"),
)
if CGROUP_V1:
    unlimited = "without control groups, which version 1 does not lend to users, no limit holds"
    ROOTLESS_PODMAN += (
        *(
            Differs(rule, PASS, FAIL, unlimited, frozenset({"bounded"}))
            for rule in ("memory-limit", "cpu-limit", "pids-limit")
        ),
        Differs("memory-swap-limit", PASS, NOT_APPLICABLE, unlimited, frozenset({"bounded"})),
    )
else:
    ROOTLESS_PODMAN += tuple(told for told in PODMAN if told.rule == "pids-limit")


def has_version(version: str) -> Callable[[Snapshot], bool]:
    return lambda snapshot: snapshot.host.version.startswith(version)


def join_swarm(engine: Engine) -> None:
    engine.cli("swarm", "init", "--advertise-addr=127.0.0.1", "--listen-addr=127.0.0.1:2377")
    for name, flags in {"fabric": (), "fabric-secret": ("--opt=encrypted",)}.items():
        engine.cli("network", "create", "--driver=overlay", "--attachable", *flags, name)
        engine.docker_run(f"--network={name}", name=f"on-{name}")


KINDS = {
    "20.10": Kind(lambda: Engine.start("kind-usual"), has_version("20.10.")),
    "26.1": Kind(lambda: Engine.start("kind-26", release="26.1"), has_version("26.1.")),
    "28.5": Kind(
        lambda: Engine.start("kind-28", release="28.5"),
        lambda snapshot: snapshot.host.api >= (1, 51),
    ),
    "containerd's image store": Kind(
        lambda: Engine.start(
            *("kind-store",),
            release="28.5",
            daemon_config={"features": {"containerd-snapshotter": True}},
        ),
        lambda snapshot: "io.containerd.snapshotter.v1" in snapshot.host.storage_status.values(),
    ),
    "remapped": Kind(
        lambda: Engine.start("kind-remapped", daemon_config={"userns-remap": "default"}),
        lambda snapshot: snapshot.host.remaps_users and not snapshot.host.rootless,
        REMAPPED,
        more_flags=dict.fromkeys(OUT, "--userns=host"),
    ),
    "rootless": Kind(
        lambda: Engine.start("kind-rootless", rootless=True),
        lambda snapshot: snapshot.host.rootless,
        ROOTLESS,
    ),
    "swarm": Kind(
        lambda: Engine.start("kind-swarm"),
        lambda snapshot: snapshot.host.swarm_state == "active",
        prepare=join_swarm,
    ),
    "Podman": Kind(
        lambda: Podman.start("kind-podman"),
        lambda snapshot: snapshot.host.engine == "podman" and not snapshot.host.rootless,
        PODMAN,
    ),
    "rootless Podman": Kind(
        lambda: Podman.start("kind-rootless-podman", rootless=True),
        lambda snapshot: snapshot.host.engine == "podman" and snapshot.host.rootless,
        ROOTLESS_PODMAN,
    ),
}
USUAL = "20.10"

Verdicts = dict[tuple[str, str], dict[str, tuple[str, str]]]
"""By subject and rule: of each sub-object the verdict and the severity."""


class Seen(NamedTuple):
    snapshot: Snapshot
    verdicts: Verdicts


def see(kind: Kind) -> Seen:
    """Starts the kind's engine, makes the containers on it, and scans it once."""
    engine = kind.start()
    try:
        load_images(engine)
        kind.prepare(engine)
        engine.cli("network", "create", "shop")
        for name, made in CONTAINERS.items():
            flags = f"{made.flags} {kind.more_flags.get(name, '')}".split()
            command = () if made.image == SSHD else FOREVER
            engine.docker_run(
                *flags, name=name, image=made.image, command=command, create_only=not made.run
            )
        engine.wait_for_health("checked")
        with kind.reach(engine) as client:
            snapshot = collect(client)
    finally:
        engine.stop()
    verdicts: Verdicts = {}
    for result in evaluate(snapshot):
        # Podman names images in full.
        subject = result.subject.name.removeprefix("localhost/")
        said = verdicts.setdefault((subject, result.rule), {})
        said[result.sub_object] = (result.verdict.value, result.severity.value)
    return Seen(snapshot, verdicts)


@pytest.fixture(scope="module")
def seen() -> Iterator[Callable[[str], Seen]]:
    """What was seen of a kind; all of them are looked at at once, some at a time."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        under_way: dict[str, Future[Seen]] = {
            name: pool.submit(see, kind) for name, kind in KINDS.items()
        }

        def result(name: str) -> Seen:
            try:
                return under_way[name].result()
            except (EngineFailed, ReleaseFailed) as error:
                if missing_allowed() and "missing" in str(error):
                    pytest.skip(str(error))
                raise

        yield result


@pytest.mark.parametrize("name", KINDS)
def test_an_engine_is_of_its_kind_and_all_of_it_was_read(
    seen: Callable[[str], Seen], name: str, record_property: Callable[[str, object], None]
):
    snapshot = seen(name).snapshot
    engine, version = snapshot.host.engine, snapshot.host.version.partition("+")[0]
    record_property(ANOTHER, f"Podman {version}" if engine == "podman" else version)
    assert KINDS[name].claims(snapshot)
    assert CONTAINERS.keys() <= {container.name for container in snapshot.containers}
    facts = {gap.fact for gap in snapshot.gaps}
    assert facts == ({"top"} if name == "rootless" and CGROUP_V1 else set())


def test_what_is_compared_with_is_right(seen: Callable[[str], Seen]):
    usual = seen(USUAL).verdicts
    assert words(usual[APP, "image-user"]) == words(usual[APP, "image-healthcheck"]) == {PASS}
    assert words(usual[SSHD, "image-user"]) == words(usual[SSHD, "image-remote-login"]) == {FAIL}
    for name, made in CONTAINERS.items():
        for rule in made.fails.split():
            assert FAIL in words(usual[name, rule]), (name, rule)
        for rule in made.passes.split():
            assert words(usual[name, rule]) == {PASS}, (name, rule)


@pytest.mark.parametrize("name", [name for name in KINDS if name != USUAL])
def test_the_verdicts_are_those_of_20_10_or_the_table_says_why(
    seen: Callable[[str], Seen], name: str
):
    usual, found = seen(USUAL).verdicts, seen(name).verdicts
    different = {
        unit: words(found.get(unit, {}))
        for unit in usual.keys() | found.keys()
        if unit[0] in {*CONTAINERS, *IMAGES} and usual.get(unit) != found.get(unit)
    }
    assert different == {
        (subject, rule): {told.now}
        for told in KINDS[name].differs
        for subject, rule in usual
        if rule == told.rule and subject in told.only and words(usual[subject, rule]) == {told.was}
    }


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.differs])
def test_the_table_names_nothing_that_is_not_so(seen: Callable[[str], Seen], name: str):
    usual = seen(USUAL).verdicts
    for told in KINDS[name].differs:
        assert told.why
        if told.rule != "host-cgroup-namespace":  # whose default depends on the machine
            was = [words(usual.get((subject, told.rule), {})) for subject in told.only]
            assert {told.was} in was


def test_a_swarms_overlays_are_judged_each_and_what_is_on_them(seen: Callable[[str], Seen]):
    verdicts = seen("swarm").verdicts
    assert words(verdicts["fabric", "overlay-encryption"]) == {FAIL}
    assert words(verdicts["fabric-secret", "overlay-encryption"]) == {PASS}
    assert words(verdicts["ingress", "overlay-encryption"]) == {NOT_APPLICABLE}
    for name in ("on-fabric", "on-fabric-secret"):
        assert words(verdicts[name, "default-bridge"]) == {PASS}


@pytest.mark.parametrize(
    ("name", "verdict"), [(USUAL, FAIL), ("28.5", FAIL), ("remapped", PASS), ("rootless", PASS)]
)
def test_an_engine_whose_root_is_not_the_hosts_passes(
    seen: Callable[[str], Seen], name: str, verdict: str
):
    host = seen(name).snapshot.host.name
    assert words(seen(name).verdicts[host, "userns-remap"]) == {verdict}


def words(said: dict[str, tuple[str, str]]) -> set[str]:
    return {verdict for verdict, _ in said.values()}
