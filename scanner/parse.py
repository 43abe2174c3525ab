"""Answers of the Engine API -> the model. Decides what missing and null mean; hides secrets.

Go's `omitempty` fields are absent when empty: for those, absent is empty. For all others a missing
field stays unread, and whoever asks for it gets `Unread`.
"""

import posixpath
from collections.abc import Iterable
from typing import Any

from msgspec import UNSET

from scanner import image_history, paths, redact, wire
from scanner.capabilities import DEFAULT_CAPABILITIES, PODMAN_CAPABILITIES, normalise
from scanner.model import (
    Container,
    Device,
    DeviceRequest,
    EnvironmentName,
    Health,
    Healthcheck,
    Host,
    Image,
    Layer,
    Mount,
    Network,
    Node,
    PartialContainer,
    PartialHost,
    Port,
    Process,
    RestartPolicy,
    Service,
    Swarm,
    Ulimit,
    Volume,
)

_LIMIT = 4096  # the longest text that we keep of a single value
_PROFILE_LIMIT = 1024 * 1024  # an inline seccomp profile is judged whole
_MOST_LAYERS = 1000
UNLISTED = "it has a volume that the engine did not list"
_NO_FIREWALL = "engines tell it from API 1.49 on"


def container(
    body: bytes, volumes: tuple[Volume, ...] | None = (), host: Host | None = None
) -> Container:
    """GET /containers/{id}/json. `volumes` tell where a named volume really lies, and `host` whose
    answer it is: None is as good as any Docker.

    Raises wire.Malformed where the answer is no container at all.
    """
    raw = wire.decode(body, wire.ContainerJson)
    if not isinstance(raw.Id, str) or not isinstance(raw.Name, str):
        raise wire.Malformed("a container without Id or Name")
    asked = raw.HostConfig or wire.HostConfigJson()
    config = raw.Config or wire.ConfigJson()
    state = raw.State or wire.StateJson()
    network = raw.NetworkSettings or wire.NetworkSettingsJson()
    unread: dict[str, str] = {}
    mounts = _mounts(raw.Mounts, asked, volumes, unread)
    exposed = _omitted(raw.Config, config.ExposedPorts, _exposed, ())
    cap_add, cap_drop = _capabilities(asked.CapAdd), _capabilities(asked.CapDrop)
    if asked.Capabilities:  # of API 1.40 only: the whole set, in place of the other two
        cap_add, cap_drop = _capabilities(asked.Capabilities), ("ALL",)
    values: dict[str, Any] = {
        "image": _known(config.Image),
        "image_id": _known(raw.Image),
        "created": _known(raw.Created),
        "labels": UNSET if config.Labels is UNSET else redact.labels(config.Labels or {}),
        "status": _known(state.Status),
        "pid": _known(state.Pid),
        "started_at": _known(state.StartedAt),
        "finished_at": _known(state.FinishedAt),
        "exit_code": _known(state.ExitCode),
        "oom_killed": _known(state.OOMKilled),
        "restart_count": _known(raw.RestartCount),
        "health": UNSET if raw.State in (UNSET, None) else _health(state.Health),
        "processes": UNSET,
        "user": _known(config.User),
        "uid": _uid(_known(config.User)),
        "groups": _strings(asked.GroupAdd),
        "environment": _environment(config.Env),
        "entrypoint": _words(config.Entrypoint),
        "command": _words(config.Cmd),
        "working_directory": _known(config.WorkingDir),
        "hostname": _known(config.Hostname),
        "tty": _known(config.Tty),
        "exposed_ports": exposed,
        "healthcheck": _omitted(raw.Config, config.Healthcheck, _healthcheck, None),
        "privileged": _known(asked.Privileged),
        "cap_add": cap_add,
        "cap_drop": cap_drop,
        "security_opt": _strings(asked.SecurityOpt, _PROFILE_LIMIT),
        "apparmor_profile": _known(raw.AppArmorProfile),
        "process_label": _known(raw.ProcessLabel),
        "ulimits": _list(asked.Ulimits, _ulimit),
        "pid_mode": _known(asked.PidMode),
        "ipc_mode": _known(asked.IpcMode),
        "uts_mode": _known(asked.UTSMode),
        "userns_mode": _known(asked.UsernsMode),
        "cgroupns_mode": _known(asked.CgroupnsMode),
        "cgroup_parent": _known(asked.CgroupParent),
        "memory": _known(asked.Memory),
        "memory_swap": _known(asked.MemorySwap),
        "memory_reservation": _known(asked.MemoryReservation),
        "cpu_shares": _known(asked.CpuShares),
        "nano_cpus": _known(asked.NanoCpus),
        "cpu_quota": _known(asked.CpuQuota),
        "cpu_period": _known(asked.CpuPeriod),
        "cpuset_cpus": _known(asked.CpusetCpus),
        "pids_limit": asked.PidsLimit,
        # A pointer in the engine: null where the kernel cannot disable the OOM killer (cgroup v2).
        "oom_kill_disable": False if asked.OomKillDisable is None else asked.OomKillDisable,
        "oom_score_adj": _known(asked.OomScoreAdj),
        "read_only": _known(asked.ReadonlyRootfs),
        "storage_options": _omitted(raw.HostConfig, asked.StorageOpt, _string_map, {}),
        "mounts": mounts,
        "tmpfs": _omitted(raw.HostConfig, asked.Tmpfs, _string_map, {}),
        "devices": _list(
            asked.Devices, lambda d: Device(d.PathOnHost, d.PathInContainer, d.CgroupPermissions)
        ),
        # Engines before API 1.40 do not know the field, and so have no such requests.
        "device_requests": _omitted(
            raw.HostConfig, asked.DeviceRequests, lambda v: tuple(map(_device_request, v)), ()
        ),
        "device_cgroup_rules": _strings(asked.DeviceCgroupRules),
        "network_mode": _known(asked.NetworkMode),
        "networks": _list(network.Networks, str),
        "ports": _ports(_known(state.Status), network.Ports, asked, exposed),
        "publish_all": _known(asked.PublishAllPorts),
        "restart_policy": _restart_policy(asked.RestartPolicy),
        "auto_remove": _known(asked.AutoRemove),
        "init": _omitted(raw.HostConfig, asked.Init, bool, False),
        "log_driver": _known(asked.LogConfig.Type) if asked.LogConfig else UNSET,
        "runtime": _known(asked.Runtime),
        "sysctls": _omitted(raw.HostConfig, asked.Sysctls, _string_map, {}),
    }
    if host is not None and host.podman is not None:
        values |= _in_dockers_terms(values, host.podman)
        options = object.__getattribute__(host, "security_options")
        if options is UNSET or "name=rootless" in options:
            values["devices"] = UNSET
            unread["devices"] = "a rootless Podman does not tell which devices it gives"
    if values["uid"] is UNSET and values["user"] is not UNSET:
        unread["uid"] = f"the user {values['user']!r} could not be looked up in the container"
    if values["status"] not in ("running", "paused"):
        unread["processes"] = f"the container is not running ({values['status'] or 'no status'})"
    return make(id=raw.Id, name=_name(raw.Name), unread=unread, **_bounded(values))


