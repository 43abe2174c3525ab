"""A fleet of Docker engines that exist only as answers: any number of hosts, from one process."""

from benchmarks.simulator.control import Simulator
from benchmarks.simulator.world import World

__all__ = ["Simulator", "World"]
