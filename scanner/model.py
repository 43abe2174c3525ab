"""What was seen on a host: immutable values in our own words. No I/O, no Docker key names.

A fact that the engine did not give is never guessed. Reading it from a container or a host raises
`Unread`, which the evaluator turns into the verdict *unknown*: a rule cannot pass by mistake on
something that nobody saw.
"""

import functools
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec
from msgspec import UNSET

from scanner import references
from scanner.capabilities import ALL_CAPABILITIES, DEFAULT_CAPABILITIES
from scanner.machine import Machine
from scanner.unread import Unread as Unread


class Gap(msgspec.Struct, frozen=True):
    """Something that should have been read and was not. `subject` is a name for people."""

    subject: str
    fact: str
    reason: str


class Mount(msgspec.Struct, frozen=True):
    """One mount. `source` is as the engine tells it, `host_path` what it really is."""

    kind: str
    source: str
    destination: str
    writable: bool
    propagation: str | None = ""
    """None where the engine does not say it of a mount of the host's."""
    volume: str = ""
    host_path: str | None = None
    """Normalised path on the host; None for tmpfs and for volumes that the engine itself keeps."""

    @property
    def content(self) -> str:
        """What is mounted, by a name that survives re-creation: the host's path, the volume, or
        for what has no name of its own the place where it is mounted."""
        volume = "" if re.fullmatch(r"[0-9a-f]{64}", self.volume) else self.volume
        return self.host_path or volume or self.destination

    @property
    def facts(self) -> dict[str, Any]:
        """For evidence."""
        found = {"content": self.content, "destination": self.destination}
        volume = {"volume": self.volume} if self.volume and self.host_path else {}
        return {**found, **volume, "writable": self.writable}


class Port(msgspec.Struct, frozen=True):
    """One published port. Where the engine picks one at start, `choice` says what it may pick:
    "any", or a range like "8000-8010"; `host_port` is what it has picked, None before the start."""

    container_port: int
    protocol: str
    host_ip: str
    host_port: int | None
    choice: str = ""

    @property
    def inside(self) -> str:
        return f"{self.container_port}/{self.protocol}"

    @property
    def wanted(self) -> str:
        """The host's port as it was asked for."""
        return self.choice or str(self.host_port or "any")

    @property
    def host_ports(self) -> range:
        """The one that it has or all of the range that it may get; none where any is possible."""
        first, _, last = (str(self.host_port) if self.host_port else self.wanted).partition("-")
        return range(int(first), int(last or first) + 1) if first.isdigit() else range(0)

    @property
    def facts(self) -> dict[str, Any]:
        """For evidence."""
        port = self.host_port or self.wanted
        return {"host_ip": self.host_ip, "host_port": port, "container_port": self.inside}

    @property
    def everywhere(self) -> bool:
        """True where the port is bound on every interface of the host."""
        return self.host_ip.strip("[]") in {"", "0.0.0.0", "::", "0:0:0:0:0:0:0:0", "*"}  # noqa: S104

    def __str__(self) -> str:
        """As `docker ps` writes it, but the same before and after a start."""
        host = self.host_ip.strip("[]")
        if self.everywhere:
            host = "::" if ":" in host else "0.0.0.0"  # noqa: S104
        return f"{f'[{host}]' if ':' in host else host}:{self.wanted}->{self.inside}"


class Device(msgspec.Struct, frozen=True):
    host_path: str
    container_path: str
    permissions: str


class DeviceRequest(msgspec.Struct, frozen=True):
    driver: str
    count: int
    device_ids: tuple[str, ...]
    capabilities: tuple[str, ...]

    @property
    def wanted(self) -> tuple[tuple[str, bool], ...]:
        """What is asked for, by name, and whether that is a GPU. CDI names its devices itself,
        like "vendor.com/gpu=0"; otherwise the driver or a capability says it."""
        if self.driver == "cdi":
            return tuple((name, name.split("=")[0].endswith("/gpu")) for name in self.device_ids)
        capabilities = ",".join(self.capabilities)
        if self.driver == "nvidia" or "gpu" in capabilities.split(","):
            return (("gpu", True),)
        return ((self.driver or capabilities or "any", False),)