def make(**values: Any) -> Container:
    """A container; a partial one where a fact is missing."""
    kind = PartialContainer if any(value is UNSET for value in values.values()) else Container
    return kind(**values)


def listed(entry: wire.ListedJson, reason: str) -> Container:
    """A container that could be listed but not inspected: nearly all of it is unread."""
    names = entry.Names or [entry.Id[:12]]
    own = next((name for name in names if name.count("/") <= 1), names[0])
    return PartialContainer(
        id=entry.Id,
        name=_name(own),
        image=_known(entry.Image),
        image_id=_known(entry.ImageID),
        labels=UNSET if entry.Labels is None else redact.labels(entry.Labels),  # type: ignore[arg-type]
        status=_known(entry.State),
        unread=dict.fromkeys(Container.FACTS, reason),
    )


def host(version_body: bytes, info_body: bytes) -> Host:
    """GET /version and GET /info. Raises wire.Malformed where either is no such answer."""
    version = wire.decode(version_body, wire.VersionJson)
    info = wire.decode(info_body, wire.InfoJson)
    names = [part.Name or "" for part in version.Components or ()]
    registry = info.RegistryConfig or wire.RegistryConfigJson()
    swarm = info.Swarm or wire.SwarmInfoJson()
    values: dict[str, Any] = {
        "id": _known(info.ID),
        "name": _known(info.Name),
        "engine": "podman" if any("podman" in name.lower() for name in names) else "docker",
        "version": _known(version.Version),
        "api_version": _known(version.ApiVersion),
        "operating_system": _known(info.OperatingSystem),
        "kernel": _known(info.KernelVersion),
        "architecture": _known(info.Architecture),
        "cpus": _known(info.NCPU),
        "memory": _known(info.MemTotal),
        "security_options": _security_options(info),
        "storage_driver": _known(info.Driver),
        "storage_status": UNSET
        if info.DriverStatus is UNSET
        else {pair[0]: pair[1] for pair in info.DriverStatus or () if len(pair) == 2},
        "data_root": _known(info.DockerRootDir),
        # Engines before API 1.41 know cgroup v1 only and do not say so.
        "cgroup_version": "1" if info.CgroupVersion is UNSET else _known(info.CgroupVersion),
        "cgroup_driver": _known(info.CgroupDriver),
        "live_restore": _known(info.LiveRestoreEnabled),
        "logging_driver": _known(info.LoggingDriver),
        "debug": _known(info.Debug),
        "experimental": _known(info.ExperimentalBuild),
        "authorization_plugins": _strings(info.Plugins.Authorization) if info.Plugins else UNSET,
        "insecure_ranges": _strings(registry.InsecureRegistryCIDRs),
        "registries": _registries(registry.IndexConfigs),
        "firewall": _firewall(info.FirewallBackend),
        "swarm_state": _known(swarm.LocalNodeState),
        "swarm_manager": _known(swarm.ControlAvailable),
        # Left out where they are 0: on every engine that is no manager.
        "swarm_managers": _omitted(info.Swarm, swarm.Managers, int, 0),
        "swarm_nodes": _omitted(info.Swarm, swarm.Nodes, int, 0),
        "swarm_address": _known(swarm.NodeAddr),
        "warnings": _strings(info.Warnings),
    }
    kind = PartialHost if any(value is UNSET for value in values.values()) else Host
    unread = {"firewall": _NO_FIREWALL} if values["firewall"] is UNSET else {}
    return kind(**_bounded(values), unread=unread)


