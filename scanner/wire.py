"""The Engine API's JSON, as far as we read it: the only place with Docker's key names.

Every field may be missing (UNSET) or null (None). What each means is decided in scanner.parse.
"""

from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

T = TypeVar("T", bound=Struct)
Strings = list[str] | UnsetType | None
StringMap = dict[str, str | None] | UnsetType | None
Text = str | UnsetType | None
Number = int | UnsetType | None
Flag = bool | UnsetType | None


class HealthJson(Struct):
    Status: Text = UNSET
    FailingStreak: Number = UNSET
    Log: list[Any] | UnsetType | None = UNSET


class StateJson(Struct):
    Status: Text = UNSET
    Pid: Number = UNSET
    StartedAt: Text = UNSET
    FinishedAt: Text = UNSET
    ExitCode: Number = UNSET
    OOMKilled: Flag = UNSET
    Health: HealthJson | UnsetType | None = UNSET


class HealthcheckJson(Struct):
    Test: Strings = UNSET
    Interval: Number = UNSET
    Timeout: Number = UNSET
    Retries: Number = UNSET
    StartPeriod: Number = UNSET


class ConfigJson(Struct):
    Image: Text = UNSET
    User: Text = UNSET
    Env: Strings = UNSET
    Entrypoint: list[str] | str | UnsetType | None = UNSET
    Cmd: list[str] | str | UnsetType | None = UNSET
    WorkingDir: Text = UNSET
    Hostname: Text = UNSET
    Tty: Flag = UNSET
    ExposedPorts: dict[str, Any] | UnsetType | None = UNSET
    Healthcheck: HealthcheckJson | UnsetType | None = UNSET
    Labels: StringMap = UNSET


class UlimitJson(Struct):
    Name: str
    Soft: int
    Hard: int


class DeviceJson(Struct):
    PathOnHost: str
    PathInContainer: str = ""
    CgroupPermissions: str = ""


class DeviceRequestJson(Struct):
    Driver: str | None = ""
    Count: int | None = 0
    DeviceIDs: list[str] | None = None
    Capabilities: list[list[str]] | None = None


class BindingJson(Struct):
    HostIp: str | None = ""
    HostPort: str | int | None = ""


Bindings = dict[str, list[BindingJson] | None] | UnsetType | None


class RestartPolicyJson(Struct):
    Name: Text = UNSET
    MaximumRetryCount: Number = UNSET


class LogConfigJson(Struct):
    Type: Text = UNSET


class DriverConfigJson(Struct):
    Name: str | None = None
    Options: dict[str, str] | None = None


class VolumeOptionsJson(Struct):
    DriverConfig: DriverConfigJson | None = None


class MountSpecJson(Struct):
    """A mount as it was asked for: the driver's options of a volume stand only here."""

    Type: str | None = None
    Source: str | None = None
    Target: str | None = None
    VolumeOptions: VolumeOptionsJson | None = None


class HostConfigJson(Struct):
    Privileged: Flag = UNSET
    CapAdd: Strings = UNSET
    CapDrop: Strings = UNSET
    Capabilities: Strings = UNSET
    SecurityOpt: Strings = UNSET
    Ulimits: list[UlimitJson] | UnsetType | None = UNSET
    PidMode: Text = UNSET
    IpcMode: Text = UNSET
    UTSMode: Text = UNSET
    UsernsMode: Text = UNSET
    CgroupnsMode: Text = UNSET
    CgroupParent: Text = UNSET
    GroupAdd: Strings = UNSET
    Memory: Number = UNSET
    MemorySwap: Number = UNSET
    MemoryReservation: Number = UNSET
    CpuShares: Number = UNSET
    NanoCpus: Number = UNSET
    CpuQuota: Number = UNSET
    CpuPeriod: Number = UNSET
    CpusetCpus: Text = UNSET
    PidsLimit: Number = UNSET
    OomKillDisable: Flag = UNSET
    OomScoreAdj: Number = UNSET
    ReadonlyRootfs: Flag = UNSET
    StorageOpt: StringMap = UNSET
    Tmpfs: StringMap = UNSET
    Binds: Strings = UNSET
    Mounts: list[MountSpecJson] | UnsetType | None = UNSET
    Devices: list[DeviceJson] | UnsetType | None = UNSET
    DeviceRequests: list[DeviceRequestJson] | UnsetType | None = UNSET
    DeviceCgroupRules: Strings = UNSET
    NetworkMode: Text = UNSET
    PortBindings: Bindings = UNSET
    PublishAllPorts: Flag = UNSET
    RestartPolicy: RestartPolicyJson | UnsetType | None = UNSET
    AutoRemove: Flag = UNSET
    Init: Flag = UNSET
    LogConfig: LogConfigJson | UnsetType | None = UNSET
    Runtime: Text = UNSET
    Sysctls: StringMap = UNSET


class MountJson(Struct):
    Type: str | None = None
    Name: str | None = None
    Source: str | None = None
    Destination: str | None = None
    RW: bool | None = None
    Propagation: str | None = None
    Driver: str | None = None


