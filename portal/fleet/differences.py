"""What a container's configuration says, in words, and in what two of them differ. Pure.

A configuration is a mapping with the fields of scanner.model.Container as plain values, as they are
stored: redacted, and without what could not be read. It may come from an older version of the
product, or be damaged: what is not understood is shown as it stands, and everything is bounded.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from portal.core import display
from scanner.model import Container, Device, Mount, Port

GROUPS = {
    "isolation": "Isolation",
    "resources": "Resources and storage",
    "network": "Network",
    "lifecycle": "Lifecycle",
    "image": "Image and process",
    "other": "Other",
}
MOST_ITEMS = 100
MOST_CHARACTERS = 400
MOST_UNKNOWN_FIELDS = 50

_Words = Callable[[Any], str]


class Setting(NamedTuple):
    """`value` in words, `items` the parts of one that is a list or a mapping; `fact` is the
    engine's own name. `read` is false where nobody could read it: `value` is then ""."""

    field: str
    label: str
    group: str
    fact: str
    value: str
    items: tuple[str, ...] | None = None
    read: bool = True


class Difference(NamedTuple):
    """One setting before and after; of a list also what is in one of them only."""

    before: Setting
    after: Setting
    added: tuple[str, ...]
    removed: tuple[str, ...]


def _onoff(value: Any) -> str:
    return "yes" if value is True else "no" if value is False else display.fact(value)


def _bytes(none: str) -> _Words:
    def words(value: Any) -> str:
        if isinstance(value, int) and not isinstance(value, bool):
            return display.iec_bytes(value) if value > 0 else none
        return display.fact(value)

    return words


def _number(none: str) -> _Words:
    return lambda value: none if value is None or value in (0, -1) else display.fact(value)


def _text(none: str) -> _Words:
    return lambda value: none if value == "" else display.fact(value)


def _cpus(value: Any) -> str:
    if isinstance(value, int) and value > 0:
        return f"{value / 1e9:.2f}".rstrip("0").rstrip(".")
    return "no limit" if value == 0 else display.fact(value)


def _mount(value: Any) -> str:
    mount = msgspec.convert(value, Mount)
    source = mount.volume or mount.source or mount.kind
    spread = f", {mount.propagation}" if mount.propagation not in ("", None, "rprivate") else ""
    access = "writable" if mount.writable else "read-only"
    return f"{source} → {mount.destination}, {access}{spread}"


def _port(value: Any) -> str:
    return str(msgspec.convert(value, Port))


def _device(value: Any) -> str:
    device = msgspec.convert(value, Device)
    return f"{device.host_path} → {device.container_path} ({device.permissions})"


def _ulimit(value: Any) -> str:
    return f"{value['name']} {value['soft']}:{value['hard']}"


def _variable(value: Any) -> str:
    return str(value["name"])


def _restart(value: Any) -> str:
    tries = value["maximum_retries"]
    return (value["name"] or "no") + (f", at most {tries} times" if tries else "")


def _probe(value: Any) -> str:
    test = list(map(str, (value or {}).get("test") or ()))
    return " ".join(test) if test and test[0] != "NONE" else "none"


# Of each field its group, its label and how its value is written; of lists, how each item is.
_FIELDS: dict[str, tuple[str, str, _Words]] = {
    "user": ("isolation", "Runs as", _text("root, as no user is named")),
    "uid": ("isolation", "User id", display.fact),
    "groups": ("isolation", "Further groups", display.fact),
    "privileged": ("isolation", "Privileged", _onoff),
    "cap_add": ("isolation", "Capabilities added", display.fact),
    "cap_drop": ("isolation", "Capabilities dropped", display.fact),
    "security_opt": ("isolation", "Security options", display.fact),
    "apparmor_profile": ("isolation", "AppArmor profile", _text("none")),
    "process_label": ("isolation", "SELinux label", _text("none")),
    "pid_mode": ("isolation", "Process namespace", _text("its own")),
    "ipc_mode": ("isolation", "IPC namespace", _text("the engine's default")),
    "uts_mode": ("isolation", "Host name namespace", _text("its own")),
    "userns_mode": ("isolation", "User namespace", _text("the engine's default")),
    "cgroupns_mode": ("isolation", "Control group namespace", _text("the engine's default")),
    "devices": ("isolation", "Devices", _device),
    "device_requests": ("isolation", "Devices asked for", display.fact),
    "device_cgroup_rules": ("isolation", "Device rules", display.fact),
    "sysctls": ("isolation", "Kernel parameters", display.fact),
    "runtime": ("isolation", "Runtime", _text("the engine's default")),
    "memory": ("resources", "Memory", _bytes("no limit")),
    "memory_swap": ("resources", "Memory with swap", _bytes("no limit of its own")),
    "memory_reservation": ("resources", "Memory reserved", _bytes("none")),
    "nano_cpus": ("resources", "CPUs", _cpus),
    "cpu_quota": ("resources", "CPU quota", _number("none")),
    "cpu_period": ("resources", "CPU period", _number("the engine's default")),
    "cpu_shares": ("resources", "CPU shares", _number("the engine's default")),
    "cpuset_cpus": ("resources", "Only on CPUs", _text("any")),
    "pids_limit": ("resources", "Processes", _number("no limit")),
    "ulimits": ("resources", "Ulimits", _ulimit),
    "oom_kill_disable": ("resources", "Never killed for memory", _onoff),
    "oom_score_adj": ("resources", "Priority when memory is short", display.fact),
    "cgroup_parent": ("resources", "Control group", _text("the engine's default")),
    "read_only": ("resources", "Root file system is read-only", _onoff),
    "storage_options": ("resources", "Storage options", display.fact),
    "mounts": ("resources", "Mounts", _mount),
    "tmpfs": ("resources", "Temporary file systems", display.fact),
    "network_mode": ("network", "Network mode", _text("the engine's default")),
    "networks": ("network", "Networks", display.fact),
    "ports": ("network", "Published ports", _port),
    "publish_all": ("network", "Publishes all ports", _onoff),
    "restart_policy": ("lifecycle", "Restart policy", _restart),
    "auto_remove": ("lifecycle", "Removed when it ends", _onoff),
    "init": ("lifecycle", "Init process", _onoff),
    "healthcheck": ("lifecycle", "Health check", _probe),
    "log_driver": ("lifecycle", "Log driver", _text("none")),
    "image": ("image", "Image", _text("none")),
    "image_id": ("image", "Image id", display.fact),
    "entrypoint": ("image", "Entrypoint", display.fact),
    "command": ("image", "Command", display.fact),
    "working_directory": ("image", "Working directory", _text("/")),
    "environment": ("image", "Environment, names only", _variable),
    "exposed_ports": ("image", "Exposed ports", display.fact),
    "tty": ("image", "Terminal", _onoff),
    "hostname": ("other", "Host name", _text("none")),
    "labels": ("other", "Labels", display.fact),
}
_IN_ORDER = {"entrypoint", "command"}
_WHOLE = {"restart_policy", "healthcheck"}
_NOT_CONFIGURATION = {
    *("id", "name", "created", "status", "pid", "started_at", "finished_at", "exit_code"),
    *("oom_killed", "restart_count", "health", "processes", "unread"),
}