def _security_options(info: wire.InfoJson) -> Any:
    """Podman before 4.6 says only elsewhere that it is rootless."""
    options = _strings(info.SecurityOptions)
    if options is not UNSET and info.Rootless is True and "name=rootless" not in options:
        return (*options, "name=rootless")
    return options


def images(body: bytes) -> tuple[Image, ...]:
    """GET /images/json: what is listed, without the images' own configuration."""
    return tuple(
        Image(
            id=entry.Id,
            tags=_names(entry.RepoTags),
            digests=_names(entry.RepoDigests),
            size=entry.Size or 0,
            labels=redact.labels(entry.Labels or {}),
        )
        for entry in wire.decode(body, list[wire.ListedImageJson])
    )


def image(body: bytes, host: Host | None = None) -> Image:
    """GET /images/{id}/json. Raises wire.Malformed where it has no Id."""
    raw = wire.decode(body, wire.ImageJson)
    if not isinstance(raw.Id, str):
        raise wire.Malformed("an image without Id")
    config = raw.Config or wire.ConfigJson()
    # The configuration leaves out what is empty, from API 1.50 on; it is never missing itself.
    values: dict[str, Any] = {
        "user": _omitted(raw.Config, config.User, str, ""),
        "uid": _uid(_omitted(raw.Config, config.User, str, "")),
        "exposed_ports": _omitted(raw.Config, config.ExposedPorts, _exposed, ()),
        "healthcheck": _omitted(raw.Config, config.Healthcheck, _healthcheck, None),
        "environment": _omitted(raw.Config, config.Env, _environment, ()),
        "entrypoint": _omitted(raw.Config, config.Entrypoint, _words, ()),
        "command": _omitted(raw.Config, config.Cmd, _words, ()),
    }
    unread = {} if values["uid"] is not UNSET else {"uid": "a name does not tell its number"}
    if host is not None and host.podman is not None and values["healthcheck"] is None:
        values["healthcheck"] = UNSET
        unread["healthcheck"] = "Podman's service leaves out an image's health check"
    return Image(
        id=raw.Id,
        tags=_names(raw.RepoTags),
        digests=_names(raw.RepoDigests),
        created=_known(raw.Created),
        size=raw.Size or 0,
        labels=redact.labels(config.Labels or {}),
        architecture=_known(raw.Architecture),
        inspected=bool(raw.Config),
        unread=unread,
        **_bounded(values),
    )


