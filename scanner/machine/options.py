"""The daemon's options: how its command line and its configuration file call them. Pure.

Only what is named here is kept of either; nothing of it can hold a secret but the options of a
logging driver, and those are redacted.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from scanner import redact

Value = bool | str | tuple[str, ...]

_LIMIT = 500  # the longest text, and the most entries, that we keep of one option


class Kind(msgspec.Struct, frozen=True):
    """One option. What `default` is tells its kind: a switch, a text, or a list; a map is a list
    of "name=value". A default that differs between releases is "", and so is one of no value."""

    flag: str
    default: Value
    short: str = ""

    def read(self, value: Any) -> Value:
        """A value of the configuration file. One of the wrong type comes as a text of it."""
        if isinstance(self.default, tuple):
            if isinstance(value, dict):
                return _texts(_entry(str(name), inner) for name, inner in value.items())
            return _texts(value if isinstance(value, list) else [value])
        if isinstance(self.default, bool) and isinstance(value, bool):
            return value
        return redact.text(_plain(value), _LIMIT)


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _texts(values: Iterable[Any]) -> tuple[str, ...]:
    found = [redact.text(_plain(value), _LIMIT) for _, value in zip(range(_LIMIT), values)]  # noqa: B905 - the range bounds it
    return tuple(found)


def _entry(name: str, value: Any) -> str:
    """As the command line writes it: `nofile=1024:2048`, `runtime=/path`, `option=value`."""
    if isinstance(value, dict):
        if "Hard" in value or "Soft" in value:
            return f"{name}={value.get('Soft', 0)}:{value.get('Hard', 0)}"
        value = value.get("path") or value.get("runtimeType") or ""
    text = _plain(value)
    return f"{name}={redact.HIDDEN if redact.suspicion(name, text) else text}"


OPTIONS = {
    "authorization-plugins": Kind("authorization-plugin", ()),
    "bridge": Kind("bridge", "", "b"),
    "cgroup-parent": Kind("cgroup-parent", ""),
    "containerd": Kind("containerd", ""),
    "data-root": Kind("data-root", ""),
    "debug": Kind("debug", False, "D"),
    "default-cgroupns-mode": Kind("default-cgroupns-mode", ""),
    "default-ipc-mode": Kind("default-ipc-mode", ""),
    "default-runtime": Kind("default-runtime", "runc"),
    "default-ulimits": Kind("default-ulimit", ()),
    "exec-opts": Kind("exec-opt", ()),
    "exec-root": Kind("exec-root", ""),
    "experimental": Kind("experimental", False),
    "group": Kind("group", "docker", "G"),
    "hosts": Kind("host", (), "H"),
    "icc": Kind("icc", True),
    "init": Kind("init", False),
    "insecure-registries": Kind("insecure-registry", ()),
    "ip": Kind("ip", ""),
    "ip-forward": Kind("ip-forward", True),
    "ip-masq": Kind("ip-masq", True),
    "ip6tables": Kind("ip6tables", ""),
    "iptables": Kind("iptables", True),
    "ipv6": Kind("ipv6", False),
    "live-restore": Kind("live-restore", False),
    "log-driver": Kind("log-driver", "json-file"),
    "log-level": Kind("log-level", "info", "l"),
    "log-opts": Kind("log-opt", ()),
    "no-new-privileges": Kind("no-new-privileges", False),
    "pidfile": Kind("pidfile", "", "p"),
    "registry-mirrors": Kind("registry-mirror", ()),
    "runtimes": Kind("add-runtime", ()),
    "seccomp-profile": Kind("seccomp-profile", ""),
    "selinux-enabled": Kind("selinux-enabled", False),
    "storage-driver": Kind("storage-driver", "", "s"),
    "storage-opts": Kind("storage-opt", ()),
    "tls": Kind("tls", False),
    "tlscacert": Kind("tlscacert", ""),
    "tlscert": Kind("tlscert", ""),
    "tlskey": Kind("tlskey", ""),
    "tlsverify": Kind("tlsverify", False),
    "userland-proxy": Kind("userland-proxy", True),
    "userland-proxy-path": Kind("userland-proxy-path", ""),
    "userns-remap": Kind("userns-remap", ""),
}
_FLAGS = {kind.flag: name for name, kind in OPTIONS.items()} | {"graph": "data-root"}
_SHORT = {kind.short: name for name, kind in OPTIONS.items() if kind.short} | {"g": "data-root"}


def flags(words: list[str]) -> dict[str, Value]:
    """A daemon's command line, the program left out, by the names of the configuration file."""
    found: dict[str, Value] = {}
    at = 0
    while at < len(words) and words[at] != "--":
        name, value = _flag(words[at])
        at += 1
        if name is None:
            continue
        default = OPTIONS[name].default
        if value is None and isinstance(default, bool):
            value = "true"
        elif value is None and at < len(words):
            value = words[at]
            at += 1
        value = value or ""
        if isinstance(default, bool):
            found[name] = value.lower() in {"1", "t", "true"}
        elif isinstance(default, tuple):
            key, equals, inner = value.partition("=")
            earlier = found.get(name, ())
            entry = _entry(key, inner) if equals else redact.text(value, _LIMIT)
            found[name] = (*(earlier if isinstance(earlier, tuple) else ()), entry)[:_LIMIT]
        else:
            found[name] = redact.text(value, _LIMIT)
    return found


def _flag(word: str) -> tuple[str | None, str | None]:
    """The option's name and its value, each None where the word has none."""
    if word.startswith("--"):
        flag, equals, value = word[2:].partition("=")
        return _FLAGS.get(flag), value if equals else None
    if word.startswith("-") and len(word) > 1:
        value = word[2:].removeprefix("=")
        return _SHORT.get(word[1]), value or None
    return None, None


def settings(content: bytes) -> dict[str, Value]:
    """A configuration file. Raises ValueError where it is none."""
    try:
        raw = msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf").strip() or b"{}")
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError("it is no valid JSON") from error
    if not isinstance(raw, dict):
        raise ValueError("it holds no object")
    raw = {"data-root": raw["graph"], **raw} if "graph" in raw else raw
    return {
        name: kind.read(raw[name])
        for name, kind in OPTIONS.items()
        if name in raw and raw[name] is not None
    }
