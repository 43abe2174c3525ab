"""Real Docker engines, each a host of its own: `Engine.start("web-1")`.

An engine gets its own mounts, network, processes and host name, so it uses the paths of any Docker
host (/var/lib/docker, /run/docker.sock, /etc/docker) without touching the machine's. All of it,
containers too, ends when the process that started it ends, however that ends.
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import docker
from docker.models.containers import Container

from tests.support import releases
from tests.support.certificates import Certificates

BUSYBOX = "plimsoll/busybox:1"
FOREVER = ("sleep", "100000")
PREFIX = "plimsoll-engine-"
PODMAN_GROUP = "libpod_parent"
START_SECONDS = 60
STOP_SECONDS = 60
CAP_SYS_ADMIN = 21
CAP_SYS_RESOURCE = 24
NEEDED = ("dockerd", "containerd", "runc", "docker", "unshare", "ip", "iptables")
ROOTLESS_NEEDS = ("rootlesskit", "slirp4netns", "newuidmap", "setpriv")
ROOTLESS_SCRIPT = Path("/usr/share/docker.io/contrib/dockerd-rootless.sh")

# Users that an engine may want, beside those of the machine, whose own files stay as they are.
ROOTLESS_USER = 61000
USERS = {
    "passwd": f"rootless:x:{ROOTLESS_USER}:61000::/:/bin/sh\ndockremap:x:61001:61001::/:/bin/sh\n",
    "group": "rootless:x:61000:\ndockremap:x:61001:\n",
    "subuid": "rootless:600000:65536\ndockremap:500000:65536\n",
    "subgid": "rootless:600000:65536\ndockremap:500000:65536\n",
}

OWN_HOST = ["unshare", "--mount", "--mount-proc", "--uts", "--net", "--pid"]
OWN_HOST += ["--fork", "--kill-child"]

# The first process of the new host. $1: its directory, $2: its name, then the command line of its
# engine. PLACES tells what of its directory lies where on the host: "etc:/etc/docker ...".
# Standard input is held open by our process: at its end, this process and so the host ends.
HOST = r"""
set -eu
directory=$1 name=$2; shift 2
mount -t tmpfs -o mode=755 tmpfs /run
for place in $PLACES; do
    own=$directory/${place%%:*} on=${place#*:}
    if [ -d "$own" ]; then mkdir -p "$on"; else touch "$on"; fi
    mount --bind "$own" "$on"
done
echo "$name" > /proc/sys/kernel/hostname
ip link set lo up
if [ -n "${ROOTLESS_USER-}" ]; then
    install --directory --owner="$ROOTLESS_USER" --mode=700 "/run/user/$ROOTLESS_USER"
    mknod --mode=666 /run/tun c 10 200
    mount --bind /run/tun /dev/net/tun
fi
exec 9<&0
trap 'exit 0' TERM
{ cat <&9 > /dev/null; kill -TERM 1; } &
{ exec 9<&-; [ -z "${LISTEN_FDS-}" ] || export LISTEN_PID=$BASHPID; exec "$@"; } &
wait $!
"""

# runc cannot grant a capability that the machine itself does not have; what `docker inspect` says
# of the container stays as it was asked for.
RUNC = r"""#!/bin/sh
previous=
for argument in "$@"; do
    case $previous in
        --bundle) sed -i -e 's/"CAP_SYS_RESOURCE",//g' -e 's/,\?"CAP_SYS_RESOURCE"//g' \
            "$argument/config.json" ;;
        --process) sed -i -e 's/"CAP_SYS_RESOURCE",//g' -e 's/,\?"CAP_SYS_RESOURCE"//g' \
            "$argument" ;;
    esac
    previous=$argument