def history(body: bytes) -> tuple[Layer, ...]:
    """GET /images/{id}/history, which lists the newest layer first. Raises wire.Malformed where
    there are more layers than any builder makes."""
    entries = wire.decode(body, list[wire.LayerJson])
    if len(entries) > _MOST_LAYERS:
        raise wire.Malformed(f"the image's history has {len(entries)} instructions")
    return tuple(
        image_history.layer(entry.CreatedBy, entry.Size or 0) for entry in reversed(entries)
    )


def _names(values: Any) -> tuple[str, ...]:
    """In one order, without the placeholder that the engine lists for what has none."""
    return tuple(sorted(name[:_LIMIT] for name in values or () if "<none>" not in name))


def swarm(swarm_body: bytes, nodes_body: bytes, services_body: bytes, secrets_body: bytes) -> Swarm:
    """GET /swarm, /nodes, /services and /secrets of a manager."""
    raw = wire.decode(swarm_body, wire.SwarmJson)
    spec = raw.Spec or wire.SwarmSpecJson()
    encryption = spec.EncryptionConfig or wire.EncryptionJson()
    lifetime = (spec.CAConfig or wire.CaJson()).NodeCertExpiry
    return Swarm(
        id=_known(raw.ID),
        created=_known(raw.CreatedAt),
        autolock=_known(encryption.AutoLockManagers),
        certificate_lifetime=_seconds(lifetime),
        # Left out where none goes on.
        root_rotation=_omitted(raw.Spec, raw.RootRotationInProgress, bool, False),
        nodes=_sorted(map(_node, wire.decode(nodes_body, list[wire.NodeJson]))),
        services=_sorted(map(_service, wire.decode(services_body, list[wire.ServiceJson]))),
        secrets=tuple(
            sorted(
                ((secret.Spec.Name if secret.Spec else None) or secret.ID)[:_LIMIT]
                for secret in wire.decode(secrets_body, list[wire.SecretJson])
            )
        ),
    )


def _sorted(found: Iterable[Any]) -> tuple[Any, ...]:
    """In one order, whichever way the engine lists them."""
    return tuple(sorted(found, key=lambda item: item.id))


def _seconds(nanoseconds: Any) -> Any:
    return nanoseconds // 10**9 if isinstance(nanoseconds, int) else UNSET


def _node(raw: wire.NodeJson) -> Node:
    spec, status = raw.Spec or wire.NodeSpecJson(), raw.Status or wire.NodeStatusJson()
    manager = raw.ManagerStatus or wire.ManagerStatusJson()
    return Node(
        id=raw.ID,
        hostname=(raw.Description.Hostname if raw.Description else None) or "",
        role=spec.Role or "",
        availability=spec.Availability or "",
        state=status.State or "",
        address=status.Addr or "",
        leader=bool(manager.Leader),
        reachability=manager.Reachability or "",
    )