class Ulimit(msgspec.Struct, frozen=True):
    name: str
    soft: int
    hard: int


class RestartPolicy(msgspec.Struct, frozen=True):
    name: str
    maximum_retries: int


def _guarded(self: Any, name: str) -> Any:
    value = object.__getattribute__(self, name)
    if value is UNSET:
        facts = type(self).FACTS
        reasons = object.__getattribute__(self, "unread")
        raise Unread(facts.get(name, name), reasons.get(name, "the engine's answer lacks it"))
    return value


class Healthcheck(msgspec.Struct, frozen=True):
    """Durations in nanoseconds, as the engine keeps them; 0 means the engine's default."""

    test: tuple[str, ...]
    interval: int = 0
    timeout: int = 0
    retries: int = 0
    start_period: int = 0

    @property
    def disabled(self) -> bool:
        """The engine runs no probe but of these two kinds, whatever else stands there."""
        return not self.test or self.test[0] not in {"CMD", "CMD-SHELL"}


class Health(msgspec.Struct, frozen=True):
    """`output` is the last probe's output, bounded and redacted. Where a container is not unhealthy
    it is not stored, for it may be another every few seconds: reading it then raises `Unread`."""

    status: str
    failing_streak: int
    output: str = UNSET  # type: ignore[assignment]

    FACTS: ClassVar[Mapping[str, str]] = {"output": "State.Health.Log"}
    unread: ClassVar[Mapping[str, str]] = {"output": "it is kept of unhealthy containers only"}

    __getattribute__ = _guarded


class EnvironmentName(msgspec.Struct, frozen=True):
    """A variable without its value: that never leaves the collector. `suspicion` says why the
    variable looks like a credential, or is empty."""

    name: str
    suspicion: str = ""


class Process(msgspec.Struct, frozen=True):
    """A program that runs, as the host sees it, however many processes it has: numbers and counts
    change from one moment to the next. `name` is its base name, without arguments."""

    uid: int
    name: str


class Volume(msgspec.Struct, frozen=True):
    name: str
    driver: str
    options: dict[str, str]


class Network(msgspec.Struct, frozen=True):
    """`subnets` in CIDR notation; `members` are names of containers on this host."""

    id: str
    name: str
    driver: str
    scope: str = "local"
    internal: bool = False
    ingress: bool = False
    attachable: bool = False
    subnets: tuple[str, ...] = ()
    options: dict[str, str] = {}
    members: tuple[str, ...] = ()

    @property
    def encrypted(self) -> bool:
        """An overlay is encrypted by the mere presence of the option, unless it says false."""
        value = self.options.get("encrypted")
        return value is not None and value.strip().lower() not in {"false", "0"}

    @property
    def default_bridge(self) -> bool:
        return self.options.get("com.docker.network.bridge.default_bridge") == "true" or (
            self.name == "bridge" and self.driver == "bridge"
        )


