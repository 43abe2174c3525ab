"""The product in containers: its image built for real, and `docker compose` on an engine.

No registry is asked. What the images are based on is made of Debian's packages, once, and kept in
the user's cache directory.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.support import releases
from tests.support.engines import Engine, EngineFailed, _environment

ROOT = Path(__file__).resolve().parents[2]
BASE, PRODUCT = "plimsoll-test/base:1", "plimsoll-test/plimsoll:1"
POSTGRES, REDIS = "plimsoll-test/postgres:1", "plimsoll-test/redis:1"
IMAGES = (PRODUCT, POSTGRES, REDIS)
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
LONG = 900

# As the published images of these servers: the same users, places and variables.
DOCKERFILES = {
    POSTGRES: r"""
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
RUN groupadd --gid 999 postgres \
    && useradd --uid 999 --gid 999 --home-dir /var/lib/postgresql postgres \
    && apt-get update -qq && apt-get install --yes -qq --no-install-recommends postgresql \
    && rm -rf /var/lib/postgresql/15 /etc/postgresql && mkdir -p /var/lib/postgresql/data \
    && chown 999:999 /var/lib/postgresql /var/lib/postgresql/data \
    && ln -s /usr/lib/postgresql/*/bin /pg
ENV PATH=/pg:$PATH
COPY start /start
VOLUME /var/lib/postgresql/data
USER 999:999
STOPSIGNAL SIGINT
CMD ["sh", "/start"]
""",
    REDIS: r"""
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
RUN groupadd --gid 999 redis && useradd --uid 999 --gid 999 --home-dir /data redis \
    && apt-get update -qq && apt-get install --yes -qq --no-install-recommends redis-server \
    && mkdir /data && chown 999:999 /data
VOLUME /data
USER 999:999
WORKDIR /data
CMD ["redis-server"]
""",
}
START_POSTGRES = r"""set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" --auth-local=trust \
        --auth-host=scram-sha-256 --encoding=UTF8
    echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
    pg_ctl -D "$PGDATA" -w -o '-c listen_addresses=' start
    createdb --username="$POSTGRES_USER" "$POSTGRES_DB"
    pg_ctl -D "$PGDATA" -w stop
fi
exec postgres -D "$PGDATA" -c 'listen_addresses=*'
"""


def build() -> "Built":
    """All images, on an engine that has the machine's network."""
    built = Built()
    try:
        _import_base(built.engine)
        _build(built.engine, PRODUCT, ROOT)
        _servers(built.engine)
    except BaseException:
        built.stop()
        raise
    return built


class Built:
    """Images on the engine that built them."""

    def __init__(self) -> None:
        # A bridge of its own: an engine without one deletes that of the machine's engine.
        self._bridge = f"plim{os.getpid()}"
        subprocess.run(["ip", "link", "add", self._bridge, "type", "bridge"], check=True)
        args = (f"--bridge={self._bridge}", "--iptables=false", "--ip-forward=false")
        try:
            self.engine = Engine.start("builder", own_network=False, args=args)
        except BaseException:
            self._remove_bridge()
            raise

    def give(self, other: Engine) -> None:
        """To another engine."""
        with tempfile.TemporaryDirectory() as folder:
            kept = Path(folder) / "images.tar"
            docker(self.engine, "save", "--output", str(kept), *IMAGES)
            docker(other, "load", "--input", str(kept))

    def stop(self) -> None:
        self.engine.stop()
        self._remove_bridge()

    def _remove_bridge(self) -> None:
        subprocess.run(["ip", "link", "delete", self._bridge], check=True)


def _import_base(engine: Engine) -> None:
    changes = ["--change", 'CMD ["bash"]']
    if CERTIFICATES.exists():
        # What this machine trusts beside the public authorities, the build must trust too.
        for name in ("PIP_CERT", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"):
            changes += ["--change", f"ENV {name}={CERTIFICATES}"]
    docker(engine, "import", *changes, str(_base()), BASE)


def _servers(engine: Engine) -> None:
    """PostgreSQL and Redis, built once for as long as what they are built from stays the same."""
    recipe = START_POSTGRES + "".join(DOCKERFILES.values())
    kept = _cache() / f"servers-{hashlib.sha256(recipe.encode()).hexdigest()[:16]}.tar"
    if kept.exists():
        docker(engine, "load", "--input", str(kept))
        return
    for image, text in DOCKERFILES.items():
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "Dockerfile").write_text(text)
            Path(folder, "start").write_text(START_POSTGRES)
            _build(engine, image, Path(folder))
    draft = kept.with_suffix(f".{os.getpid()}")
    docker(engine, "save", "--output", str(draft), *DOCKERFILES)
    draft.rename(kept)


def _build(engine: Engine, image: str, context: Path) -> None:
    arguments = ("--network", "host", "--build-arg", f"BASE_IMAGE={BASE}", "--tag", image)
    docker(engine, "build", "--quiet", *arguments, str(context), DOCKER_BUILDKIT="0")


def _base() -> Path:
    """A Debian as small as the published one, with Python, as a tar file."""
    wanted = _cache() / "base.tar"
    with open(wanted.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not wanted.exists():
            draft = wanted.with_suffix(".part.tar")
            draft.unlink(missing_ok=True)
            _debootstrap(draft)
            draft.rename(wanted)
    return wanted


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    made = Path(home) / "plimsoll-tests" / "images"
    made.mkdir(parents=True, exist_ok=True)
    return made


def _debootstrap(target: Path) -> None:
    if shutil.which("mmdebstrap") is None:
        raise EngineFailed("mmdebstrap missing: run scripts/install-test-packages as root")
    left_out = [
        f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("man", "doc", "locale", "info")
    ]
    trust = [f"--customize-hook=copy-in {CERTIFICATES} {CERTIFICATES.parent}"]
    sources = Path("/etc/apt/sources.list.d/debian.sources")
    given = [str(sources)] if sources.exists() else []
    command = [
        *("mmdebstrap", "--quiet", "--variant=minbase", "--format=tar", "--skip=check/empty"),
        "--include=ca-certificates,python3,python3-venv",
        *left_out,
        *(trust if CERTIFICATES.exists() else []),
        '--customize-hook=rm -rf "$1"/var/lib/apt/lists/*',
        *("bookworm", str(target), *given),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONG, check=False)
    if done.returncode:
        raise EngineFailed(f"mmdebstrap: {done.stderr[-2000:]}")


def docker(engine: Engine, *arguments: str, **more: str) -> str:
    """As engine.cli, for what takes minutes."""
    return _said(engine, ["docker", *arguments], more)


class Stack:
    """`docker compose` for the product's own file, on one engine."""

    def __init__(self, engine: Engine, directory: Path, *files: str, **settings: str) -> None:
        self.engine, self.files = engine, files or ("docker-compose.yml",)
        plugins = engine.directory / "cli" / "cli-plugins"
        if not plugins.exists():
            plugins.symlink_to(releases.compose())
        self._env = directory / ".env"
        if not self._env.exists():
            command = [ROOT / "scripts" / "compose-env", self._env]
            subprocess.run(command, env=os.environ | settings, check=True)
        self.settings = settings

    def compose(self, *arguments: str) -> str:
        files = [word for file in self.files for word in ("--file", str(ROOT / file))]
        command = ["docker", "compose", "--env-file", str(self._env), *files, *arguments]
        return _said(self.engine, command, self.settings)

    def up(self, *arguments: str) -> None:
        """Waits until all is healthy."""
        try:
            self.compose(
                *("up", "--detach", "--no-build", "--wait", "--wait-timeout", "240", *arguments)
            )
        except EngineFailed as error:
            raise EngineFailed(f"{error}\n{self.compose('logs', '--tail', '40')}") from error

    def down(self) -> None:
        """The volumes stay."""
        self.compose("down", "--timeout", "20")

    def python(self, code: str) -> Any:
        """What this program prints inside of the web container, as JSON, Django being set up."""
        shell = ("python", "manage.py", "shell", "--no-imports", "--command", code)
        said = self.compose("exec", "--no-TTY", "web", *shell)
        return json.loads(said.splitlines()[-1])


def _said(engine: Engine, command: list[str], more: dict[str, str]) -> str:
    environment = _environment(engine._path()) | {
        "DOCKER_HOST": engine.url,
        "DOCKER_CONFIG": str(engine.directory / "cli"),
        **more,
    }
    done = subprocess.run(
        command,
        env=environment,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-4000:]
        raise EngineFailed(f"{' '.join(command[:4])}: {said}")
    return done.stdout.strip()