def _service(raw: wire.ServiceJson) -> Service:
    spec = raw.Spec or wire.ServiceSpecJson()
    task = spec.TaskTemplate or wire.TaskTemplateJson()
    container = task.ContainerSpec or wire.ContainerSpecJson()
    return Service(
        id=raw.ID,
        name=(spec.Name or raw.ID)[:_LIMIT],
        image=(container.Image or "")[:_LIMIT],
        environment=_omitted(task.ContainerSpec, container.Env, _environment, ()),
        secrets=tuple(item.SecretName or "" for item in container.Secrets or ()),
        configs=tuple(item.ConfigName or "" for item in container.Configs or ()),
        networks=tuple(item.Target or "" for item in task.Networks or ()),
        ports=_mesh_ports(raw.Endpoint, spec),
        restart_policy=_omitted(
            spec.TaskTemplate, task.RestartPolicy, _service_restart, RestartPolicy("any", 0)
        ),
    )


def _mesh_ports(endpoint: Any, spec: wire.ServiceSpecJson) -> Any:
    """What the routing mesh publishes. Where nobody asked for a number, the swarm has picked it."""
    if not endpoint:
        return UNSET
    wanted = (spec.EndpointSpec.Ports if spec.EndpointSpec else None) or ()
    asked = {(port.TargetPort, port.PublishedPort) for port in wanted}
    return tuple(
        Port(
            container_port=port.TargetPort or 0,
            protocol=port.Protocol or "tcp",
            host_ip="",
            host_port=port.PublishedPort,
            choice="" if (port.TargetPort, port.PublishedPort) in asked else "any",
        )
        for port in endpoint.Ports or ()
        if port.PublishMode != "host"
    )


def _service_restart(raw: wire.ServiceRestartJson) -> Any:
    """The swarm's own default is to restart whatever ends, for ever."""
    return RestartPolicy(raw.Condition or "any", raw.MaxAttempts or 0)


def _registries(values: Any) -> Any:
    """By name, and whether each is reached with TLS alone; unread where one does not say so."""
    if values is UNSET:
        return UNSET
    found = {name[:_LIMIT]: index and index.Secure for name, index in (values or {}).items()}
    return found if all(isinstance(secure, bool) for secure in found.values()) else UNSET


def _firewall(raw: Any) -> Any:
    if not raw:
        return UNSET
    said = {pair[0]: pair[1] for pair in raw.Info or () if len(pair) == 2}
    return {**said, "Driver": _text(raw.Driver if isinstance(raw.Driver, str) else "")}


def networks(body: bytes) -> tuple[Network, ...]:
    """GET /networks. Members are joined later: the engine lists none here, and in any order."""
    found = (
        Network(
            id=entry.Id,
            name=entry.Name,
            driver=entry.Driver or "",
            scope=entry.Scope or "local",
            internal=bool(entry.Internal),
            ingress=bool(entry.Ingress),
            attachable=bool(entry.Attachable),
            subnets=tuple(
                subnet.Subnet
                for subnet in (entry.IPAM.Config if entry.IPAM else None) or ()
                if subnet.Subnet
            ),
            options=_string_map(entry.Options or {}),
        )
        for entry in wire.decode(body, list[wire.NetworkJson])
    )
    return tuple(sorted(found, key=lambda network: (network.name, network.id)))


def volumes(body: bytes) -> tuple[Volume, ...]:
    """GET /volumes."""
    found = (
        Volume(entry.Name, entry.Driver or "local", _string_map(entry.Options or {}))
        for entry in wire.decode(body, wire.VolumesJson).Volumes or ()
    )
    return tuple(sorted(found, key=lambda volume: volume.name))


