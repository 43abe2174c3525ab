"""A demonstration engine with containers as they are found in the field: `scripts/dev-engine`.

A process of its own holds the engine; when that process ends, so does the engine.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from tests.support.engines import FOREVER, Engine, EngineFailed
from tests.support.images import build, load_packages

DEFAULT = Path("var/dev-engine")
START_SECONDS = 120
STOP_SECONDS = 60
USAGE = "usage: scripts/dev-engine start|stop|url [DIRECTORY]"

BASE = "company/base:12"
FILES = {"app.conf": b"every = 1h\n", "site/index.html": b"<!doctype html>\n"}
BUILDS = 7  # of one image; each takes the name from the one before
FAIL = ("false",)
LOOP = ("sh", "-c", "sleep 1; exit 1")


class Demo(NamedTuple):
    name: str
    image: str
    flags: str = ""
    command: tuple[str, ...] = FOREVER
    changes: tuple[str, ...] = ()
    """Lines of the image's Dockerfile."""


def compose(service: str) -> str:
    """What `docker compose` puts on a container of the project "shop"."""
    return (
        "--network shop_default --restart unless-stopped"
        " --label com.docker.compose.project=shop"
        f" --label com.docker.compose.service={service}"
        " --label com.docker.compose.container-number=1"
        " --label com.docker.compose.project.working_dir=/srv/shop"
        " --label com.docker.compose.project.config_files=/srv/shop/compose.yaml"
    )


DEMOS = (
    Demo(
        "shop-web-1",
        "shop/web:latest",
        f"{compose('web')} --publish 80:8080",
        changes=("ARG NPM_TOKEN=npm_hunter2", "RUN npm ci", "ADD site /srv/site", "EXPOSE 8080"),
    ),
    Demo(
        "shop-api-1",
        "shop/api:3.2.0",
        f"{compose('api')} --env DB_PASSWORD=hunter2",
        changes=("RUN apt-get update", "RUN apt-get install --yes curl", "EXPOSE 8080"),
    ),
    Demo(
        "shop-db-1",
        "postgres:16",
        f"{compose('db')} --publish 5432:5432 --volume shop_db:/var/lib/postgresql/data",
    ),
    Demo(
        "payments-api",
        "payments/api:2.4.1",
        "--cap-add SYS_PTRACE --env STRIPE_SECRET_KEY=sk_test_0000 --memory 256m"
        " --publish 127.0.0.1:9000:9000",
        changes=("USER 1000",),
    ),
    Demo(
        "legacy-ftp",
        "legacy/ftp:0.9",
        "--publish 21:21 --publish 2222:22 --security-opt seccomp=unconfined",
        changes=("RUN apt-get update && apt-get install --yes vsftpd", "EXPOSE 21 22"),
    ),
    Demo(
        "ci-runner",
        "ci/runner:latest",
        "--volume /var/run/docker.sock:/var/run/docker.sock --restart always",
        changes=("RUN echo builder:hunter2 | chpasswd",),
    ),
    Demo(
        "node-exporter",
        "prom/node-exporter:v1.8.2",
        "--network host --pid host --volume /:/host:ro --restart unless-stopped",
        changes=("USER nobody", "EXPOSE 9100"),
    ),
    Demo("redis", "redis:latest", "--publish 6379:6379"),
    Demo("postgres", "postgres:13", "--publish 5433:5432 --env POSTGRES_PASSWORD=postgres"),
    Demo(
        "grafana",
        "grafana/grafana:11.2.0",
        "--publish 3000:3000 --memory 512m --pids-limit 200 --restart unless-stopped",
        changes=("USER 472", "EXPOSE 3000", 'HEALTHCHECK --interval=5s CMD ["ls", "/"]'),
    ),
    Demo("reports", "reports/generator:1.0", "--privileged --volume /srv:/srv"),
    Demo(
        "backup",
        "backup/agent:5",
        "--volume /etc:/backup/etc --volume /root:/backup/root:ro",
        changes=("ENV RESTIC_PASSWORD=hunter2", "ADD app.conf /etc/backup.conf"),
    ),
    Demo(
        "vpn",
        "vpn/gateway:2.1",
        "--cap-add NET_ADMIN --device /dev/net/tun --sysctl net.ipv4.ip_forward=1"
        " --publish 1194:1194/udp",
    ),
    Demo("nightly-import", "shop/import:3.2.0", "--env API_TOKEN=abc123", FAIL),
    Demo(
        "search",
        "search/engine:8",
        "--health-interval 1s --health-retries 2 --ipc host --memory 1g --oom-kill-disable",
        changes=('HEALTHCHECK CMD ["sh", "-c", "echo connection refused; exit 1"]',),
    ),
    Demo("mailer", "shop/mailer:latest", "--restart always", LOOP),
    Demo(
        "status-page",
        "status/page:1.4.2",
        "--network edge --read-only --tmpfs /tmp:noexec,nosuid,size=16m --cap-drop ALL"
        " --security-opt no-new-privileges:true --user 1000:1000 --memory 128m"
        " --memory-swap 128m --cpus 0.5 --pids-limit 100 --ulimit nofile=1024:2048"
        " --restart on-failure:5 --publish 127.0.0.1:8090:8080 --log-opt max-size=10m"
        " --log-opt max-file=3 --health-interval 5s",
        changes=("USER 1000", "EXPOSE 8080", 'HEALTHCHECK CMD ["ls", "/"]'),
    ),
)