class Layer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One instruction of an image's history, like "RUN" and "apt-get update".

    `keyword` is "" where no Dockerfile made the layer. `text` has no credentials, and of variables
    and labels the names only; `credentials` are what it had of them, without a name where they
    stood in the text. `truncated` where the engine gave more of it than is kept.
    """

    keyword: str
    text: str
    size: int = 0
    truncated: bool = False
    credentials: tuple[EnvironmentName, ...] = ()

    @property
    def instruction(self) -> str:
        """On one line, at most 120 characters of it."""
        line = " ".join(f"{self.keyword} {self.text}".split())
        return line if len(line) <= 120 else f"{line[:119]}…"


class Image(msgspec.Struct, frozen=True, omit_defaults=True):
    """An image's own configuration, not a container's. Sizes in bytes, times ISO 8601.

    What was only listed and not inspected lacks its configuration: reading that raises `Unread`.
    `exposed_ports` like "80/tcp"; `history` the oldest instruction first.
    """

    id: str
    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    size: int = 0
    labels: dict[str, str] = {}
    created: str = UNSET  # type: ignore[assignment]
    user: str = UNSET  # type: ignore[assignment]
    uid: int = UNSET  # type: ignore[assignment]
    exposed_ports: tuple[str, ...] = UNSET  # type: ignore[assignment]
    healthcheck: Healthcheck | None = UNSET  # type: ignore[assignment]
    environment: tuple[EnvironmentName, ...] = UNSET  # type: ignore[assignment]
    entrypoint: tuple[str, ...] = UNSET  # type: ignore[assignment]
    command: tuple[str, ...] = UNSET  # type: ignore[assignment]
    architecture: str = UNSET  # type: ignore[assignment]
    history: tuple[Layer, ...] = UNSET  # type: ignore[assignment]
    inspected: bool = False
    unread: dict[str, str] = {}

    FACTS: ClassVar[Mapping[str, str]] = {
        "tags": "RepoTags",
        "digests": "RepoDigests",
        "size": "Size",
        "labels": "Config.Labels",
        "created": "Created",
        "user": "Config.User",
        "uid": "Config.User",
        "exposed_ports": "Config.ExposedPorts",
        "healthcheck": "Config.Healthcheck",
        "environment": "Config.Env",
        "entrypoint": "Config.Entrypoint",
        "command": "Config.Cmd",
        "architecture": "Architecture",
        "history": "history: CreatedBy",
    }

    __getattribute__ = _guarded

    @property
    def name(self) -> str:
        """The first of its tags, else of its digests, else the short form of its id."""
        if self.tags:
            return min(self.tags)
        if self.digests:
            repository, _, digest = min(self.digests).partition("@")
            return f"{repository}@{digest[:19]}"
        return self.id.removeprefix("sha256:")[:12]

    @property
    def created_at(self) -> datetime:
        """When it was built, with a time zone; some builders write a date that means nothing."""
        try:
            found = datetime.fromisoformat(self.created)
        except ValueError:
            raise Unread("Created", f"{self.created!r} is no date") from None
        return found if found.tzinfo else found.replace(tzinfo=UTC)

    @property
    def named(self) -> bool:
        """False for what a later build or pull took the name from."""
        return bool(self.tags or self.digests)


class Service(msgspec.Struct, frozen=True, omit_defaults=True):
    """A swarm service, as a manager tells it. `networks` are ids.

    `ports` are those of the routing mesh, open on every node; what a service publishes on its
    tasks' own hosts stands with their containers. `restart_policy` has the name "none",
    "on-failure" or "any", and 0 for no maximum.
    """

    id: str
    name: str
    image: str = ""
    environment: tuple[EnvironmentName, ...] = UNSET  # type: ignore[assignment]
    secrets: tuple[str, ...] = ()
    configs: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    ports: tuple[Port, ...] = UNSET  # type: ignore[assignment]
    restart_policy: RestartPolicy = UNSET  # type: ignore[assignment]
    unread: dict[str, str] = {}

    FACTS: ClassVar[Mapping[str, str]] = {
        "environment": "service: Spec.TaskTemplate.ContainerSpec.Env",
        "ports": "service: Endpoint.Ports",
        "restart_policy": "service: Spec.TaskTemplate.RestartPolicy",
    }

    __getattribute__ = _guarded


class Node(msgspec.Struct, frozen=True, omit_defaults=True):
    """A member of the swarm. `role` is "manager" or "worker", `state` like "ready" or "down"."""

    id: str
    hostname: str = ""
    role: str = ""
    availability: str = ""
    state: str = ""
    address: str = ""
    leader: bool = False
    reachability: str = ""


class Swarm(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What only a manager of the swarm tells. Durations in seconds, times ISO 8601."""

    id: str = UNSET  # type: ignore[assignment]
    created: str = UNSET  # type: ignore[assignment]
    autolock: bool = UNSET  # type: ignore[assignment]
    certificate_lifetime: int = UNSET  # type: ignore[assignment]
    root_rotation: bool = UNSET  # type: ignore[assignment]
    nodes: tuple[Node, ...] = UNSET  # type: ignore[assignment]
    services: tuple[Service, ...] = UNSET  # type: ignore[assignment]
    secrets: tuple[str, ...] = UNSET  # type: ignore[assignment]
    unread: dict[str, str] = {}

    FACTS: ClassVar[Mapping[str, str]] = {
        "id": "swarm: ID",
        "created": "swarm: CreatedAt",
        "autolock": "swarm: Spec.EncryptionConfig.AutoLockManagers",
        "certificate_lifetime": "swarm: Spec.CAConfig.NodeCertExpiry",
        "root_rotation": "swarm: RootRotationInProgress",
        "nodes": "nodes",
        "services": "services",
        "secrets": "secrets",
    }

    __getattribute__ = _guarded


