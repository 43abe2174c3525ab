"""What a simulated engine answers: recorded answers of a real one with other values in them."""

import copy
import functools
import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec

from benchmarks.simulator.world import SimulatedContainer, SimulatedHost
from tests import recorded

ENGINE = "28.5"
BEGAN = date(2026, 8, 1)
_MIB = 1024 * 1024
_INSPECT: dict[str, Any] = recorded.answer("net_running", ENGINE)
_INFO: dict[str, Any] = recorded.answer("_info", ENGINE)
_VERSION = msgspec.json.encode(recorded.answer("_version", ENGINE))
_VOLUMES = msgspec.json.encode(recorded.answer("_volumes", ENGINE))
_IMAGE = recorded.answer("_image_app", ENGINE)
_NETWORKS = recorded.answer("_networks", ENGINE)
_LISTED_IMAGE = recorded.answer("_images", ENGINE)[0]
_PLAIN_NETWORKS = [network for network in _NETWORKS if network["Name"] != "shop"]
_OWN_NETWORK = next(network for network in _NETWORKS if network["Name"] == "shop")
_BRIDGE = next(network for network in _NETWORKS if network["Name"] == "bridge")

_ULIMITS = [{"Name": name, "Hard": 1024, "Soft": 1024} for name in ("nofile", "nproc", "core")]

Answer = tuple[int, bytes]
NO_SUCH_PAGE: Answer = (404, b'{"message":"page not found"}\n')