def main(words: list[str]) -> None:
    if not 1 <= len(words) <= 2 or words[0] not in COMMANDS:
        sys.exit(USAGE)
    COMMANDS[words[0]](Path(words[1] if len(words) == 2 else DEFAULT).absolute())


def start(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    if _holder(directory) is None:
        (directory / "docker.sock").unlink(missing_ok=True)
        with (directory / "log").open("wb") as log:
            holder = subprocess.Popen(
                [sys.executable, "-m", "tests.support.dev_engine", "hold", str(directory)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        (directory / "pid").write_text(str(holder.pid))
        deadline = time.monotonic() + START_SECONDS
        while not (directory / "docker.sock").exists():
            if holder.poll() is not None or time.monotonic() > deadline:
                sys.exit("The engine did not start:\n" + (directory / "log").read_text()[-3000:])
            time.sleep(0.1)
    url(directory)


def stop(directory: Path) -> None:
    holder = _holder(directory)
    if holder is None:
        sys.exit(f"No engine runs in {directory}.")
    os.kill(holder, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while _holder(directory) is not None:
        if time.monotonic() > deadline:
            sys.exit(f"Process {holder} does not end.")
        time.sleep(0.1)


def url(directory: Path) -> None:
    if _holder(directory) is None:
        sys.exit(f"No engine runs in {directory}. Start one: scripts/dev-engine start")
    print(f"unix://{directory}/docker.sock")


def hold(directory: Path) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        engine = Engine.start(directory.name)
    except EngineFailed as error:
        sys.exit(str(error))
    try:
        populate(engine)
        # The engine's own place is new each time; this address stays.
        (directory / "docker.sock").symlink_to(engine.socket)
        while True:
            signal.pause()
    finally:
        (directory / "docker.sock").unlink(missing_ok=True)
        engine.stop()


def populate(engine: Engine) -> None:
    """Makes the containers of DEMOS, each with an image of its own, and what builds leave."""
    load_packages(engine, BASE)
    for network in ("shop_default", "edge"):
        engine.cli("network", "create", network)
    for demo in DEMOS:
        # Images of the same content must differ in something to be several.
        label = f"LABEL org.opencontainers.image.title={demo.name}"
        lines = (f"FROM {BASE}", label, 'CMD ["sh"]', *demo.changes)
        build(engine, demo.image, "\n".join(lines), FILES)
        engine.docker_run(
            *demo.flags.split(), name=demo.name, image=demo.image, command=demo.command
        )
    for number in range(BUILDS):
        build(engine, "shop/cart:latest", f"FROM {BASE}\nLABEL build={number}\n", {})


def _holder(directory: Path) -> int | None:
    """The process that holds the engine of this directory, if it is there."""
    try:
        holder = int((directory / "pid").read_text())
        command = Path(f"/proc/{holder}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return None
    return holder if b"tests.support.dev_engine" in command else None


COMMANDS = {"start": start, "stop": stop, "url": url, "hold": hold}

if __name__ == "__main__":
    main(sys.argv[1:])
