"""The recorded manager of a swarm, and nodes that are none."""

from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from scanner.model import Host, Swarm
from tests.recorded import host, swarm

MANAGER = host(info="_swarm_info")
WORKER = replace(MANAGER, swarm_manager=False, swarm_managers=0, swarm_nodes=0)


def told(*lacking: str, **facts: Any) -> Swarm:
    """What the recorded manager tells, with other facts, or without some."""
    return replace(swarm(), **facts | dict.fromkeys(lacking, UNSET))


def in_state(state: str) -> Host:
    return replace(WORKER, swarm_state=state)
