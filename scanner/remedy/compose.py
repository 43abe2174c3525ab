"""A container as a Compose service."""

from typing import Any

from scanner.model import Container, Image
from scanner.remedy import settings, yaml


def compose(
    container: Container, image: Image | None = None, changed: frozenset[str] = frozenset()
) -> list[str]:
    """A Compose file with the one service, and only what differs from the defaults.

    A variable is named without its value, which Compose then takes from its own environment.
    """
    service: dict[str, Any] = {"image": container.image}
    for setting in settings.settings(container, image, changed):
        if setting.key:
            service[setting.key] = setting.value
    if entrypoint := settings.entrypoint(container, image):
        service["entrypoint"] = list(entrypoint)
    if command := settings.command(container, image):
        service["command"] = list(command)

    project = container.labels.get("com.docker.compose.project", "")
    service |= _network(container, project)
    name = container.labels.get("com.docker.compose.service") or container.name
    document: dict[str, Any] = {"services": {name: _escaped(service)}}
    if networks := service.get("networks"):
        document["networks"] = {network: _outside(network, project) for network in networks}
    volumes = [mount.volume for mount in container.mounts if settings.is_named_volume(mount)]
    if volumes:
        document["volumes"] = {volume: _outside(volume, project) for volume in sorted(volumes)}
    return yaml.text(document).split("\n")


def _network(container: Container, project: str) -> dict[str, Any]:
    mode = container.network_mode
    if mode in {"host", "none"} or mode.startswith("container:"):
        return {"network_mode": mode}
    if mode in {"default", "bridge"}:
        # Without this line Compose makes a network of its own.
        return {"network_mode": "bridge"}
    names = list(dict.fromkeys(name for name in (mode, *container.networks) if name))
    return {} if names in ([], [f"{project}_default"]) else {"networks": names}


def _outside(name: str, project: str) -> dict[str, Any]:
    """What Compose itself has made for the project is not external to it."""
    if project and name.startswith(f"{project}_"):
        return {"name": name}
    return {"external": True}


def _escaped(value: Any) -> Any:
    """A dollar sign is doubled: Compose would take it for a variable."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, dict):
        return {key: _escaped(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_escaped(inner) for inner in value]
    return value
