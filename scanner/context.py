"""What a rule may know beyond its own subject: the snapshot round it, with what joins and shares.

No I/O. Reading what was not collected raises Unread.
"""

from collections.abc import Iterator
from datetime import datetime

import msgspec
from msgspec import UNSET

from scanner import paths
from scanner.machine import Machine
from scanner.model import (
    Container,
    Image,
    Mount,
    Network,
    Port,
    Service,
    Snapshot,
    Swarm,
    Unread,
    Volume,
)

NEEDS_SSH = "needs SSH access to the host"


class Context:
    """What a rule may know beyond its own subject. Reading what was not collected raises Unread."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.host = snapshot.host
        self.containers = snapshot.containers
        self._images = snapshot.images
        self._networks = snapshot.networks
        self._volumes = snapshot.volumes
        self._swarm = snapshot.swarm
        self._machine = snapshot.machine
        self._taken_at = snapshot.taken_at
        self._reached = snapshot.reached
        self._by_id = {container.id: container for container in snapshot.containers}
        self._by_name = {container.name: container for container in snapshot.containers}
        self._images_by_id: dict[str, Image] | None = None
        self._mounted: dict[tuple[str, str], list[tuple[Container, Mount]]] | None = None
        self._sharers: dict[str, dict[str, list[Container]]] = {}

    @property
    def images(self) -> tuple[Image, ...]:
        if self._images is None:
            raise Unread("images", "the engine did not list its images")
        return self._images

    @property
    def networks(self) -> tuple[Network, ...]:
        if self._networks is None:
            raise Unread("networks", "the engine did not list its networks")
        return self._networks

    @property
    def volumes(self) -> tuple[Volume, ...]:
        if self._volumes is None:
            raise Unread("volumes", "the engine did not list its volumes")
        return self._volumes

    @property
    def swarm(self) -> Swarm:
        """Raises Unread also where the engine is no manager: ask `host.swarm_state` first."""
        if self._swarm is None:
            raise Unread("swarm", "only a manager of the swarm tells it")
        return self._swarm

    @property
    def machine(self) -> Machine:
        if self._machine is None:
            raise Unread("host files", NEEDS_SSH)
        return self._machine

    @property
    def taken_at(self) -> datetime:
        """When the snapshot was taken, with its time zone."""
        try:
            return datetime.fromisoformat(self._taken_at)
        except ValueError:
            raise Unread("time", "when the host was read is not known") from None

    @property
    def reached(self) -> str:
        """How the engine was reached: "unix", "tcp", "tls" or "ssh"."""
        if not self._reached:
            raise Unread("address", "how the engine was reached is not known")
        return self._reached

    @property
    def used_images(self) -> frozenset[str]:
        """Ids of the images that containers were made from; those of containers that could not be
        read are missing."""
        return frozenset(filter(None, (container.known_image_id for container in self.containers)))

    @property
    def known_used_images(self) -> frozenset[str]:
        """As `used_images`, but raises Unread where some may be missing."""
        return frozenset(filter(None, (container.image_id for container in self.containers)))

    @property
    def judged_images(self) -> list[Image]:
        """What has a name or runs. The rest waits to be pruned, and is only counted."""
        used = self.used_images
        return [image for image in self._images or () if image.named or image.id in used]

    def image(self, image_id: str) -> Image:
        """The image by id. Raises Unread where it is gone or was only listed, not inspected."""
        if self._images_by_id is None:
            self._images_by_id = {image.id: image for image in self.images}
        found = self._images_by_id.get(image_id)
        if found is None or not found.inspected:
            raise Unread("image", f"the image {image_id[:19]} could not be read")
        return found

    def joined(self, mode: str) -> Container | None:
        """The container that a `container:<id or name>` mode names; None for any other mode.

        Raises Unread where that container is not on the host (any more).
        """
        if not mode.startswith("container:"):
            return None
        reference = mode.removeprefix("container:")
        found = self._by_id.get(reference) or self._by_name.get(reference.lstrip("/"))
        if found is None and len(reference) >= 12:
            found = next((c for c in self.containers if c.id.startswith(reference)), None)
        if found is None:
            raise Unread(mode, "the container that it joins was not found")
        return found

    def namespace_owner(self, container: Container, field: str) -> tuple[Container, str]:
        """Follows `container:` modes to the container that really owns the namespace.

        `field` is "network_mode", "pid_mode" or "ipc_mode". Returns the owner and its mode.
        """
        seen = {container.id}
        mode: str = getattr(container, field)
        while (target := self.joined(mode)) is not None:
            if target.id in seen:
                raise Unread(Container.FACTS[field], "the containers join each other in a circle")
            seen.add(target.id)
            container, mode = target, getattr(target, field)
        return container, mode

    def namespace_sharers(self, owner: Container, field: str) -> list[Container]:
        """The containers that joined this one's namespace, over others too."""
        if field not in self._sharers:
            sharers = self._sharers[field] = {}
            for container in self.containers:
                try:
                    found, _ = self.namespace_owner(container, field)
                except Unread:
                    continue  # its own rules say unknown; whom it joins cannot be told
                if found.id != container.id:
                    sharers.setdefault(found.id, []).append(container)
        return self._sharers[field].get(owner.id, [])

    def network_members(self, container: Container) -> list[Container]:
        """All that share the container's network namespace, the owner first."""
        owner, _ = self.namespace_owner(container, "network_mode")
        return [owner, *self.namespace_sharers(owner, "network_mode")]

    def published_ports(self, container: Container) -> Iterator[tuple[str, Port]]:
        """The ports of the container's network namespace, each with the fact that tells it.

        Every interface of IPv4 and every interface of IPv6 are one. Raises Unread on the host's
        network; of a task in the swarm's routing mesh, after the ports of its own, where the
        engine is no manager: only those tell what a service publishes.
        """
        owner, mode = self.namespace_owner(container, "network_mode")
        if mode == "host":
            reason = "on the host's network every port that a program opens is the host's"
            raise Unread(Container.FACTS["ports"], reason)
        if mode == "none":
            return
        fact = Container.FACTS["ports"] if owner.running else "HostConfig.PortBindings"
        if owner.id != container.id:
            fact += f" of {owner.name}"
        ports = [port if port.host_ip else self._bound(owner, port) for port in owner.ports]
        v4 = {(p.inside, p.wanted) for p in ports if p.everywhere and ":" not in p.host_ip}
        units: dict[str, Port] = {}
        for port in ports:
            twin = port.everywhere and ":" in port.host_ip and (port.inside, port.wanted) in v4
            if not twin:
                units.setdefault(str(port), port)
        for port in units.values():
            yield fact, port
        if "com.docker.swarm.service.name" in owner.labels:
            meshes = {network.name for network in self.networks if network.ingress}
            if not meshes.isdisjoint(owner.networks):
                service = self.service(owner)
                for port in service.ports:
                    yield f"service {service.name}: Endpoint.Ports", port

    def service(self, task: Container) -> Service:
        """The swarm's service that a container is a task of. Raises Unread where no manager was
        asked, or it knows no such service (any more)."""
        name = task.labels.get("com.docker.swarm.service.name", "")
        service_id = task.labels.get("com.docker.swarm.service.id", "")
        if self._swarm is None:
            raise Unread("services", f"only a manager of the swarm tells of the service {name}")
        for service in self._swarm.services:
            if service.id == service_id or (not service_id and service.name == name):
                return service
        raise Unread("services", f"the swarm has no service {name}")

    def _bound(self, owner: Container, port: Port) -> Port:
        """With the address that the network gives a port which names none."""
        names = {"bridge"} if owner.network_mode in {"", "default"} else {owner.network_mode}
        names.update(owner.networks)
        option = "com.docker.network.bridge.host_binding_ipv4"
        given = {
            network.options.get(option, "")
            for network in self._networks or ()
            if network.name in names and network.driver == "bridge"
        }
        return msgspec.structs.replace(port, host_ip=given.pop()) if len(given) == 1 else port

    def mounted_elsewhere(
        self, container: Container, mount: Mount
    ) -> list[tuple[Container, Mount]]:
        """Mounts of the same data in containers of other workloads: of the same volume, of the
        same host path, or of one below or above it. Who mounts / has everything and is left out."""
        if self._mounted is None:
            self._mounted = {}
            for other in self.containers:
                if "mounts" in other.unread or object.__getattribute__(other, "mounts") is UNSET:
                    continue  # its own rules say unknown; it cannot be compared with
                for its_mount in other.mounts:
                    for key in _keys(its_mount):
                        self._mounted.setdefault(key, []).append((other, its_mount))
        at, *higher = _keys(mount) or [("", "")]
        found = list(self._mounted.get(at, ()))
        # Under the key of a directory stands what is mounted from below it, too.
        for key in higher:
            found += [(c, m) for c, m in self._mounted.get(key, ()) if m.host_path == key[1]]
        return [(c, m) for c, m in found if c.workload != container.workload]


def _keys(mount: Mount) -> list[tuple[str, str]]:
    """What two mounts must share to share data, the mount's own first; none for a tmpfs."""
    if mount.host_path is None:
        return [("volume", mount.volume)] if mount.volume else []
    higher = [path for path in paths.above(mount.host_path) if path != "/"]
    return [("path", path) for path in (mount.host_path, *higher)]
