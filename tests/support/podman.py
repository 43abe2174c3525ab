"""Real Podmans, each a host of its own: `Podman.start("web-1")`.

What is scanned is the Docker-compatible service. Its own command line makes the containers, as
people make theirs.
"""

import tempfile
from pathlib import Path
from typing import Any, ClassVar

from tests.support.engines import NEEDED, Engine

# Limits of the same height, and neither a service manager nor a journal, run anywhere.
SETTINGS = """\
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
helper_binaries_dir = ["/usr/lib/podman", "/usr/libexec/podman"]
runtime = "runc"
[network]
network_backend = "netavark"
"""
POLICY = '{"default": [{"type": "insecureAcceptAnything"}]}'


class Podman(Engine):
    NEEDS: ClassVar[tuple[str, ...]] = (*NEEDED, "podman", "conmon")
    PLACES: ClassVar[dict[str, str]] = {"etc": "/etc/containers", "data": "/var/lib/containers"}

    def _configure(self, config: dict[str, Any]) -> None:
        for file, text in {"containers.conf": SETTINGS, "policy.json": POLICY}.items():
            (self.directory / "etc" / file).write_text(text)

    def _command(self) -> list[str]:
        command = ["podman", "system", "service", "--time=0", self.url]
        # A link where Docker's socket would be, as the package podman-docker makes it.
        link = f'ln -s {self.socket} /run/docker.sock; exec "$@"'
        return ["sh", "-c", link, "sh", *(self._as_user(command) if self.rootless else command)]

    def _client_command(self) -> list[str]:
        return ["podman", "--remote", "--url", self.url]

    def wait_for_health(self, name: str) -> None:
        """Runs the check once, as a service manager's timer would; there is none."""
        self.cli("healthcheck", "run", name)

    def import_image(self, image: str, content: bytes, *changes: str) -> None:
        """Built, for an import takes no health checks; those are of Docker's format alone."""
        with tempfile.TemporaryDirectory(dir=self.directory) as place:
            (Path(place) / "content.tar").write_bytes(content)
            lines = ["FROM scratch", "ADD content.tar /", *changes]
            (Path(place) / "Dockerfile").write_text("\n".join(lines))
            self.cli("build", "--quiet", "--format=docker", f"--tag={image}", place)