class Answers:
    """Of one host, in a world that began on a day and makes one step on each."""

    def __init__(self, host: SimulatedHost, began: date = BEGAN) -> None:
        self.host, self.began = host, began

    def get(self, path: str) -> Answer:
        """`path` without the API version and the query."""
        parts = path.strip("/").split("/")
        match parts:
            case ["containers", name, what]:
                return self._of_container(name, what)
            case ["images", *name, what] if name:
                return self._of_image("/".join(name).replace("%3A", ":"), what)
            case ["swarm" | "nodes" | "services" | "secrets"]:
                return 503, b'{"message":"This node is not a swarm manager."}\n'
        found = self._plain.get("/".join(parts))
        return NO_SUCH_PAGE if found is None else (200, found())

    @property
    def _plain(self) -> dict[str, Callable[[], bytes]]:
        containers, encode = self.host.containers, msgspec.json.encode
        return {
            "version": lambda: _VERSION,
            "info": lambda: encode(self.info()),
            "containers/json": lambda: encode([self.listed(each) for each in containers]),
            "images/json": lambda: encode([self.listed_image(c) for c in self._images().values()]),
            "networks": lambda: encode(self.networks()),
            "volumes": lambda: _VOLUMES,
            "events": lambda: b"",
        }

    def _of_container(self, name: str, what: str) -> Answer:
        found = self._container(name)
        if found is None:
            return _missing("container")
        if what == "top":
            return self.top(found)
        return _json(self.inspected(found)) if what == "json" else _missing("file")

    def _of_image(self, name: str, what: str) -> Answer:
        found = self._images().get(name)
        if found is None:
            return _missing("image")
        return _json(self.image(found) if what == "json" else _IMAGE["history"])

    def info(self) -> dict[str, Any]:
        running = sum(container.running for container in self.host.containers)
        total = len(self.host.containers)
        lacks = self.host.lacks
        registries = copy.deepcopy(_INFO["RegistryConfig"])
        if "insecure_registry" in lacks:
            registries["InsecureRegistryCIDRs"].append("10.0.0.0/8")
        security = [*_INFO["SecurityOptions"], "name=apparmor"]
        if "no_user_namespaces" not in lacks:
            security.append("name=userns")
        return _INFO | {
            "ID": hashlib.sha256(self.host.name.encode()).hexdigest()[:36],
            "Name": self.host.name,
            "Containers": total,
            "ContainersRunning": running,
            "ContainersStopped": total - running,
            "Images": len(self._images()),
            "NCPU": 4 << self.host.number % 3,
            "MemTotal": (8 << self.host.number % 3) * 1024 * _MIB,
            "LiveRestoreEnabled": "no_live_restore" not in lacks,
            "Debug": "debug" in lacks,
            "RegistryConfig": registries,
            "SecurityOptions": security,
        }

    def listed(self, container: SimulatedContainer) -> dict[str, Any]:
        created = self._created(container)
        return {
            "Id": container.id,
            "Names": [f"/{container.name}"],
            "Image": container.image,
            "ImageID": _image_id(container),
            "Command": "sleep 100000",
            "Created": int(created.timestamp()),
            "Ports": _listed_ports(container),
            "Labels": _labels(container),
            "State": "running" if container.running else "exited",
            "Status": "Up 2 hours" if container.running else "Exited (0) 2 hours ago",
            "HostConfig": {"NetworkMode": _network(container)},
            "NetworkSettings": {
                # Names are told only of a single container.
                "Networks": {
                    name: joined | {"DNSNames": None}
                    for name, joined in self._joined(container).items()
                }
            },
            "Mounts": _mounts(container)[1],
        }

    def inspected(self, container: SimulatedContainer) -> dict[str, Any]:
        created = _time(self._created(container))
        binds, mounts = _mounts(container)
        faults = container.faults
        network = _network(container)
        own = f"/var/lib/docker/containers/{container.id}"
        state = _INSPECT["State"] | {"StartedAt": created, "Pid": 1000 + container.serial % 30000}
        if not container.running:
            state |= {"Running": False, "Status": "exited", "Pid": 0, "FinishedAt": created}
        if "no_health_check" not in faults:
            checked = {"Start": created, "End": created, "ExitCode": 0, "Output": ""}
            # An engine says that of whatever does not run.
            health = "healthy" if container.running else "unhealthy"
            state["Health"] = {"Status": health, "FailingStreak": 0, "Log": [checked]}
        config = _INSPECT["Config"] | {
            "Hostname": container.id[:12],
            "Image": container.image,
            "Labels": _labels(container),
            "User": "" if "root" in faults else "1000",
            "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", f"SERVICE={container.service}"],
        }
        if "no_health_check" not in faults:
            config["Healthcheck"] = {"Interval": 30000000000, "Test": ["CMD-SHELL", "true"]}
        ports = _ports(container)
        if ports:
            config["ExposedPorts"] = {inside: {} for inside in ports}
        return _INSPECT | {
            "Id": container.id,
            "Name": f"/{container.name}",
            "Created": created,
            "Image": _image_id(container),
            "AppArmorProfile": "" if "privileged" in faults else "docker-default",
            "Config": config,
            "State": state,
            "HostConfig": _host_config(container)
            | {
                "Binds": binds or None,
                "NetworkMode": network,
                "PortBindings": ports,
            },
            "Mounts": mounts,
            "HostnamePath": f"{own}/hostname",
            "HostsPath": f"{own}/hosts",
            "ResolvConfPath": f"{own}/resolv.conf",
            "LogPath": f"{own}/{container.id}-json.log",
            "NetworkSettings": _INSPECT["NetworkSettings"]
            | {
                "Networks": self._joined(container),
                "Ports": ports if container.running else {},
            },
        }

    def top(self, container: SimulatedContainer) -> Answer:
        if not container.running:
            said = f"container {container.id} is not running"
            return 409, msgspec.json.encode({"message": said})
        uid = "0" if "root" in container.faults else "1000"
        return _json(
            {
                "Titles": ["PID", "UID", "COMMAND"],
                "Processes": [
                    [str(1000 + container.serial % 30000), uid, container.service],
                    [str(1001 + container.serial % 30000), uid, f"{container.service}: worker"],
                ],
            }
        )

    def networks(self) -> list[dict[str, Any]]:
        projects = sorted({container.project for container in self.host.containers})
        own = [
            _OWN_NETWORK
            | {
                "Name": f"{project}_default",
                "Id": hashlib.sha256(f"{self.host.name} {project}".encode()).hexdigest(),
                "Labels": {"com.docker.compose.project": project},
                "IPAM": {
                    "Config": [
                        {"Gateway": f"172.{20 + place}.0.1", "Subnet": f"172.{20 + place}.0.0/16"}
                    ],
                    "Driver": "default",
                    "Options": {},
                },
            }
            for place, project in enumerate(projects)
        ]
        joined = "true" if "inter_container" in self.host.lacks else "false"
        name = "com.docker.network.bridge.enable_icc"
        bridge = _BRIDGE | {"Options": _BRIDGE["Options"] | {name: joined}}
        plain = [bridge if each["Name"] == "bridge" else each for each in _PLAIN_NETWORKS]
        return [*plain, *own]

    def listed_image(self, container: SimulatedContainer) -> dict[str, Any]:
        found: dict[str, Any] = _LISTED_IMAGE | {
            "Id": _image_id(container),
            "RepoTags": [container.image],
            "RepoDigests": [f"{container.repository}@{_image_id(container)}"],
        }
        return found

    def image(self, container: SimulatedContainer) -> dict[str, Any]:
        recorded_image: dict[str, Any] = _IMAGE["inspect"]
        return recorded_image | {
            "Id": _image_id(container),
            "RepoTags": [container.image],
            "RepoDigests": [f"{container.repository}@{_image_id(container)}"],
        }

    def _images(self) -> dict[str, SimulatedContainer]:
        return {_image_id(container): container for container in self.host.containers}

    def _container(self, name: str) -> SimulatedContainer | None:
        for container in self.host.containers:
            if name in (container.id, container.name):
                return container
        return None

    def _created(self, container: SimulatedContainer) -> datetime:
        day = datetime.combine(self.began, time(tzinfo=UTC)) + timedelta(days=container.since)
        return day + timedelta(seconds=container.serial % 3600)

    def _joined(self, container: SimulatedContainer) -> dict[str, Any]:
        mode = _network(container)
        [plain] = _INSPECT["NetworkSettings"]["Networks"].values()
        address = f"172.20.{container.serial // 250 % 250}.{2 + container.serial % 250}"
        if mode.endswith("_default"):
            plain = plain | {"DNSNames": [container.name, container.id[:12]]}
        return {mode: plain | {"IPAddress": address if container.running else ""}}