def settings(configuration: Mapping[str, Any]) -> list[Setting]:
    """Every setting that is known to the product, group by group, and what else stands there."""
    found = [_setting(name, configuration) for name in _FIELDS]
    others = sorted(configuration.keys() - _FIELDS.keys() - _NOT_CONFIGURATION)
    return found + [_setting(name, configuration) for name in others[:MOST_UNKNOWN_FIELDS]]


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Only what differs, group by group. The order of a list counts only where it decides."""
    names = list(_FIELDS)
    others = sorted((before.keys() | after.keys()) - _FIELDS.keys() - _NOT_CONFIGURATION)
    found = []
    for name in names + others[:MOST_UNKNOWN_FIELDS]:
        if name in before and name in after:
            if before[name] == after[name]:
                continue
        elif name not in before and name not in after:
            continue
        old, new = _setting(name, before), _setting(name, after)
        if name not in _IN_ORDER and old.items is not None and new.items is not None:
            there, here = _whole_items(name, before), _whole_items(name, after)
            if sorted(there) == sorted(here) and name != "environment":  # words do not say it all
                there, here = _items(before[name], display.fact), _items(after[name], display.fact)
            added = tuple(_cut(each) for each in here if each not in set(there))
            removed = tuple(_cut(each) for each in there if each not in set(here))
            if not added and not removed and sorted(there) == sorted(here):
                continue
            found.append(Difference(old, new, added[:MOST_ITEMS], removed[:MOST_ITEMS]))
        else:
            if old.read and new.read and old.value == new.value:  # words do not say it all
                old, new = (
                    each._replace(value=_cut(display.fact(there[name])))
                    for each, there in ((old, before), (new, after))
                )
            found.append(Difference(old, new, (), ()))
    order = list(GROUPS)
    return sorted(found, key=lambda each: order.index(each.after.group))


def _setting(name: str, configuration: Mapping[str, Any]) -> Setting:
    group, label, words = _FIELDS.get(name, ("other", _cut(name), display.fact))
    fact = Container.FACTS.get(name, _cut(name))
    if name not in configuration:
        return Setting(name, label, group, fact, "", read=False)
    value = configuration[name]
    if name not in _WHOLE and isinstance(value, list | tuple | Mapping):
        items = _items(value, words)
        shown = [_cut(item) for item in items[:MOST_ITEMS]]
        if len(items) > MOST_ITEMS:
            shown.append(f"and {display.integer(len(items) - MOST_ITEMS)} more")
        glue = " " if name in _IN_ORDER else ", "
        return Setting(name, label, group, fact, _cut(glue.join(shown)) or "none", tuple(shown))
    return Setting(name, label, group, fact, _cut(_said(words, value)))


def _whole_items(name: str, configuration: Mapping[str, Any]) -> list[str]:
    words = _FIELDS[name][2] if name in _FIELDS else display.fact
    return _items(configuration[name], words)


def _items(value: Any, words: _Words) -> list[str]:
    if isinstance(value, Mapping):
        return [f"{key}={_said(display.fact, each)}" for key, each in sorted(value.items())]
    return [_said(words, each) for each in value]


def _said(words: _Words, value: Any) -> str:
    """As JSON where it is not of the kind that the field should have."""
    try:
        return words(value)
    except (msgspec.ValidationError, TypeError, KeyError, AttributeError, ValueError):
        return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"