class NetworkSettingsJson(Struct):
    Ports: Bindings = UNSET
    Networks: dict[str, Any] | UnsetType | None = UNSET


class ContainerJson(Struct):
    """GET /containers/{id}/json"""

    Id: Text = UNSET
    Name: Text = UNSET
    Image: Text = UNSET
    Created: Text = UNSET
    RestartCount: Number = UNSET
    AppArmorProfile: Text = UNSET
    ProcessLabel: Text = UNSET
    State: StateJson | UnsetType | None = UNSET
    Config: ConfigJson | UnsetType | None = UNSET
    HostConfig: HostConfigJson | UnsetType | None = UNSET
    Mounts: list[MountJson] | UnsetType | None = UNSET
    NetworkSettings: NetworkSettingsJson | UnsetType | None = UNSET


class ListedJson(Struct):
    """One entry of GET /containers/json"""

    Id: str
    Names: list[str] | None = None
    Image: str | None = None
    ImageID: str | None = None
    State: str | None = None
    Labels: dict[str, str | None] | None = None


class SwarmInfoJson(Struct):
    LocalNodeState: Text = UNSET
    ControlAvailable: Flag = UNSET
    NodeAddr: Text = UNSET
    Managers: Number = UNSET
    Nodes: Number = UNSET


class PluginsJson(Struct):
    Authorization: Strings = UNSET


class IndexJson(Struct):
    Secure: Flag = UNSET


class RegistryConfigJson(Struct):
    InsecureRegistryCIDRs: Strings = UNSET
    IndexConfigs: dict[str, IndexJson | None] | UnsetType | None = UNSET


class FirewallJson(Struct):
    Driver: Text = UNSET
    Info: list[list[str]] | UnsetType | None = UNSET


class InfoJson(Struct):
    """GET /info"""

    ID: Text = UNSET
    Name: Text = UNSET
    OperatingSystem: Text = UNSET
    KernelVersion: Text = UNSET
    Architecture: Text = UNSET
    NCPU: Number = UNSET
    MemTotal: Number = UNSET
    SecurityOptions: Strings = UNSET
    Rootless: Flag = UNSET
    Driver: Text = UNSET
    DriverStatus: list[list[str]] | UnsetType | None = UNSET
    DockerRootDir: Text = UNSET
    CgroupVersion: Text = UNSET
    CgroupDriver: Text = UNSET
    LiveRestoreEnabled: Flag = UNSET
    LoggingDriver: Text = UNSET
    Debug: Flag = UNSET
    ExperimentalBuild: Flag = UNSET
    Plugins: PluginsJson | UnsetType | None = UNSET
    RegistryConfig: RegistryConfigJson | UnsetType | None = UNSET
    FirewallBackend: FirewallJson | UnsetType | None = UNSET
    Swarm: SwarmInfoJson | UnsetType | None = UNSET
    Warnings: Strings = UNSET


class ComponentJson(Struct):
    Name: str | None = None


class VersionJson(Struct):
    """GET /version"""

    Version: Text = UNSET
    ApiVersion: Text = UNSET
    MinAPIVersion: Text = UNSET
    Components: list[ComponentJson] | UnsetType | None = UNSET


class ListedImageJson(Struct):
    """One entry of GET /images/json"""

    Id: str
    RepoTags: list[str] | None = None
    RepoDigests: list[str] | None = None
    Created: int | None = None
    Size: int | None = None
    Labels: dict[str, str | None] | None = None


class ImageJson(Struct):
    """GET /images/{name}/json"""

    Id: Text = UNSET
    RepoTags: Strings = UNSET
    RepoDigests: Strings = UNSET
    Created: Text = UNSET
    Size: Number = UNSET
    Architecture: Text = UNSET
    Config: ConfigJson | UnsetType | None = UNSET


class LayerJson(Struct):
    """One entry of GET /images/{name}/history"""

    CreatedBy: str | None = None
    Size: int | None = None


class SubnetJson(Struct):
    Subnet: str | None = None


class IpamJson(Struct):
    Config: list[SubnetJson] | None = None


class NetworkJson(Struct):
    """One entry of GET /networks"""

    Id: str
    Name: str
    Driver: str | None = None
    Scope: str | None = None
    Internal: bool | None = None
    Ingress: bool | None = None
    Attachable: bool | None = None
    IPAM: IpamJson | None = None
    Options: dict[str, str | None] | None = None


class VolumeJson(Struct):
    Name: str
    Driver: str | None = None
    Options: dict[str, str | None] | None = None


class VolumesJson(Struct):
    """GET /volumes"""

    Volumes: list[VolumeJson] | None = None


class EncryptionJson(Struct):
    AutoLockManagers: Flag = UNSET


class CaJson(Struct):
    NodeCertExpiry: Number = UNSET


class SwarmSpecJson(Struct):
    EncryptionConfig: EncryptionJson | UnsetType | None = UNSET
    CAConfig: CaJson | UnsetType | None = UNSET


