"""A container's settings, each as the flags of docker run and as the key of Compose that say it.

Only settings that differ from the engine's defaults come out. Labels and the values of variables
never do.
"""

import re
import shlex
from collections.abc import Iterable, Iterator
from typing import Any, get_origin

import msgspec
from msgspec import UNSET

from scanner.model import Container, Image, Mount, Port, RestartPolicy
from scanner.remedy import health, units

_ANONYMOUS = re.compile(r"[0-9a-f]{64}")


class Setting(msgspec.Struct, frozen=True):
    """`key` is "" where Compose says it elsewhere."""

    flags: tuple[str, ...]
    key: str
    value: Any


def written(container: Container) -> Container:
    """As a person would have written it: without what the engine has added by itself, and with
    neutral values for what is not known. Nothing in it raises Unread."""
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(Container):
        value = object.__getattribute__(container, field.name)
        values[field.name] = _neutral(field.type) if value is UNSET else value
    values["unread"] = {}
    if values["privileged"] or "host" in (values["pid_mode"], values["ipc_mode"]):
        values["security_opt"] = tuple(
            option
            for option in values["security_opt"]
            if option.replace(":", "=") != "label=disable"
        )
    return Container(**values)


def _neutral(kind: Any) -> Any:
    kind = get_origin(kind) or kind
    if kind is RestartPolicy:
        return RestartPolicy("no", 0)
    return kind() if kind in (str, int, bool, tuple, dict) else None


def settings(c: Container, image: Image | None, changed: frozenset[str]) -> Iterator[Setting]:
    """`changed` names fields that are said even where they have the engine's default."""
    yield from _lifecycle(c, image)
    yield from _isolation(c, changed)
    yield from _limits(c, changed)
    yield from _storage(c)
    yield from _devices(c)
    if c.publish_all:
        yield Setting(("--publish-all",), "", None)
    yield from _many("--publish", "ports", _ports(c))


def _lifecycle(c: Container, image: Image | None) -> Iterator[Setting]:
    yield from _switch("--rm", "", c.auto_remove)
    yield from _switch("--init", "init", c.init)
    yield from _switch("--tty", "tty", c.tty)
    own_name = c.network_mode != "host" and c.uts_mode != "host" and c.hostname != c.id[:12]
    yield from _one("--hostname", "hostname", c.hostname if own_name else "")
    yield from _one("--user", "user", "" if image and image.user == c.user else c.user)
    yield from _many("--group-add", "group_add", c.groups)
    policy = c.restart_policy
    if policy.name != "no":
        retries = f":{policy.maximum_retries}" if policy.maximum_retries else ""
        yield from _one("--restart", "restart", policy.name + retries)
    # Podman does not tell an image's own.
    inherited_check = object.__getattribute__(image, "healthcheck") if image else None
    if c.healthcheck is not None and inherited_check != c.healthcheck:
        yield Setting(health.flags(c.healthcheck), "healthcheck", health.service(c.healthcheck))
    # PATH is every image's own; docker run would take it from the machine that runs it.
    inherited = {"PATH", *(image.environment if image else ())}
    names = [variable.name for variable in c.environment if variable.name not in inherited]
    yield from _many("--env", "environment", names)


def _isolation(c: Container, changed: frozenset[str]) -> Iterator[Setting]:
    yield from _switch("--privileged", "privileged", c.privileged)
    yield from _many("--cap-drop", "cap_drop", c.cap_drop)
    yield from _many("--cap-add", "cap_add", c.cap_add)
    options = [
        "seccomp=profile.json" if re.match(r"\s*seccomp\s*[=:]\s*\{", option) else option
        for option in c.security_opt
    ]
    yield from _many("--security-opt", "security_opt", options)
    yield from _one("--pid", "pid", c.pid_mode)
    yield from _one("--ipc", "ipc", _default(c, "ipc_mode", {"private"}, changed))
    yield from _one("--uts", "uts", c.uts_mode)
    yield from _one("--userns", "userns_mode", c.userns_mode)
    yield from _one("--cgroupns", "cgroup", _default(c, "cgroupns_mode", {"private"}, changed))
    yield from _one("--cgroup-parent", "cgroup_parent", c.cgroup_parent)
    yield from _one("--runtime", "runtime", "" if c.runtime == "runc" else c.runtime)
    if c.sysctls:
        flags = tuple(f"--sysctl {shlex.quote(f'{n}={v}')}" for n, v in sorted(c.sysctls.items()))
        yield Setting(flags, "sysctls", dict(sorted(c.sysctls.items())))