def listing(body: bytes) -> list[wire.ListedJson]:
    """GET /containers/json."""
    entries: list[wire.ListedJson] = wire.decode(body, list[wire.ListedJson])
    return entries


def processes(body: bytes) -> tuple[Process, ...]:
    """GET /containers/{id}/top: each program once for each user. Arguments can hold secrets.

    Understands the columns PID, UID and COMMAND in any of the spellings of procps and busybox, and
    a line for each row, which Podman gives. Raises wire.Malformed where they are not there.
    """
    raw = wire.decode(body, wire.TopJson)
    rows = raw.Processes or ()
    titles = [title.upper() for title in raw.Titles]
    if len(titles) == 1:
        titles = titles[0].split()
        rows = [" ".join(row).split(maxsplit=len(titles) - 1) for row in rows]
    columns = []
    for names in (("PID",), ("UID", "USER"), ("CMD", "COMMAND", "ARGS")):
        column = next((titles.index(name) for name in names if name in titles), None)
        if column is None:
            raise wire.Malformed(f"the process list has no column {names[0]}")
        columns.append(column)
    pid, uid, command = columns
    found: set[tuple[int, str]] = set()
    for row in rows:
        if len(row) <= max(columns) or not row[pid].isdigit():
            raise wire.Malformed("a row of the process list is too short")
        user = "0" if row[uid] == "root" else row[uid]
        found.add((int(user) if user.isdigit() else -1, _program(row[command])))
    return tuple(Process(*each) for each in sorted(found))


def _program(line: str) -> str:
    """`/usr/sbin/sshd -D` and `sshd: root [priv]` are sshd; `busybox telnetd` is telnetd, and so is
    `{telnetd} ...`, as the ps of busybox puts a name before what hides it."""
    words = line.split()
    if not words:
        return ""
    name = posixpath.basename(words[0].rstrip(":")).lstrip("-").strip("{}")
    if name == "busybox" and len(words) > 1:
        name = posixpath.basename(words[1])
    return name[:100]


def passwd_uid(passwd: str, user: str) -> int | None:
    """The uid of a name in the text of an /etc/passwd; None where it is not there."""
    for line in passwd.splitlines():
        fields = line.split(":")
        if len(fields) >= 3 and fields[0] == user and fields[2].isdigit():
            return int(fields[2])
    return None


def user_name(user: str) -> str:
    """The user's part of `user:group`."""
    return user.split(":", 1)[0].strip()


def _uid(user: Any) -> Any:
    """The configured user as a number: "" and root are 0, as are 0:0, +0 and 00."""
    if user is UNSET:
        return UNSET
    name = user_name(user)
    if name in {"", "root"}:
        return 0
    sign, digits = (name[0], name[1:]) if name[0] in "+-" else ("", name)
    if digits.isascii() and digits.isdigit() and len(digits) < 12:
        return -int(digits) if sign == "-" else int(digits)
    return UNSET


def _known(value: Any) -> Any:
    """A field that the engine always sends: null says no more than nothing at all."""
    return UNSET if value is None else value


def _omitted(parent: Any, value: Any, convert: Any, empty: Any) -> Any:
    """A field that the engine leaves out when it is empty, if the object round it is there."""
    if parent is UNSET or parent is None:
        return UNSET
    return empty if value is None or value is UNSET else convert(value)


def _list(values: Any, convert: Any) -> Any:
    """A list that the engine always sends, as null when it is empty."""
    return UNSET if values is UNSET else tuple(convert(value) for value in values or ())


def _strings(values: Any, limit: int = _LIMIT) -> Any:
    return UNSET if values is UNSET else tuple(value[:limit] for value in values or ())


def _string_map(values: dict[str, str | None]) -> dict[str, str]:
    return {name: redact.text(value or "", _LIMIT) for name, value in values.items()}


def _capabilities(values: Any) -> Any:
    return UNSET if values is UNSET else tuple(normalise(value) for value in values or ())


def _words(value: Any) -> Any:
    if value is UNSET:
        return UNSET
    return redact.arguments([value] if isinstance(value, str) else list(value or ()))


