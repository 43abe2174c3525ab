"""What the rules about a swarm have in common: on which engines they have a meaning."""

from scanner.model import Host
from scanner.rule import NotApplicable


def leave_out_others(host: Host) -> None:
    """Raises NotApplicable for an engine that is in no swarm."""
    if host.engine == "podman":
        raise NotApplicable("Podman has no swarm mode")
    if host.swarm_state == "inactive":
        raise NotApplicable("the engine is not in a swarm")


def leave_out_workers(host: Host, why: str) -> None:
    """Raises NotApplicable with the reason `why` for a node that is no manager."""
    if host.swarm_state == "active" and not host.swarm_manager:
        raise NotApplicable(why)