def _limits(c: Container, changed: frozenset[str]) -> Iterator[Setting]:
    yield from _one("--memory", "mem_limit", units.size(c.memory))
    # Twice the memory is what the engine itself makes of a limit without a bound for swap.
    if c.memory_swap != 2 * c.memory or "memory_swap" in changed:
        swap = -1 if c.memory_swap < 0 else units.size(c.memory_swap)
        yield from _one("--memory-swap", "memswap_limit", swap)
    yield from _one("--memory-reservation", "mem_reservation", units.size(c.memory_reservation))
    yield from _one("--cpu-shares", "cpu_shares", c.cpu_shares)
    cpus = c.nano_cpus / 1_000_000_000
    yield from _one("--cpus", "cpus", int(cpus) if cpus == int(cpus) else cpus)
    yield from _one("--cpu-period", "cpu_period", c.cpu_period)
    yield from _one("--cpu-quota", "cpu_quota", c.cpu_quota)
    yield from _one("--cpuset-cpus", "cpuset", c.cpuset_cpus)
    yield from _one("--pids-limit", "pids_limit", c.pids_limit)
    yield from _switch("--oom-kill-disable", "oom_kill_disable", c.oom_kill_disable)
    yield from _one("--oom-score-adj", "oom_score_adj", c.oom_score_adj)
    if c.ulimits:
        limits = sorted(c.ulimits, key=lambda limit: limit.name)
        yield Setting(
            tuple(f"--ulimit {limit.name}={limit.soft}:{limit.hard}" for limit in limits),
            "ulimits",
            {limit.name: {"soft": limit.soft, "hard": limit.hard} for limit in limits},
        )


def _storage(c: Container) -> Iterator[Setting]:
    yield from _switch("--read-only", "read_only", c.read_only)
    if c.storage_options:
        options = sorted(c.storage_options.items())
        flags = tuple(f"--storage-opt {shlex.quote(f'{name}={value}')}" for name, value in options)
        yield Setting(flags, "storage_opt", dict(options))
    tmpfs = [f"{path}:{options}" if options else path for path, options in sorted(c.tmpfs.items())]
    tmpfs += [m.destination for m in c.mounts if m.kind == "tmpfs"]
    yield from _many("--tmpfs", "tmpfs", tmpfs)
    mounts = [m for m in c.mounts if m.kind in {"bind", "volume"}]
    if mounts:
        flags = tuple(flag for mount in mounts for flag in _mount_flags(mount))
        yield Setting(flags, "volumes", [_mount_entry(mount) for mount in mounts])


def _devices(c: Container) -> Iterator[Setting]:
    devices = []
    for device in c.devices:
        inside = device.container_path or device.host_path
        permissions = "" if device.permissions in {"", "rwm"} else f":{device.permissions}"
        devices.append(f"{device.host_path}:{inside}{permissions}")
    yield from _many("--device", "devices", devices)
    yield from _many("--device-cgroup-rule", "device_cgroup_rules", c.device_cgroup_rules)
    if c.device_requests:
        flags: list[str] = []
        reserved: list[dict[str, Any]] = []
        for request in c.device_requests:
            count = "all" if request.count < 0 else request.count
            wanted = str(count)
            amount: dict[str, Any] = {"count": count}
            if request.device_ids:
                wanted = f'"device={",".join(request.device_ids)}"'
                amount = {"device_ids": list(request.device_ids)}
            flags.append(f"--gpus {shlex.quote(wanted)}")
            reserved.append({**amount, "capabilities": ",".join(request.capabilities).split(",")})
        resources = {"resources": {"reservations": {"devices": reserved}}}
        yield Setting(tuple(flags), "deploy", resources)