def _environment(values: Any) -> Any:
    if values is UNSET:
        return UNSET
    pairs = (value.partition("=")[::2] for value in values or ())
    return tuple(
        EnvironmentName(name[:300], redact.suspicion(name, value)) for name, value in pairs
    )


def _healthcheck(raw: wire.HealthcheckJson) -> Healthcheck:
    return Healthcheck(
        test=redact.arguments(list(raw.Test or ())),
        interval=raw.Interval or 0,
        timeout=raw.Timeout or 0,
        retries=raw.Retries or 0,
        start_period=raw.StartPeriod or 0,
    )


def _health(raw: Any) -> Health | None:
    if not raw or not raw.Status:
        return None
    log = [entry for entry in raw.Log or () if isinstance(entry, dict)]
    output = str(log[-1].get("Output") or "") if log else ""
    return Health(raw.Status, raw.FailingStreak or 0, redact.text(output.strip()))


def _ulimit(raw: wire.UlimitJson) -> Ulimit:
    """Podman's RLIMIT_NOFILE is nofile."""
    return Ulimit(raw.Name.lower().removeprefix("rlimit_"), raw.Soft, raw.Hard)


def _in_dockers_terms(values: dict[str, Any], podman: tuple[int, int]) -> dict[str, Any]:
    """What Podman's service says in terms of its own: it lists the default network as "bridge"
    while containers are on "podman", says "bridge" of any network of that kind, and counts what is
    dropped from its own default capabilities, in place of ALL. What is "private" or "oci" there is
    Docker's default, which has no name."""
    found: dict[str, Any] = {
        name: ""
        for name, word in (("pid_mode", "private"), ("uts_mode", "private"), ("runtime", "oci"))
        if values[name] == word
    }
    if values["networks"] is not UNSET:
        names = ["bridge" if name == "podman" else name for name in values["networks"]]
        found["networks"] = tuple(names)
        if values["network_mode"] == "bridge" and names:
            found["network_mode"] = "bridge" if "bridge" in names else names[0]
    added, dropped = values["cap_add"], values["cap_drop"]
    if added is not UNSET and dropped is not UNSET and not values["privileged"]:
        # Before 5.0 it counted from Docker's default set.
        given = DEFAULT_CAPABILITIES if podman < (5, 0) else PODMAN_CAPABILITIES
        missing = DEFAULT_CAPABILITIES - given - {*added}
        every = given <= {*dropped}
        found["cap_drop"] = ("ALL",) if every else tuple(sorted({*dropped, *missing}))
    return found


def _device_request(raw: wire.DeviceRequestJson) -> DeviceRequest:
    return DeviceRequest(
        raw.Driver or "",
        raw.Count or 0,
        tuple(raw.DeviceIDs or ()),
        tuple(",".join(group) for group in raw.Capabilities or ()),
    )


def _restart_policy(raw: Any) -> Any:
    if not raw or not isinstance(raw.Name, str):
        return UNSET
    if raw.Name == "on-failure" and not isinstance(raw.MaximumRetryCount, int):
        return UNSET
    return RestartPolicy(raw.Name or "no", raw.MaximumRetryCount or 0)


def _exposed(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(name if "/" in name else f"{name}/tcp" for name in names))


def _ports(status: Any, live: Any, host: wire.HostConfigJson, exposed: Any) -> Any:
    """The live bindings of a running container, what was asked for otherwise."""
    if status is UNSET:
        return UNSET
    asked = host.PortBindings
    bindings = live if status in ("running", "paused") else _asked_ports(host, exposed)
    if bindings is UNSET:
        return UNSET
    found = []
    for name, targets in (bindings or {}).items():
        number, _, protocol = name.partition("/")
        if not number.isdigit():
            return UNSET
        wanted = (
            None if asked is UNSET else [_text(t.HostPort) for t in (asked or {}).get(name) or ()]
        )
        for target in targets or ():
            port = _text(target.HostPort)
            found.append(
                Port(
                    container_port=int(number),
                    protocol=protocol or "tcp",
                    host_ip=target.HostIp or "",
                    host_port=int(port) if port.isdigit() and int(port) else None,
                    choice=_choice(port, [port] if wanted is None else wanted),
                )
            )
    return tuple(sorted(found, key=lambda p: (p.container_port, p.protocol, p.host_ip)))