done
exec RUNC "$@"
"""


class EngineFailed(Exception):
    """An engine did not start or stop; the text ends with what it said."""


def missing_programs(needed: tuple[str, ...] = NEEDED) -> list[str]:
    """What engines need and is not to be had here."""
    absent = [name for name in needed if shutil.which(name, path=_search_path()) is None]
    # A container without --privileged has a root user who may not make hosts.
    able = os.geteuid() == 0 and _machine_has(CAP_SYS_ADMIN)
    return absent if able else [*absent, "the rights of the machine's root"]


@dataclass
class Engine:
    name: str
    directory: Path
    args: tuple[str, ...] = ()
    port: int | None = None
    """Where 127.0.0.1 of this machine reaches the engine over TCP."""
    certificates: Certificates | None = None
    version: str = ""
    release: str = ""
    """One of tests.support.releases; "" is the machine's own."""
    rootless: bool = False
    own_network: bool = True
    """Without one it is in the machine's, where images can be built from what the network has."""
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)
    _client: docker.DockerClient | None = field(default=None, repr=False)

    NEEDS: ClassVar[tuple[str, ...]] = NEEDED
    PLACES: ClassVar[dict[str, str]] = {"etc": "/etc/docker", "data": "/var/lib/docker"}

    @classmethod
    def start(
        cls,
        name: str,
        *,
        daemon_config: dict[str, Any] | None = None,
        tcp: bool = False,
        tls: bool = False,
        args: tuple[str, ...] = (),
        release: str = "",
        rootless: bool = False,
        own_network: bool = True,
    ) -> Self:
        """`tcp` adds a plain TCP address, `tls` one with mutual TLS; args go to dockerd. The host
        has the user that `{"userns-remap": "default"}` takes, and one that is not root for a
        `rootless` engine."""
        sweep()
        if absent := missing_programs((*cls.NEEDS, *(ROOTLESS_NEEDS if rootless else ()))):
            raise EngineFailed(
                f"{', '.join(absent)} missing: run scripts/install-test-packages as root"
            )
        directory = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        for part in ("etc", "data", "bin", "cli", "users"):
            (directory / part).mkdir()
        (directory / "cli" / "config.json").write_text("{}")
        for file, lines in USERS.items():
            theirs = Path("/etc", file).read_text() if Path("/etc", file).exists() else ""
            (directory / "users" / file).write_text(theirs + lines)
        if not _machine_has(CAP_SYS_RESOURCE):
            wrapper = directory / "bin" / "runc"
            real = shutil.which("runc", path=_search_path())
            wrapper.write_text(RUNC.replace("RUNC", str(real)))
            wrapper.chmod(0o755)
        if rootless:
            for path in (directory, directory / "data"):
                os.chown(path, ROOTLESS_USER, ROOTLESS_USER)
        engine = cls(
            name, directory, args, release=release, rootless=rootless, own_network=own_network
        )
        engine._configure(daemon_config or {})
        if tls:
            engine.certificates = Certificates.make(directory / "tls")
        if tcp or tls:
            engine.port = 0  # chosen when the host starts, and kept
        try:
            engine.restart()
        except EngineFailed:
            engine.stop()
            raise
        return engine

    @property
    def socket(self) -> Path:
        return self.directory / "docker.sock"

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    @property
    def tcp_url(self) -> str:
        assert self.port, "started without tcp or tls"
        return f"tcp://127.0.0.1:{self.port}"

    @property
    def client(self) -> docker.DockerClient:
        """For setting things up; the product under test never uses it."""
        if self._client is None:
            self._client = docker.DockerClient(self.url, timeout=120)
            self._client.api.trust_env = False
        return self._client

    def log(self) -> str:
        return (self.directory / "log").read_text(errors="replace")

    def kill(self) -> None:
        """As if the host's power were cut: what is on its disk stays, for restart()."""
        if self._client is not None:
            self._client.close()
            self._client = None
        if self._process is None:
            return
        assert self._process.stdin is not None
        _thaw(self.directory)  # a paused container cannot end
        self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        finally:
            self._process.kill()
            self._process.wait()
            self._process = None
            self.socket.unlink(missing_ok=True)

    def restart(self) -> None:
        """Starts the host, again or for the first time, and waits until the engine answers."""
        self.kill()
        command = self._command()
        users = {f"users/{file}": f"/etc/{file}" for file in USERS}
        places = " ".join(f"{own}:{path}" for own, path in {**self.PLACES, **users}.items())
        environment = _environment(self._path()) | {"PLACES": places}
        if self.rootless:
            environment["ROOTLESS_USER"] = str(ROOTLESS_USER)
        listener = None
        if self.port is not None:
            listener = _listen(self.port)
            self.port = int(listener.getsockname()[1])
            command += ["--host", "fd://"]
            environment["LISTEN_FDS"] = "1"
        if self.certificates is not None:
            command += self.certificates.server_flags()
        own = [word for word in OWN_HOST if self.own_network or word != "--net"]
        script = HOST if listener is None else f"exec 3<&{listener.fileno()}\n{HOST}"
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*own, "bash", "-c", script, "host", str(self.directory), self.name, *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=environment,
                cwd="/",  # a rootless engine's user may not enter ours
                start_new_session=True,
                pass_fds=[listener.fileno()] if listener else [],
            )
        if listener is not None:
            listener.close()  # with the host gone, nothing must answer there
        self._wait_until_ready()

    def _configure(self, config: dict[str, Any]) -> None:
        (self.directory / "etc" / "daemon.json").write_text(json.dumps(config))

    def _command(self) -> list[str]:
        """The engine's own command line, in its host."""
        if self.rootless:
            return self._as_user([str(ROOTLESS_SCRIPT), "--host", self.url, *self.args])
        command = ["dockerd", "--cgroup-parent", f"/{self.directory.name}", *self.args]
        return [*command, "--host", "unix:///run/docker.sock", "--host", self.url]

    def _as_user(self, command: list[str]) -> list[str]:
        """As the user of a rootless engine, at home in the engine's data."""
        user, home = str(ROOTLESS_USER), self.directory / "data"
        return [
            *("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"),
            *("env", f"HOME={home}", f"XDG_RUNTIME_DIR=/run/user/{user}", *command),
        ]

    def _client_command(self) -> list[str]:
        return ["docker"]

    def _path(self) -> str:
        """Where programs are looked for: a release's own first."""
        first = f"{self.directory}/bin:"
        if self.release:
            first += f"{releases.directory(self.release)}:"
        return first + _search_path()

    def stop(self) -> None:
        """Ends the host and leaves nothing of it."""
        self.kill()
        _remove(self.directory)

    def cli(self, *arguments: str) -> str:
        """What `docker ARGUMENTS` prints; EngineFailed where it fails."""
        done = subprocess.run(
            [*self._client_command(), *arguments],
            env=_environment(self._path())
            | {"DOCKER_HOST": self.url, "DOCKER_CONFIG": str(self.directory / "cli")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if done.returncode:
            raise EngineFailed(f"docker {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def run(
        self,
        name: str,
        image: str | None = None,
        command: tuple[str, ...] = FOREVER,
        **options: Any,
    ) -> Container:
        """A running container; options are those of docker.containers.run."""
        return self.client.containers.run(
            image or BUSYBOX, list(command), name=name, detach=True, **options
        )

    def docker_run(
        self,
        *flags: str,
        name: str,
        image: str = BUSYBOX,
        command: tuple[str, ...] = FOREVER,
        create_only: bool = False,
    ) -> str:
        """The id of a container made by the command line, as people make theirs."""
        verb = ("create",) if create_only else ("run", "--detach")
        return self.cli(*verb, "--name", name, *flags, image, *command).splitlines()[-1]

    def wait_for_health(self, name: str) -> None:
        """Until the container's check has said something."""
        deadline = time.monotonic() + START_SECONDS
        state = "--format={{.State.Health.Status}}"
        while self.cli("inspect", state, name) not in {"healthy", "unhealthy"}:
            if time.monotonic() > deadline:
                raise EngineFailed(f"no health check of {name} ended within {START_SECONDS} s")
            time.sleep(0.1)

    def import_image(self, image: str, content: bytes, *changes: str) -> None:
        """From a tar file; changes are lines of a Dockerfile."""
        name, tag = image.split(":")
        self.client.api.import_image_from_data(content, name, tag, changes=list(changes))

    def remove_containers(self) -> None:
        for container in self.client.containers.list(all=True, ignore_removed=True):
            container.remove(force=True, v=True)

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = self.log()[-3000:]
                self.kill()
                raise EngineFailed(f"engine {self.name} did not start:\n{said}")
            time.sleep(0.02)
        self.version = self.client.version()["Version"]

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as attempt:
            try:
                attempt.connect(str(self.socket))
                attempt.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
                return b" 200 " in attempt.recv(64)
            except (FileNotFoundError, ConnectionError):
                return False


def sweep() -> None:
    """Removes what engines left whose owner was killed; their processes ended with it."""
    place = os.open(tempfile.gettempdir(), os.O_RDONLY)
    try:
        fcntl.flock(place, fcntl.LOCK_EX)  # another process may be sweeping too
        for directory in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
            owner = directory.name.removeprefix(PREFIX).split("-")[0]
            if not Path(f"/proc/{owner}").exists():
                _remove(directory)
    finally:
        os.close(place)


def _remove(directory: Path) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    while groups := _groups(directory):
        _thaw(directory)
        for group in groups:
            try:
                group.rmdir()
            except OSError:  # its processes are killed, but the kernel is not done with them
                if time.monotonic() > deadline:
                    raise
        time.sleep(0.02)
    for shared in ("conmon", ""):
        for group in _trees(f"{PODMAN_GROUP}/{shared}"):
            with contextlib.suppress(OSError):  # another Podman is still there
                group.rmdir()
    shutil.rmtree(directory)


def _groups(directory: Path) -> list[Path]:
    """The control groups of an engine, the innermost first."""
    roots = _trees(directory.name)
    # Podman has one place for the containers of all Podmans.
    for container in directory.glob("data/storage/overlay-containers/*/"):
        roots += _trees(f"{PODMAN_GROUP}/libpod-{container.name}")
    found = [path for root in roots for path in (root, *root.rglob("*")) if path.is_dir()]
    return sorted(found, key=lambda path: len(path.parts), reverse=True)


def _trees(name: str) -> list[Path]:
    # Version 1 of control groups has a tree per controller, version 2 one tree.
    root = Path("/sys/fs/cgroup")
    return [*root.glob(f"*/{name}"), *root.glob(name)]


def _thaw(directory: Path) -> None:
    """Lets the engine's paused containers go on, so that they can be killed."""
    for group in _groups(directory):
        for file, word in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
            if (group / file).exists():
                (group / file).write_text(word)


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(64)
    return listener


def _search_path() -> str:
    # A user's PATH on Debian lacks the directories where dockerd and iptables are.
    return f"{os.environ.get('PATH', '/usr/bin:/bin')}:/usr/sbin:/sbin"


def _environment(path: str) -> dict[str, str]:
    """Ours without what would point a Docker program elsewhere or show in `docker info`."""
    strange = re.compile(r"DOCKER_|.*_PROXY$", re.IGNORECASE)
    ours = {name: value for name, value in os.environ.items() if not strange.match(name)}
    return ours | {"PATH": path}


def _machine_has(capability: int) -> bool:
    status = Path("/proc/self/status").read_text()
    bounds = next(line for line in status.splitlines() if line.startswith("CapBnd:"))
    return bool(int(bounds.split()[1], 16) >> capability & 1)