def _host_config(container: SimulatedContainer) -> dict[str, Any]:
    faults = container.faults
    memory = 0 if "no_memory_limit" in faults else 512 * _MIB
    security = [] if "new_privileges" in faults else ["no-new-privileges:true"]
    if "no_seccomp" in faults:
        security.append("seccomp=unconfined")
    privileged = "privileged" in faults
    if privileged:
        security.append("label=disable")
    restarts = "restarts_for_ever" in faults
    found: dict[str, Any] = _INSPECT["HostConfig"] | {
        "Memory": memory,
        "MemorySwap": memory,
        "PidsLimit": None if "no_pids_limit" in faults else 200,
        "NanoCpus": 0 if "no_processor_limit" in faults else 1_000_000_000,
        "ReadonlyRootfs": "writable_root" not in faults,
        "CapDrop": None if "all_capabilities" in faults else ["ALL"],
        "CapAdd": ["SYS_ADMIN"] if "added_capability" in faults else None,
        "SecurityOpt": security or None,
        "MaskedPaths": None if privileged else _INSPECT["HostConfig"]["MaskedPaths"],
        "ReadonlyPaths": None if privileged else _INSPECT["HostConfig"]["ReadonlyPaths"],
        "Privileged": privileged,
        "PidMode": "host" if "host_processes" in faults else "",
        "CgroupnsMode": "private",
        "Ulimits": [] if "no_ulimits" in faults else _ULIMITS,
        "RestartPolicy": {
            "Name": "always" if restarts else "on-failure",
            "MaximumRetryCount": 0 if restarts else 5,
        },
    }
    return found


def _network(container: SimulatedContainer) -> str:
    if "host_network" in container.faults:
        return "host"
    return "bridge" if "default_network" in container.faults else f"{container.project}_default"


def _ports(container: SimulatedContainer) -> dict[str, Any]:
    if "published_everywhere" not in container.faults or _network(container) == "host":
        return {}
    port = str(8000 + container.serial % 1000)
    return {"8080/tcp": [{"HostIp": "0.0.0.0", "HostPort": port}]}  # noqa: S104 - that is the fault


def _listed_ports(container: SimulatedContainer) -> list[dict[str, Any]]:
    if not container.running:
        return []
    return [
        {
            "IP": published["HostIp"],
            "PrivatePort": int(inside.partition("/")[0]),
            "PublicPort": int(published["HostPort"]),
            "Type": "tcp",
        }
        for inside, every in _ports(container).items()
        for published in every
    ]


def _mounts(container: SimulatedContainer) -> tuple[list[str], list[dict[str, Any]]]:
    if "docker_socket" not in container.faults:
        return [], []
    socket = "/var/run/docker.sock"
    mount = {
        "Destination": socket,
        "Mode": "",
        "Propagation": "rprivate",
        "RW": True,
        "Source": socket,
        "Type": "bind",
    }
    return [f"{socket}:{socket}"], [mount]


def _labels(container: SimulatedContainer) -> dict[str, str]:
    return {
        "com.docker.compose.project": container.project,
        "com.docker.compose.service": container.service,
        "com.docker.compose.container-number": container.name.rpartition("-")[2],
    }


def _image_id(container: SimulatedContainer) -> str:
    return _hashed_image(f"{container.repository} {container.release}")


@functools.lru_cache(maxsize=20_000)
def _hashed_image(said: str) -> str:
    return f"sha256:{hashlib.sha256(said.encode()).hexdigest()}"


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


def _json(value: Any) -> Answer:
    return 200, msgspec.json.encode(value)


def _missing(what: str) -> Answer:
    return 404, msgspec.json.encode({"message": f"No such {what}"})