def _asked_ports(host: wire.HostConfigJson, exposed: Any) -> Any:
    """With what `--publish-all` adds at the start."""
    asked, everything = host.PortBindings, host.PublishAllPorts
    if everything is False or asked is UNSET:
        return asked
    if not isinstance(everything, bool) or exposed is UNSET:
        return UNSET
    bound = {name for name, targets in (asked or {}).items() if targets}
    return (asked or {}) | {name: [wire.BindingJson()] for name in exposed if name not in bound}


def _choice(port: str, asked: Iterable[str]) -> str:
    """What the engine may pick the port from, by what was asked; "" for this one and no other."""
    if port.isdigit() and int(port):
        if port in asked:
            return ""
        for wanted in asked:
            first, _, last = wanted.partition("-")
            if first.isdigit() and last.isdigit() and int(first) <= int(port) <= int(last):
                return wanted
        return "any"
    return port if "-" in port else "any"


def _text(value: str | int | None) -> str:
    return str(value or "")


def _mounts(
    raw: Any,
    host: wire.HostConfigJson,
    volumes: tuple[Volume, ...] | None,
    unread: dict[str, str],
) -> Any:
    if raw is UNSET or raw is None:
        return UNSET
    known = {volume.name: volume.options for volume in volumes or ()}
    asked = {posixpath.normpath(spec.Target): spec for spec in (host.Mounts or ()) if spec.Target}
    found = []
    for entry in raw:
        if entry.Type is None or entry.RW is None or entry.Destination is None:
            return UNSET
        host_path = None
        if entry.Type == "bind":
            if not entry.Source:
                return UNSET
            host_path = paths.normalise(entry.Source)
        elif entry.Type == "volume":
            if volumes is None:
                unread["mounts"] = "the engine did not list its volumes"
                return UNSET
            options = known.get(entry.Name or "")
            if options is None:  # made after the volumes were listed
                options = _asked_options(asked.get(entry.Destination))
            if options is None and entry.Driver in (None, "", "local"):
                unread["mounts"] = UNLISTED
                return UNSET
            host_path = _bound_path(options or {})
        found.append(
            Mount(
                kind=entry.Type,
                source=(entry.Source or "")[:_LIMIT],
                destination=entry.Destination[:_LIMIT],
                writable=entry.RW,
                propagation=entry.Propagation if entry.Type == "bind" else entry.Propagation or "",
                volume=entry.Name or "",
                host_path=host_path,
            )
        )
    return tuple(sorted(found, key=lambda mount: mount.destination))


def _asked_options(spec: wire.MountSpecJson | None) -> dict[str, str] | None:
    """None where nothing was asked for: then a volume that was there already may have any."""
    options = spec.VolumeOptions if spec else None
    driver = options.DriverConfig if options else None
    return (driver.Options if driver else None) or None


def _bound_path(options: dict[str, str]) -> str | None:
    """The host's path behind a volume whose driver options bind one: a mount in disguise."""
    device = options.get("device", "")
    flags = options.get("o", "").split(",")
    if device.startswith("/") and (
        "bind" in flags or "rbind" in flags or options.get("type") == "bind"
    ):
        return paths.normalise(device)
    return None


def _name(raw: str) -> str:
    return raw.lstrip("/")[:_LIMIT]


def _bounded(values: dict[str, Any]) -> dict[str, Any]:
    """No single text of an engine is kept longer than the limit, however long it sent it."""
    return {
        name: value[:_LIMIT] if isinstance(value, str) else value for name, value in values.items()
    }
