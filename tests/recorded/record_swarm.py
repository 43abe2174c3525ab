"""Records a manager of a swarm of one node: `python -m tests.recorded.record_swarm`.

The tokens for joining the swarm are replaced, as are the paths of the run.
"""

import re
import time
from pathlib import Path

from scanner.engine import Engine as Client
from tests.recorded import ENGINE, HERE
from tests.recorded.record import keep
from tests.support.engines import Engine
from tests.support.images import load_images

ANSWERS = {
    "_swarm": "/swarm",
    "_swarm_info": "/info",
    "_swarm_networks": "/networks",
    "_swarm_nodes": "/nodes",
    "_swarm_secrets": "/secrets",
    "_swarm_services": "/services",
}
SERVICES = {
    "web": (
        *("--publish=8080:80", "--publish=82", "--publish=mode=host,published=8081,target=81"),
        *("--env=DB_PASSWORD=correct-horse-battery", "--env=GREETING=hello"),
        *("--restart-max-attempts=3", "--secret=certificate"),
    ),
    "worker": (),
    "batch": ("--restart-condition=none",),
}
TASK_OF = "--filter=label=com.docker.swarm.service.name=web"


def main() -> None:
    engine = Engine.start("recorder")
    try:
        load_images(engine)
        engine.cli("swarm", "init", "--advertise-addr=127.0.0.1", "--listen-addr=127.0.0.1:2377")
        engine.cli("secret", "create", "certificate", __file__)
        for name, flags in SERVICES.items():
            image = ("plimsoll/busybox:1", "sleep", "100000")
            engine.cli("service", "create", "--detach", f"--name={name}", *flags, *image)
        while not (task := engine.cli("ps", "--quiet", TASK_OF)):
            time.sleep(0.1)
        with Client(engine.url) as client:
            client.version()
            for name, path in (ANSWERS | {"_swarm_task": f"/containers/{task}/json"}).items():
                keep(HERE / ENGINE / f"{name}.json", client.get(path), engine)
        without_tokens(HERE / ENGINE / "_swarm.json")
    finally:
        engine.stop()


def without_tokens(file: Path) -> None:
    file.write_text(re.sub(r"SWMTKN-1-[a-z0-9-]+", "SWMTKN-1-removed", file.read_text()))


if __name__ == "__main__":
    main()
