"""The images that tests run, made without a registry from programs of this machine."""

import gzip
import io
import json
import re
import shutil
import subprocess
import tarfile
import time
from pathlib import Path

from tests.support.engines import BUSYBOX, Engine

PASSWD = """\
root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/bin/false
app:x:1000:1000:app:/home/app:/bin/sh
toor:x:0:0:another name of root:/root:/bin/sh
"""
GROUP = "root:x:0:\nnogroup:x:65534:\napp:x:1000:\n"

# Image -> what `docker import --change` is told.
DERIVED = {
    "plimsoll/app:1": (
        "USER 1000",
        "EXPOSE 8080",
        "WORKDIR /home/app",
        'HEALTHCHECK --interval=1s --retries=2 CMD ["ls", "/"]',
    ),
    "plimsoll/named-user:1": ("USER app",),
}
SSHD = "plimsoll/sshd:1"
PACKAGES = "plimsoll/packages:1"
"""Package managers that do nothing: builds need no network. Not among those of `load_images`."""


def load_images(engine: Engine) -> None:
    """Brings the images of this module onto an engine."""
    content = filesystem()
    load_image(engine, BUSYBOX, content)
    engine.cli("tag", BUSYBOX, "plimsoll/busybox:latest")
    for image, changes in DERIVED.items():
        load_image(engine, image, content, *changes)
    run_sshd = 'CMD ["/usr/sbin/sshd", "100000"]'
    load_image(engine, SSHD, filesystem(_sshd()), "EXPOSE 22", run_sshd)


def load_image(engine: Engine, image: str, content: bytes, *changes: str) -> None:
    """One image under a name with a tag; changes are lines of a Dockerfile."""
    engine.import_image(image, content, 'CMD ["sh"]', *changes)


def load_packages(engine: Engine, name: str = PACKAGES) -> None:
    """Brings PACKAGES onto an engine."""
    nothing = b"#!/bin/sh\n"
    programs = ("apk", "apt-get", "npm", "/usr/sbin/chpasswd")
    files = {name if "/" in name else f"/bin/{name}": nothing for name in programs}
    load_image(engine, name, filesystem(files))


class BuildFailed(Exception):
    """What the builder said last."""


def build(
    engine: Engine, tag: str, dockerfile: str, files: dict[str, bytes], *, old: bool = False
) -> None:
    """By BuildKit, which is part of the engine, or by the builder of old. `files` are the context,
    by path."""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w:gz", format=tarfile.GNU_FORMAT) as archive:
        for path, body in {"Dockerfile": dockerfile.encode(), **files}.items():
            _add(archive, path, body, mode=0o644)
    api = engine.client.api
    answer = api.post(
        api._url("/build"),
        params={"t": tag, "networkmode": "none", **({} if old else {"version": "2"})},
        data=context.getvalue(),
        headers={"Content-Type": "application/x-tar"},
    )
    said = [json.loads(line) for line in answer.text.splitlines()]
    if errors := [line["error"] for line in said if "error" in line]:
        raise BuildFailed(errors[-1])


def archive_of(files: dict[str, bytes]) -> bytes:
    """A tar file, compressed."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for path, body in files.items():
            _add(archive, path, body, mode=0o644)
    return gzip.compress(content.getvalue())


def filesystem(more: dict[str, bytes] | None = None) -> bytes:
    """A tar file: busybox with a link for each of its programs, users, and `more` programs."""
    busybox = shutil.which("busybox")
    assert busybox, "busybox not found: run scripts/install-test-packages as root"
    listed = subprocess.run([busybox, "--list"], check=True, capture_output=True, text=True)
    programs = {"/bin/busybox": Path(busybox).read_bytes(), **(more or {})}
    texts = {"/etc/passwd": PASSWD.encode(), "/etc/group": GROUP.encode()}
    folders = ["/bin", "/sbin", "/etc", "/usr", "/usr/bin", "/usr/sbin", "/home", "/home/app"]
    folders += ["/root", "/tmp", "/var", "/proc", "/sys", "/dev"]
    folders += sorted({str(Path(path).parent) for path in programs} - set(folders))
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for path in folders:
            _add(archive, path, kind=tarfile.DIRTYPE, mode=0o1777 if path == "/tmp" else 0o755)
        for path, body in programs.items():
            _add(archive, path, body, mode=0o755)
        for path, body in texts.items():
            _add(archive, path, body, mode=0o644)
        for applet in set(listed.stdout.split()) - {"busybox"}:
            _add(archive, f"/bin/{applet}", kind=tarfile.SYMTYPE, link="busybox")
    return content.getvalue()


def _add(
    archive: tarfile.TarFile,
    path: str,
    body: bytes = b"",
    *,
    kind: bytes = tarfile.REGTYPE,
    mode: int = 0o777,
    link: str = "",
) -> None:
    entry = tarfile.TarInfo(path.lstrip("/"))
    entry.type, entry.mode, entry.linkname = kind, mode, link
    entry.size, entry.mtime = len(body), int(time.time())
    archive.addfile(entry, io.BytesIO(body))


def _sshd() -> dict[str, bytes]:
    """`sleep` under the name sshd, with its libraries: what a server's process looks like."""
    sleep = Path("/bin/sleep")
    linked = subprocess.run(["ldd", str(sleep)], check=True, capture_output=True, text=True)
    libraries = re.findall(r"(/\S+) \(0x", linked.stdout)
    return {"/usr/sbin/sshd": sleep.read_bytes()} | {
        library: Path(library).read_bytes() for library in libraries
    }
