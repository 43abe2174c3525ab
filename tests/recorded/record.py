"""Makes the recordings: `python -m tests.recorded.record [FAMILY ...]`.

Starts a private engine, creates every case of cases_<family>.py on it, and keeps what the engine
answers. Paths of the run and the machine's name are replaced, nothing else.
"""

import importlib
import json
import pkgutil
import sys
from pathlib import Path

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


def cases(families: list[str]) -> dict[str, Case]:
    found: dict[str, Case] = {}
    for module in pkgutil.iter_modules(tests.recorded.__path__):
        family = module.name.removeprefix("cases_")
        if module.name.startswith("cases_") and (not families or family in families):
            found |= importlib.import_module(f"tests.recorded.{module.name}").CASES
    return found


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
            for name, case in cases(families).items():
                engine.docker_run(
                    *case.flags,
                    name=name,
                    image=case.image,
                    command=case.command,
                    create_only=not case.run,
                )
                keep(folder / f"{name}.json", client.get(f"/containers/{name}/json"), engine)
                print(f"{version}/{name}")
    finally:
        engine.stop()


def keep(file: Path, body: bytes, engine: Engine) -> None:
    text = body.decode().replace(str(engine.directory), "/srv/engine")
    file.write_text(json.dumps(json.loads(text), indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
