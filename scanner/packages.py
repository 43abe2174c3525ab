"""What a command of a package manager does: fetch the index, or install. Pure."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple


class _Manager(NamedTuple):
    update: frozenset[str]
    install: frozenset[str]


_INSTALL = frozenset(
    ("install", "reinstall", "upgrade", "dist-upgrade", "full-upgrade", "safe-upgrade")
) | {"build-dep", "source", "download", "satisfy"}
_APT = _Manager(frozenset({"update"}), _INSTALL)
# `yum update` installs newer packages; only these fetch the index alone.
_YUM = _Manager(
    frozenset({"makecache", "check-update"}),
    _INSTALL | {"update", "groupinstall", "localinstall", "swap", "distro-sync", "group"},
)
_ZYPPER = _Manager(
    frozenset({"refresh", "ref"}),
    _INSTALL | {"in", "update", "up", "patch", "dup", "si", "source-install"},
)
_MANAGERS = {
    **dict.fromkeys(("apt", "apt-get", "aptitude", "opkg"), _APT),
    **dict.fromkeys(("yum", "dnf", "dnf5", "microdnf", "tdnf"), _YUM),
    "zypper": _ZYPPER,
    "apk": _Manager(frozenset({"update"}), frozenset({"add", "upgrade", "fix", "fetch"})),
}
INSTALLATION = {
    **{name: f"{name} install -y PACKAGE" for name in _MANAGERS},
    "zypper": "zypper --non-interactive install PACKAGE",
    "apk": "apk add PACKAGE",
    "pacman": "pacman -S --noconfirm PACKAGE",
}
"""How each package manager installs something, by its name."""

LOGIN_PACKAGES = {
    "ssh": ("openssh-server", "dropbear", "dropbear-bin", "tinyssh"),
    "telnet": ("telnetd", "telnet-server", "inetutils-telnetd"),
    "ftp": ("ftpd", "vsftpd", "proftpd*", "pure-ftpd*", "bftpd"),
    "rlogin": ("rsh-server", "rsh-redone-server"),
    "vnc": ("*vncserver*", "*vnc-server*", "tigervnc-*-server", "x11vnc"),
    "rdp": ("xrdp",),
}
"""What brings a service for remote login."""


def updates(name: str, words: Sequence[str]) -> bool:
    """Whether the program `name` with these arguments fetches the index of what there is."""
    if name == "pacman":
        return "--refresh" in words or any(w.startswith("-S") and "y" in w for w in words)
    manager = _MANAGERS.get(name)
    return manager is not None and not manager.update.isdisjoint(words)


def installs(name: str, words: Sequence[str]) -> bool:
    """Whether it installs packages, or newer ones in place of old."""
    if name == "pacman":
        upgrades = "--sysupgrade" in words or any(w.startswith("-S") and "u" in w for w in words)
        return upgrades or any(not w.startswith("-") for w in words)
    manager = _MANAGERS.get(name)
    return manager is not None and not manager.install.isdisjoint(words)


def installed(name: str, words: Sequence[str]) -> Iterator[str]:
    """Names of the packages, without versions; the word for installing is among them."""
    if installs(name, words):
        yield from (word.partition("=")[0] for word in words if not word.startswith("-"))