class Container(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A container's configuration and state. Sizes in bytes, times ISO 8601, as the engine says.

    `FACTS` maps every field to the engine's own name for it; evidence uses those names.
    """

    id: str
    name: str
    image: str = UNSET  # type: ignore[assignment]
    image_id: str = UNSET  # type: ignore[assignment]
    created: str = UNSET  # type: ignore[assignment]
    labels: dict[str, str] = UNSET  # type: ignore[assignment]
    # state
    status: str = UNSET  # type: ignore[assignment]
    pid: int = UNSET  # type: ignore[assignment]
    started_at: str = UNSET  # type: ignore[assignment]
    finished_at: str = UNSET  # type: ignore[assignment]
    exit_code: int = UNSET  # type: ignore[assignment]
    oom_killed: bool = UNSET  # type: ignore[assignment]
    restart_count: int = UNSET  # type: ignore[assignment]
    health: Health | None = UNSET  # type: ignore[assignment]
    processes: tuple[Process, ...] = UNSET  # type: ignore[assignment]
    # what runs
    user: str = UNSET  # type: ignore[assignment]
    uid: int = UNSET  # type: ignore[assignment]
    groups: tuple[str, ...] = UNSET  # type: ignore[assignment]
    environment: tuple[EnvironmentName, ...] = UNSET  # type: ignore[assignment]
    entrypoint: tuple[str, ...] = UNSET  # type: ignore[assignment]
    command: tuple[str, ...] = UNSET  # type: ignore[assignment]
    working_directory: str = UNSET  # type: ignore[assignment]
    hostname: str = UNSET  # type: ignore[assignment]
    tty: bool = UNSET  # type: ignore[assignment]
    exposed_ports: tuple[str, ...] = UNSET  # type: ignore[assignment]
    healthcheck: Healthcheck | None = UNSET  # type: ignore[assignment]
    # kernel isolation
    privileged: bool = UNSET  # type: ignore[assignment]
    cap_add: tuple[str, ...] = UNSET  # type: ignore[assignment]
    cap_drop: tuple[str, ...] = UNSET  # type: ignore[assignment]
    security_opt: tuple[str, ...] = UNSET  # type: ignore[assignment]
    apparmor_profile: str = UNSET  # type: ignore[assignment]
    process_label: str = UNSET  # type: ignore[assignment]
    ulimits: tuple[Ulimit, ...] = UNSET  # type: ignore[assignment]
    pid_mode: str = UNSET  # type: ignore[assignment]
    ipc_mode: str = UNSET  # type: ignore[assignment]
    uts_mode: str = UNSET  # type: ignore[assignment]
    userns_mode: str = UNSET  # type: ignore[assignment]
    cgroupns_mode: str = UNSET  # type: ignore[assignment]
    cgroup_parent: str = UNSET  # type: ignore[assignment]
    # resources and storage
    memory: int = UNSET  # type: ignore[assignment]
    memory_swap: int = UNSET  # type: ignore[assignment]
    memory_reservation: int = UNSET  # type: ignore[assignment]
    cpu_shares: int = UNSET  # type: ignore[assignment]
    nano_cpus: int = UNSET  # type: ignore[assignment]
    cpu_quota: int = UNSET  # type: ignore[assignment]
    cpu_period: int = UNSET  # type: ignore[assignment]
    cpuset_cpus: str = UNSET  # type: ignore[assignment]
    pids_limit: int | None = UNSET  # type: ignore[assignment]
    oom_kill_disable: bool = UNSET  # type: ignore[assignment]
    oom_score_adj: int = UNSET  # type: ignore[assignment]
    read_only: bool = UNSET  # type: ignore[assignment]
    storage_options: dict[str, str] = UNSET  # type: ignore[assignment]
    mounts: tuple[Mount, ...] = UNSET  # type: ignore[assignment]
    tmpfs: dict[str, str] = UNSET  # type: ignore[assignment]
    devices: tuple[Device, ...] = UNSET  # type: ignore[assignment]
    device_requests: tuple[DeviceRequest, ...] = UNSET  # type: ignore[assignment]
    device_cgroup_rules: tuple[str, ...] = UNSET  # type: ignore[assignment]
    # network
    network_mode: str = UNSET  # type: ignore[assignment]
    networks: tuple[str, ...] = UNSET  # type: ignore[assignment]
    ports: tuple[Port, ...] = UNSET  # type: ignore[assignment]
    publish_all: bool = UNSET  # type: ignore[assignment]
    # lifecycle
    restart_policy: RestartPolicy = UNSET  # type: ignore[assignment]
    auto_remove: bool = UNSET  # type: ignore[assignment]
    init: bool = UNSET  # type: ignore[assignment]
    log_driver: str = UNSET  # type: ignore[assignment]
    runtime: str = UNSET  # type: ignore[assignment]
    sysctls: dict[str, str] = UNSET  # type: ignore[assignment]

    unread: dict[str, str] = {}
    """Why a field could not be read, where there is more to say than that it was missing."""

    FACTS: ClassVar[Mapping[str, str]] = {
        "image": "Config.Image",
        "image_id": "Image",
        "created": "Created",
        "labels": "Config.Labels",
        "status": "State.Status",
        "pid": "State.Pid",
        "started_at": "State.StartedAt",
        "finished_at": "State.FinishedAt",
        "exit_code": "State.ExitCode",
        "oom_killed": "State.OOMKilled",
        "restart_count": "RestartCount",
        "health": "State.Health",
        "processes": "top: processes",
        "user": "Config.User",
        "uid": "Config.User",
        "groups": "HostConfig.GroupAdd",
        "environment": "Config.Env",
        "entrypoint": "Config.Entrypoint",
        "command": "Config.Cmd",
        "working_directory": "Config.WorkingDir",
        "hostname": "Config.Hostname",
        "tty": "Config.Tty",
        "exposed_ports": "Config.ExposedPorts",
        "healthcheck": "Config.Healthcheck",
        "privileged": "HostConfig.Privileged",
        "cap_add": "HostConfig.CapAdd",
        "cap_drop": "HostConfig.CapDrop",
        "security_opt": "HostConfig.SecurityOpt",
        "apparmor_profile": "AppArmorProfile",
        "process_label": "ProcessLabel",
        "ulimits": "HostConfig.Ulimits",
        "pid_mode": "HostConfig.PidMode",
        "ipc_mode": "HostConfig.IpcMode",
        "uts_mode": "HostConfig.UTSMode",
        "userns_mode": "HostConfig.UsernsMode",
        "cgroupns_mode": "HostConfig.CgroupnsMode",
        "cgroup_parent": "HostConfig.CgroupParent",
        "memory": "HostConfig.Memory",
        "memory_swap": "HostConfig.MemorySwap",
        "memory_reservation": "HostConfig.MemoryReservation",
        "cpu_shares": "HostConfig.CpuShares",
        "nano_cpus": "HostConfig.NanoCpus",
        "cpu_quota": "HostConfig.CpuQuota",
        "cpu_period": "HostConfig.CpuPeriod",
        "cpuset_cpus": "HostConfig.CpusetCpus",
        "pids_limit": "HostConfig.PidsLimit",
        "oom_kill_disable": "HostConfig.OomKillDisable",
        "oom_score_adj": "HostConfig.OomScoreAdj",
        "read_only": "HostConfig.ReadonlyRootfs",
        "storage_options": "HostConfig.StorageOpt",
        "mounts": "Mounts",
        "tmpfs": "HostConfig.Tmpfs",
        "devices": "HostConfig.Devices",
        "device_requests": "HostConfig.DeviceRequests",
        "device_cgroup_rules": "HostConfig.DeviceCgroupRules",
        "network_mode": "HostConfig.NetworkMode",
        "networks": "NetworkSettings.Networks",
        "ports": "NetworkSettings.Ports",
        "publish_all": "HostConfig.PublishAllPorts",
        "restart_policy": "HostConfig.RestartPolicy",
        "auto_remove": "HostConfig.AutoRemove",
        "init": "HostConfig.Init",
        "log_driver": "HostConfig.LogConfig.Type",
        "runtime": "HostConfig.Runtime",
        "sysctls": "HostConfig.Sysctls",
    }

    @property
    def running(self) -> bool:
        """True while it has processes: also when paused, not between two restarts of a loop."""
        return self.status in {"running", "paused"}

    @property
    def known_to_run(self) -> bool:
        """False also where its state could not be read."""
        try:
            return self.running
        except Unread:
            return False

    @property
    def known_image_id(self) -> str:
        """ "" where it could not be read."""
        try:
            return self.image_id
        except Unread:
            return ""

    @property
    def workload(self) -> str:
        """What survives re-creation: swarm service, Compose project/service, Kubernetes pod owner
        with the container's name in it, else the container's own name."""
        labels = self.labels
        if service := labels.get("com.docker.swarm.service.name"):
            return f"service/{service}"
        if service := labels.get("com.docker.compose.service"):
            return f"compose/{labels.get('com.docker.compose.project', '')}/{service}"
        if pod := labels.get("io.kubernetes.pod.name"):
            namespace = labels.get("io.kubernetes.pod.namespace", "default")
            owner = re.sub(r"(-[a-f0-9]{8,10})?-[a-z0-9]{5}$", "", pod)
            return f"pod/{namespace}/{owner}/{labels.get('io.kubernetes.container.name', '')}"
        return f"container/{self.name}"

    @property
    def known_workload(self) -> str:
        """The workload; where the labels could not be read, as if there were none."""
        try:
            return self.workload
        except Unread:
            return f"container/{self.name}"

    @property
    def pod_or_project(self) -> str:
        """What is deployed together and may share: a Kubernetes pod, a Compose project, else the
        workload alone."""
        labels = self.labels
        if pod := labels.get("io.kubernetes.pod.name"):
            return f"pod/{labels.get('io.kubernetes.pod.namespace', 'default')}/{pod}"
        if project := labels.get("com.docker.compose.project"):
            return f"compose/{project}"
        return self.workload

    def belongs_with(self, other: "Container", *, within_project: bool) -> bool:
        """Whether the two are made to share: as containers of one pod or one workload. Services
        of a Compose project are workloads of their own; `within_project` lets them share too."""
        if self.pod_or_project.startswith("compose/") and not within_project:
            return self.workload == other.workload
        return self.pod_or_project == other.pod_or_project

    @property
    def policy_names(self) -> tuple[str, ...]:
        """What a policy calls it by: image without tag, workload, and pod or project."""
        return references.repository(self.image), self.workload, self.pod_or_project

    @property
    def network_of_its_own(self) -> str:
        """What advice calls a network for it: its Compose project's, else one by its own name."""
        project = self.labels.get("com.docker.compose.project")
        return f"{project}_default" if project else f"{self.name}-net"

    @property
    def image_tag(self) -> str | None:
        """Name and tag that it was started from, as in "redis:latest"; None where it was started
        from a digest or an id, behind which the image cannot change."""
        name = self.image
        if "@" in name:
            return None
        if re.fullmatch(r"(sha256:)?[0-9a-f]+", name) and self.image_id.removeprefix(
            "sha256:"
        ).startswith(name.removeprefix("sha256:")):
            return None
        return references.familiar(name)

    def security_options(self, name: str) -> tuple[str, ...]:
        """Values of one `--security-opt`, the last being in force. A bare option gives "".

        The engine accepts `name=value` and the older `name:value`; spaces round them do not count.
        """
        found = []
        for option in self.security_opt:
            match = re.match(r"\s*([A-Za-z-]+)\s*(?:[=:]\s*(.*))?$", option, re.DOTALL)
            if match and match[1].lower() == name:
                found.append((match[2] or "").strip())
        return tuple(found)

    @property
    def host_mounts(self) -> dict[str, list[Mount]]:
        """Mounts of the host's own paths, also those that a volume hides, by that path."""
        found: dict[str, list[Mount]] = {}
        for mount in self.mounts:
            if mount.host_path is not None:
                found.setdefault(mount.host_path, []).append(mount)
        return found

    @property
    def effective_capabilities(self) -> frozenset[str]:
        """Defaults minus dropped plus added, without the CAP_ prefix; every one if privileged."""
        if self.privileged:
            return ALL_CAPABILITIES
        added, dropped = frozenset(self.cap_add), frozenset(self.cap_drop)
        if "ALL" in added:
            return ALL_CAPABILITIES - dropped
        if "ALL" in dropped:
            return added
        return (DEFAULT_CAPABILITIES - dropped) | added


class PartialContainer(Container, frozen=True, kw_only=True):
    """A container of which some facts are missing: reading one of those raises `Unread`."""

    __getattribute__ = _guarded


@functools.lru_cache(maxsize=64)
def _security_options(options: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """By name. Every container's rules ask for the same few of the same engine."""
    found: dict[str, dict[str, str]] = {}
    for option in options:
        fields = dict(part.partition("=")[::2] for part in option.split(","))
        found.setdefault(fields.get("name", option if "=" not in option else ""), fields)
    return found


class Host(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the engine says of itself and of the machine it runs on. Memory in bytes."""

    id: str = UNSET  # type: ignore[assignment]
    name: str = UNSET  # type: ignore[assignment]
    engine: str = "docker"
    version: str = UNSET  # type: ignore[assignment]
    api_version: str = UNSET  # type: ignore[assignment]
    operating_system: str = UNSET  # type: ignore[assignment]
    kernel: str = UNSET  # type: ignore[assignment]
    architecture: str = UNSET  # type: ignore[assignment]
    cpus: int = UNSET  # type: ignore[assignment]
    memory: int = UNSET  # type: ignore[assignment]
    security_options: tuple[str, ...] = UNSET  # type: ignore[assignment]
    storage_driver: str = UNSET  # type: ignore[assignment]
    storage_status: dict[str, str] = UNSET  # type: ignore[assignment]
    data_root: str = UNSET  # type: ignore[assignment]
    cgroup_version: str = UNSET  # type: ignore[assignment]
    cgroup_driver: str = UNSET  # type: ignore[assignment]
    live_restore: bool = UNSET  # type: ignore[assignment]
    logging_driver: str = UNSET  # type: ignore[assignment]
    debug: bool = UNSET  # type: ignore[assignment]
    experimental: bool = UNSET  # type: ignore[assignment]
    authorization_plugins: tuple[str, ...] = UNSET  # type: ignore[assignment]
    insecure_ranges: tuple[str, ...] = UNSET  # type: ignore[assignment]
    registries: dict[str, bool] = UNSET  # type: ignore[assignment]
    """Each configured registry by name, and whether it is reached with TLS alone."""
    firewall: dict[str, str] = UNSET  # type: ignore[assignment]
    """What the engine says of its firewall backend, with its name as "Driver"; from API 1.49."""
    swarm_state: str = UNSET  # type: ignore[assignment]
    swarm_manager: bool = UNSET  # type: ignore[assignment]
    swarm_managers: int = UNSET  # type: ignore[assignment]
    swarm_nodes: int = UNSET  # type: ignore[assignment]
    swarm_address: str = UNSET  # type: ignore[assignment]
    warnings: tuple[str, ...] = UNSET  # type: ignore[assignment]
    unread: dict[str, str] = {}

    FACTS: ClassVar[Mapping[str, str]] = {
        "id": "info: ID",
        "name": "info: Name",
        "version": "version: Version",
        "api_version": "version: ApiVersion",
        "operating_system": "info: OperatingSystem",
        "kernel": "info: KernelVersion",
        "architecture": "info: Architecture",
        "cpus": "info: NCPU",
        "memory": "info: MemTotal",
        "security_options": "info: SecurityOptions",
        "storage_driver": "info: Driver",
        "storage_status": "info: DriverStatus",
        "data_root": "info: DockerRootDir",
        "cgroup_version": "info: CgroupVersion",
        "cgroup_driver": "info: CgroupDriver",
        "live_restore": "info: LiveRestoreEnabled",
        "logging_driver": "info: LoggingDriver",
        "debug": "info: Debug",
        "experimental": "info: ExperimentalBuild",
        "authorization_plugins": "info: Plugins.Authorization",
        "insecure_ranges": "info: RegistryConfig.InsecureRegistryCIDRs",
        "registries": "info: RegistryConfig.IndexConfigs",
        "firewall": "info: FirewallBackend",
        "swarm_state": "info: Swarm.LocalNodeState",
        "swarm_manager": "info: Swarm.ControlAvailable",
        "swarm_managers": "info: Swarm.Managers",
        "swarm_nodes": "info: Swarm.Nodes",
        "swarm_address": "info: Swarm.NodeAddr",
        "warnings": "info: Warnings",
    }

    def security_option(self, name: str) -> dict[str, str] | None:
        """The engine's own option, e.g. {"profile": "default"} for seccomp; None if off."""
        return _security_options(self.security_options).get(name)

    @property
    def has_apparmor(self) -> bool:
        return self.security_option("apparmor") is not None

    @property
    def podman(self) -> tuple[int, int] | None:
        """Its version, where it is one: its Docker-compatible service says some things otherwise.
        (0, 0) where that is not known."""
        if self.engine != "podman":
            return None
        found = re.match(r"(\d{1,4})\.(\d{1,4})", str(object.__getattribute__(self, "version")))
        return (int(found[1]), int(found[2])) if found else (0, 0)

    @property
    def has_selinux(self) -> bool:
        if self.security_option("selinux") is not None:
            return True
        if self.podman is not None and self.podman < (4, 6) and not self.has_apparmor:
            reason = "Podman before 4.6 does not tell whether it uses SELinux"
            raise Unread("info: SecurityOptions", reason)
        return False

    @property
    def rootless(self) -> bool:
        return self.security_option("rootless") is not None

    @property
    def remaps_users(self) -> bool:
        """Root in a container is somebody else on the host: a remapped or a rootless engine."""
        return self.security_option("userns") is not None or self.rootless

    @property
    def api(self) -> tuple[int, int]:
        """The newest API version that the engine speaks, e.g. (1, 41)."""
        major, _, minor = self.api_version.partition(".")
        if not (major.isdigit() and minor.isdigit()):
            raise Unread("version: ApiVersion", f"{self.api_version!r} is no version")
        return int(major), int(minor)


class PartialHost(Host, frozen=True, kw_only=True):
    """A host of which some facts are missing: reading one of those raises `Unread`."""

    __getattribute__ = _guarded


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that one scan saw of one host. What is None was not read.

    `taken_at` is the time of rules that know one (ISO 8601, UTC); `reached` is how the engine was
    reached: "unix", "tcp", "tls" or "ssh". `swarm` is there for managers only, `machine` only
    over SSH.
    """

    host: Host
    containers: tuple[Container, ...] = ()
    images: tuple[Image, ...] | None = None
    networks: tuple[Network, ...] | None = None
    volumes: tuple[Volume, ...] | None = None
    swarm: Swarm | None = None
    machine: Machine | None = None
    taken_at: str = ""
    reached: str = ""
    gaps: tuple[Gap, ...] = ()


def with_members(
    networks: tuple[Network, ...] | None, containers: Iterable[Container]
) -> tuple[Network, ...] | None:
    """Each network with the names of the containers that joined it, as far as they tell."""
    if networks is None:
        return None
    members: dict[str, list[str]] = {}
    for container in containers:
        try:
            joined = container.networks
        except Unread:
            continue
        for name in joined:
            members.setdefault(name, []).append(container.name)
    return tuple(
        msgspec.structs.replace(net, members=tuple(members.get(net.name, ()))) for net in networks
    )