def entrypoint(c: Container, image: Image | None) -> tuple[str, ...]:
    """() where it is the image's own. Without the image it is taken for the image's."""
    if image is None or not image.inspected or c.entrypoint == image.entrypoint:
        return ()
    return c.entrypoint


def command(c: Container, image: Image | None) -> tuple[str, ...]:
    """() where it is the image's own, with the image's own entrypoint."""
    same = image is not None and c.command == image.command
    return () if same and not entrypoint(c, image) else c.command


def is_named_volume(mount: Mount) -> bool:
    return bool(mount.kind == "volume" and mount.volume and not _ANONYMOUS.fullmatch(mount.volume))


def _mount_entry(mount: Mount) -> Any:
    source = mount.source if mount.kind == "bind" else mount.volume
    if mount.kind == "volume" and not is_named_volume(mount):
        return mount.destination
    options = [] if mount.writable else ["ro"]
    if mount.kind == "bind" and mount.propagation and mount.propagation != "rprivate":
        options.append(mount.propagation)
    if ":" not in source + mount.destination:
        return ":".join([source, mount.destination, *([",".join(options)] if options else [])])
    entry: dict[str, Any] = {"type": mount.kind, "source": source, "target": mount.destination}
    if not mount.writable:
        entry["read_only"] = True
    if mount.propagation in options:
        entry["bind"] = {"propagation": mount.propagation}
    return entry


def _mount_flags(mount: Mount) -> Iterator[str]:
    entry = _mount_entry(mount)
    if isinstance(entry, str):
        yield f"--volume {shlex.quote(entry)}"
        return
    bind = entry.pop("bind", None)
    fields = [f"{key}={value}" if value is not True else "readonly" for key, value in entry.items()]
    if bind:
        fields.append(f"bind-propagation={bind['propagation']}")
    # A comma or a quote within a field is written as CSV wants it.
    quoted = (
        '"{}"'.format(field.replace('"', '""')) if re.search('[,"]', field) else field
        for field in fields
    )
    yield f"--mount {shlex.quote(','.join(quoted))}"


def _ports(c: Container) -> list[str]:
    """A port that is bound on every interface of both families is one setting."""
    found: dict[str, None] = {}
    for port in c.ports:
        if c.publish_all and port.everywhere and port.wanted == "any":
            continue  # what --publish-all says
        found[_port(port)] = None
    return list(found)


def _port(port: Port) -> str:
    inside = str(port.container_port) if port.protocol == "tcp" else port.inside
    outside = "" if port.wanted == "any" else port.wanted
    if port.everywhere:
        return f"{outside}:{inside}" if outside else inside
    address = f"[{port.host_ip}]" if ":" in port.host_ip else port.host_ip
    return f"{address}:{outside}:{inside}"


def _default(c: Container, field: str, defaults: set[str], changed: frozenset[str]) -> str:
    value: str = getattr(c, field)
    return "" if value in defaults and field not in changed else value


def _switch(flag: str, key: str, value: bool) -> Iterator[Setting]:
    if value:
        yield Setting((flag,), key, True)


def _one(flag: str, key: str, value: Any) -> Iterator[Setting]:
    if value:
        yield Setting((f"{flag} {shlex.quote(str(value))}",), key, value)


def _many(flag: str, key: str, values: Iterable[str]) -> Iterator[Setting]:
    values = list(values)
    if values:
        yield Setting(tuple(f"{flag} {shlex.quote(value)}" for value in values), key, values)
