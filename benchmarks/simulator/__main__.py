"""`python -m benchmarks.simulator`: serves a simulated fleet until it is stopped."""

import argparse
import asyncio
from contextlib import suppress
from datetime import date
from pathlib import Path

from benchmarks.simulator.answers import BEGAN
from benchmarks.simulator.control import obey
from benchmarks.simulator.server import PORT, Fleet
from benchmarks.simulator.world import World


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.simulator", description=__doc__)
    arguments.add_argument("--seed", type=int, default=7)
    arguments.add_argument("--hosts", type=int, default=44)
    arguments.add_argument("--containers", type=int, default=14, help="of each host, about")
    arguments.add_argument("--churn", type=float, default=0.005, help="share changed in a step")
    arguments.add_argument("--steps", type=int, default=0, help="how far the world has gone")
    arguments.add_argument("--began", type=date.fromisoformat, default=BEGAN, help="day of step 0")
    arguments.add_argument("--directory", type=Path, help="for unix sockets; without it, TCP")
    arguments.add_argument("--port", type=int, default=PORT)
    arguments.add_argument("--control", type=Path, required=True, help="socket for commands")
    given = arguments.parse_args()
    world = World(given.seed, hosts=given.hosts, containers=given.containers, churn=given.churn)
    for _ in range(given.steps):
        world.step()
    fleet = Fleet(world, began=given.began, directory=given.directory, port=given.port)
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(fleet, given.control))


async def _serve(fleet: Fleet, control: Path) -> None:
    await fleet.start()
    await obey(fleet, control)


if __name__ == "__main__":
    main()