class SwarmJson(Struct):
    """GET /swarm"""

    ID: Text = UNSET
    CreatedAt: Text = UNSET
    Spec: SwarmSpecJson | UnsetType | None = UNSET
    RootRotationInProgress: Flag = UNSET


class NodeSpecJson(Struct):
    Role: str | None = None
    Availability: str | None = None


class NodeDescriptionJson(Struct):
    Hostname: str | None = None


class NodeStatusJson(Struct):
    State: str | None = None
    Addr: str | None = None


class ManagerStatusJson(Struct):
    Leader: bool | None = None
    Reachability: str | None = None


class NodeJson(Struct):
    """One entry of GET /nodes"""

    ID: str
    Spec: NodeSpecJson | None = None
    Description: NodeDescriptionJson | None = None
    Status: NodeStatusJson | None = None
    ManagerStatus: ManagerStatusJson | None = None


class SecretReferenceJson(Struct):
    SecretName: str | None = None


class ConfigReferenceJson(Struct):
    ConfigName: str | None = None


class ContainerSpecJson(Struct):
    Image: str | None = None
    Env: list[str] | None = None
    Secrets: list[SecretReferenceJson] | None = None
    Configs: list[ConfigReferenceJson] | None = None


class AttachmentJson(Struct):
    Target: str | None = None


class ServiceRestartJson(Struct):
    Condition: Text = UNSET
    MaxAttempts: Number = UNSET


class TaskTemplateJson(Struct):
    ContainerSpec: ContainerSpecJson | UnsetType | None = UNSET
    RestartPolicy: ServiceRestartJson | UnsetType | None = UNSET
    Networks: list[AttachmentJson] | None = None


class ServicePortJson(Struct):
    Protocol: str | None = None
    TargetPort: int | None = None
    PublishedPort: int | None = None
    PublishMode: str | None = None


class EndpointSpecJson(Struct):
    Ports: list[ServicePortJson] | UnsetType | None = UNSET


class ServiceSpecJson(Struct):
    Name: str | None = None
    TaskTemplate: TaskTemplateJson | UnsetType | None = UNSET
    EndpointSpec: EndpointSpecJson | None = None


class EndpointJson(Struct):
    Ports: list[ServicePortJson] | UnsetType | None = UNSET


class ServiceJson(Struct):
    """One entry of GET /services"""

    ID: str
    Spec: ServiceSpecJson | None = None
    Endpoint: EndpointJson | UnsetType | None = UNSET


class SecretSpecJson(Struct):
    Name: str | None = None


class SecretJson(Struct):
    """One entry of GET /secrets: never its content, which the engine does not give."""

    ID: str
    Spec: SecretSpecJson | None = None


class TopJson(Struct):
    """GET /containers/{id}/top"""

    Titles: list[str]
    Processes: list[list[str]] | None = None


class ErrorJson(Struct):
    """What the engine sends with a status other than 200."""

    message: Text = UNSET


class Malformed(Exception):
    """The engine answered something that is no JSON, or JSON of another shape altogether."""


# What is no UTF-8 is told apart from what is no JSON in some places only.
_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
_DECODERS: dict[Any, msgspec.json.Decoder[Any]] = {}


def decode(body: bytes, kind: Any) -> Any:
    """Decodes an answer into `kind`. A field of the wrong type counts as missing, so that one odd
    value does not cost the rest. Raises Malformed."""
    # No engine has a reason to send this character, and no database keeps it in a text.
    body = body.replace(b"\\u0000", b"\\ufffd")
    decoder = _DECODERS.get(kind)
    if decoder is None:
        decoder = _DECODERS[kind] = msgspec.json.Decoder(kind, strict=True)
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        pass
    except _UNREADABLE as error:
        raise Malformed(f"no valid JSON: {error}") from error
    try:
        return _lenient(msgspec.json.decode(body), kind)
    except _UNREADABLE as error:
        raise Malformed(f"no valid JSON: {error}") from error


def _lenient(raw: Any, kind: Any) -> Any:
    if getattr(kind, "__origin__", None) is list:
        if not isinstance(raw, list):
            raise Malformed("a list was expected")
        (inner,) = kind.__args__
        # An entry that nothing identifies spoils the list: without it, a host would look emptier
        # than it is.
        return [_lenient(item, inner) for item in raw]
    if not isinstance(raw, dict):
        raise Malformed("an object was expected")
    values = {}
    for field in msgspec.structs.fields(kind):
        if field.encode_name not in raw:
            if field.required:
                raise Malformed(f"{field.name} is missing")
            continue
        try:
            values[field.name] = msgspec.convert(raw[field.encode_name], field.type)
        except (msgspec.ValidationError, RecursionError) as error:
            inner = _struct_of(field.type)
            if inner is not None and isinstance(raw[field.encode_name], dict):
                values[field.name] = _lenient(raw[field.encode_name], inner)
            elif field.required:
                raise Malformed(f"{field.name}: {error}") from error
    return kind(**values)


def _struct_of(annotation: Any) -> type[Struct] | None:
    for option in getattr(annotation, "__args__", ()):
        if isinstance(option, type) and issubclass(option, Struct):
            return option
    return None
