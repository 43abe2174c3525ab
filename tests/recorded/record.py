"""Makes the recordings: `python -m tests.recorded.record [FAMILY ...]`.

Starts a private engine, creates every case of cases_<family>.py on it, and keeps what the engine
answers. Paths of the run and the machine's name are replaced, nothing else.
"""

import importlib
import json
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import tests.recorded
from scanner.engine import Engine as Client
from tests.recorded import HERE, Case
from tests.support.engines import Engine
from tests.support.images import load_images

WHOLE = {
    "_version": "/version",
    "_info": "/info",
    "_networks": "/networks",
    "_volumes": "/volumes",
    "_images": "/images/json",
}


def modules(families: list[str]) -> Iterator[ModuleType]:
    """Besides CASES, a module may have NETWORKS: flags of `docker network create`, by name."""
    for module in pkgutil.iter_modules(tests.recorded.__path__):
        family = module.name.removeprefix("cases_")
        if module.name.startswith("cases_") and (not families or family in families):
            yield importlib.import_module(f"tests.recorded.{module.name}")


def main(families: list[str]) -> None:
    engine = Engine.start("recorder")
    try:
        load_images(engine)
        with Client(engine.url) as client:
            client.version()
            version = ".".join(engine.version.split(".")[:2])
            folder = HERE / version
            folder.mkdir(exist_ok=True)
            for name, path in WHOLE.items():
                keep(folder / f"{name}.json", client.get(path), engine)
            for module in modules(families):
                if networks := getattr(module, "NETWORKS", {}):
                    make_networks(engine, networks)
                    family = module.__name__.rpartition("cases_")[2]
                    keep(folder / f"_networks_{family}.json", client.get("/networks"), engine)
                for name, case in module.CASES.items():
                    make(engine, name, case)
                    body = client.get(f"/containers/{name}/json")
                    keep(folder / f"{name}.json", body, engine)
                    print(f"{version}/{name}")
    finally:
        engine.stop()


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
