"""Docker releases beside the machine's own, as Debian packages of other suites, unpacked and not
installed: `python -m tests.support.releases` fetches what is missing.

Runs with the machine's Python alone, before there is a virtual environment.
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

PACKAGES = ("docker.io", "docker-cli", "containerd")
# No runc: those of newer suites want a newer C library, and the machine's own runs with all.
PROGRAMS = ("dockerd", "docker-proxy", "docker", "containerd", "containerd-shim-runc-v2")
COMPOSE_SUITE, COMPOSE_PACKAGES = "trixie", ("docker-compose",)
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
INSTALL = "run scripts/install-test-packages as root"


class Release(NamedTuple):
    suite: str
    grows: bool = False
    """The suite moves on: any later version is as good."""


RELEASES = {"26.1": Release("trixie"), "28.5": Release("forky", grows=True)}


class ReleaseFailed(Exception):
    """A release is not to be had, and why."""


def directory(name: str) -> Path:
    """Where a release's programs are, to be put first on PATH. Raises ReleaseFailed."""
    found = _cache() / name / "bin"
    if name not in RELEASES:
        raise ReleaseFailed(f"there is no release {name} of Docker here: {', '.join(RELEASES)}")
    if not found.exists():
        raise ReleaseFailed(f"Docker {name} missing: {INSTALL}")
    return found


def fetch(name: str) -> None:
    """Does nothing where it is there. Raises ReleaseFailed."""
    wanted = _cache() / name
    wanted.parent.mkdir(parents=True, exist_ok=True)
    with open(wanted.parent / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if wanted.exists():
            return
        with tempfile.TemporaryDirectory(dir=wanted.parent, prefix=f"{name}.") as place:
            made = Path(place) / "made"
            made.mkdir()
            _unpack(Path(place), made, RELEASES[name].suite)
            _check(name, made)
            made.rename(wanted)  # whole or not at all


def compose() -> Path:
    """The directory of command line plugins that `docker compose` is in. Raises ReleaseFailed."""
    found = _cache() / "compose" / "root" / "usr" / "libexec" / "docker" / "cli-plugins"
    if not (found / "docker-compose").exists():
        raise ReleaseFailed(f"docker compose missing: {INSTALL}")
    return found


def fetch_compose() -> None:
    """Does nothing where it is there. Raises ReleaseFailed."""
    wanted = _cache() / "compose"
    wanted.parent.mkdir(parents=True, exist_ok=True)
    with open(wanted.parent / "compose.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if wanted.exists():
            return
        with tempfile.TemporaryDirectory(dir=wanted.parent, prefix="compose.") as place:
            made = Path(place) / "made"
            made.mkdir()
            _download(Path(place), made, COMPOSE_SUITE, COMPOSE_PACKAGES)
            made.rename(wanted)


def _unpack(place: Path, made: Path, suite: str) -> None:
    _download(place, made, suite, PACKAGES)
    (made / "bin").mkdir()
    for program in PROGRAMS:
        found = [made / "root" / "usr" / part / program for part in ("bin", "sbin")]
        path = next((path for path in found if path.exists()), None)
        if path is None:
            raise ReleaseFailed(f"the packages of {suite} have no {program}")
        (made / "bin" / program).symlink_to(Path("..") / path.relative_to(made))


def _download(place: Path, made: Path, suite: str, packages: tuple[str, ...]) -> None:
    """The suite's packages, fetched with a state of its own: the machine's apt stays as it is."""
    (place / "lists" / "partial").mkdir(parents=True)
    (place / "cache" / "archives" / "partial").mkdir(parents=True)
    (place / "debs").mkdir()
    trust = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
    (place / "sources").write_text(f"deb {trust}{_archive()} {suite} main\n")
    options = {
        "Dir::Etc::sourcelist": place / "sources",
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": place / "lists",
        "Dir::Cache": place / "cache",
        "Dir::State::status": "/dev/null",
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "root",
    }
    apt = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in options.items())]
    _run([*apt, "update"])
    _run([*apt, "download", *packages], cwd=place / "debs")
    for package in sorted((place / "debs").glob("*.deb")):
        _run(["dpkg-deb", "--extract", str(package), str(made / "root")])


def _check(name: str, made: Path) -> None:
    said = _run([str(made / "bin" / "dockerd"), "--version"])
    found = re.search(r"version (\d+)\.(\d+)", said)
    if found is None:
        raise ReleaseFailed(f"dockerd --version says {said!r}")
    version, wanted = tuple(map(int, found.groups())), tuple(map(int, name.split(".")))
    suite, grows = RELEASES[name]
    if not (version >= wanted if grows else version == wanted):
        bound = "or newer " if grows else ""
        raise ReleaseFailed(f"{name} {bound}is wanted, but {suite} has {'.'.join(found.groups())}")


def _archive() -> str:
    """The address of the machine's own Debian archive."""
    told = _run(["apt-get", "--print-uris", "update"])  # fetches nothing
    # Of bookworm, say, and neither bookworm-security nor bookworm-updates.
    found = re.search(r"^'(\S+)/dists/[a-z]+/InRelease'", told, re.MULTILINE)
    if found is None:
        raise ReleaseFailed("the machine's apt has no Debian archive in its sources")
    return found[1]


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "plimsoll-tests" / "docker"


def _run(command: list[str], cwd: Path | None = None) -> str:
    done = subprocess.run(
        command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600
    )
    if done.returncode:
        raise ReleaseFailed(f"{' '.join(command[:1])} failed: {done.stderr.strip()[-500:]}")
    return done.stdout


def main() -> None:
    """Fetches all at once. Ends with a message for each that is not to be had."""
    if not shutil.which("apt-get"):
        sys.exit("Docker's other releases come as Debian packages, and there is no apt-get here")

    def attempt(name: str) -> str:
        try:
            if name == "compose":
                fetch_compose()
            else:
                fetch(name)
        except (ReleaseFailed, OSError, subprocess.TimeoutExpired) as error:
            return f"Docker {name}: {error}"
        return ""

    with ThreadPoolExecutor() as pool:
        failures = [failure for failure in pool.map(attempt, [*RELEASES, "compose"]) if failure]
    if failures:
        sys.exit("\n".join(failures))


if __name__ == "__main__":
    main()
