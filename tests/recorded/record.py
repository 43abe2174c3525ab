"""Makes the recordings: `python -m tests.recorded.record [FAMILY ...]`.

Starts a private engine, creates every case of cases_<family>.py on it, and keeps what the engine
answers; the family "kinds" is some of those cases on engines of every other kind. Paths of the run
and the machine's name are replaced, nothing else.
"""

import importlib
import json
import pkgutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import tests.recorded
from scanner.engine import Engine as Client
from tests.recorded import HERE, Case
from tests.support.engines import Engine
from tests.support.images import build, load_images, load_packages
from tests.support.podman import Podman

WHOLE = {
    "_version": "/version",
    "_info": "/info",
    "_networks": "/networks",
    "_volumes": "/volumes",
    "_images": "/images/json",
}


def modules(families: list[str]) -> Iterator[ModuleType]:
    """Besides CASES, a module may have NETWORKS: flags of `docker network create`, by name; and
    IMAGES, each a Dockerfile, with their FILES."""
    for module in pkgutil.iter_modules(tests.recorded.__path__):
        family = module.name.removeprefix("cases_")
        if module.name.startswith("cases_") and (not families or family in families):
            yield importlib.import_module(f"tests.recorded.{module.name}")


class Kind(NamedTuple):
    """An engine whose answers differ in shape, and the cases that show it; the first runs."""

    start: Callable[[], Engine]
    cases: tuple[str, ...]
    name: str = "{version}"


SHAPES = (
    *("net_running", "net_own", "net_service", "cap_drop_all", "cap_drop_all_add_one"),
    *("ulimits_both", "privileged", "healthcheck_given"),
)
KINDS = (
    Kind(lambda: Engine.start("recorder", release="26.1"), SHAPES),
    Kind(lambda: Engine.start("recorder", release="28.5"), SHAPES),
    Kind(lambda: Podman.start("recorder"), SHAPES, "podman-{version}"),
    Kind(
        lambda: Engine.start("recorder", daemon_config={"userns-remap": "default"}),
        ("user_root_running", "userns_host"),
        "{version}-remapped",
    ),
    Kind(
        lambda: Engine.start("recorder", rootless=True),
        ("user_root_running",),
        "{version}-rootless",
    ),
)


def main(families: list[str]) -> None:
    if families != ["kinds"]:
        record(families)
    if not families or "kinds" in families:
        for kind in KINDS:
            record_kind(kind)


def record(families: list[str]) -> None:
    engine = Engine.start("recorder")
    try:
        load_images(engine)
        with Client(engine.url) as client:
            folder = record_whole(engine, client, "{version}")
            for module in modules(families):
                if networks := getattr(module, "NETWORKS", {}):
                    make_networks(engine, networks)
                    family = module.__name__.rpartition("cases_")[2]
                    keep(folder / f"_networks_{family}.json", client.get("/networks"), engine)
                if builds := getattr(module, "IMAGES", {}):
                    record_images(engine, client, folder, builds, module.FILES)
                for name, case in module.CASES.items():
                    record_case(engine, client, folder, name, case)
    finally:
        engine.stop()


def record_kind(kind: Kind) -> None:
    every = {name: case for module in modules([]) for name, case in module.CASES.items()}
    engine = kind.start()
    try:
        load_images(engine)
        engine.cli("network", "create", "shop")
        with Client(engine.url) as client:
            folder = record_whole(engine, client, kind.name)
            record_image(engine, client, folder, "app", "plimsoll/app:1")
            for name in kind.cases:
                record_case(engine, client, folder, name, every[name])
            if not engine.rootless:  # that cannot list processes where control groups are version 1
                path = f"/containers/{kind.cases[0]}/top"
                body = client.get(path, ps_args="-o pid,user,args")
                keep(folder / "_top.json", body, engine)
    finally:
        engine.stop()


def record_whole(engine: Engine, client: Client, name: str) -> Path:
    client.version()
    folder = HERE / name.format(version=".".join(engine.version.split(".")[:2]))
    folder.mkdir(exist_ok=True)
    for file, path in WHOLE.items():
        keep(folder / f"{file}.json", client.get(path), engine)
    return folder


def record_case(engine: Engine, client: Client, folder: Path, name: str, case: Case) -> None:
    make(engine, name, case)
    keep(folder / f"{name}.json", client.get(f"/containers/{name}/json"), engine)
    print(f"{folder.name}/{name}")


def record_images(
    engine: Engine, client: Client, folder: Path, builds: dict[str, Any], files: dict[str, bytes]
) -> None:
    load_packages(engine)
    for name, (dockerfile, old) in builds.items():
        build(engine, f"recorded/{name}:1", dockerfile, files, old=old)
        record_image(engine, client, folder, name, f"recorded/{name}:1")


def record_image(engine: Engine, client: Client, folder: Path, name: str, image: str) -> None:
    path = f"/images/{engine.cli('image', 'inspect', '--format={{.Id}}', image)}"
    answers = {
        "inspect": json.loads(client.get(f"{path}/json")),
        "history": json.loads(client.get(f"{path}/history")),
    }
    keep(folder / f"_image_{name}.json", json.dumps(answers).encode(), engine)
    print(f"{folder.name}/_image_{name}")


def make_networks(engine: Engine, networks: dict[str, tuple[str, ...]]) -> None:
    """On a swarm of one node, which overlays need."""
    engine.cli("swarm", "init", "--advertise-addr=127.0.0.1", "--listen-addr=127.0.0.1:2377")
    for name, flags in networks.items():
        engine.cli("network", "create", *flags, name)


def make(engine: Engine, name: str, case: Case) -> None:
    engine.docker_run(
        *case.flags,
        name=name,
        image=case.image,
        command=case.command,
        create_only=not case.run,
    )
    for command in case.then:
        engine.cli(*command.split())


def keep(file: Path, body: bytes, engine: Engine) -> None:
    text = body.decode().replace(str(engine.directory), "/srv/engine")
    file.write_text(json.dumps(json.loads(text), indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
