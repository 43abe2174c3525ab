"""The hosts and containers that are simulated, and what becomes of them step by step.

Everything follows from the seed: two worlds with the same numbers go the same way.
"""

import hashlib
import random
from dataclasses import dataclass, field, replace
from functools import cached_property

# What may be wrong with a container, and how often it is on a host of average care.
FAULTS = {
    "root": 0.20,
    "writable_root": 0.28,
    "no_memory_limit": 0.22,
    "no_pids_limit": 0.25,
    "no_processor_limit": 0.3,
    "all_capabilities": 0.22,
    "new_privileges": 0.2,
    "default_network": 0.08,
    "published_everywhere": 0.10,
    "no_health_check": 0.25,
    "restarts_for_ever": 0.18,
    "no_ulimits": 0.35,
    "latest": 0.12,
    "added_capability": 0.03,
    "docker_socket": 0.02,
    "host_network": 0.02,
    "host_processes": 0.01,
    "privileged": 0.012,
    "no_seccomp": 0.01,
}
# What an engine's settings may lack.
SETTINGS = {
    "no_live_restore": 0.5,
    "insecure_registry": 0.1,
    "debug": 0.08,
    "no_user_namespaces": 0.85,
    "userland_proxy": 0.7,
    "inter_container": 0.6,
}
SERVICES = (
    *("api", "web", "worker", "scheduler", "postgres", "redis", "nginx", "reports", "billing"),
    *("search", "mailer", "auth", "gateway", "catalogue", "orders", "metrics", "cache", "queue"),
)
PROJECTS = ("shop", "ledger", "portal", "intranet", "telemetry", "crm", "payments", "logistics")
ROLES = ("web", "app", "db", "batch", "edge", "data", "build", "tools")
ENVIRONMENTS = (("prod", 26), ("stage", 10), ("dev", 8))


@dataclass(frozen=True)
class SimulatedContainer:
    """`serial` is another whenever it is made anew; `release` is its image's tag."""

    name: str
    project: str
    service: str
    serial: int
    release: int
    faults: frozenset[str]
    running: bool = True
    since: int = 0

    @cached_property
    def id(self) -> str:
        said = f"{self.name} {self.project} {self.serial}"
        return hashlib.sha256(said.encode()).hexdigest()

    @property
    def repository(self) -> str:
        return f"registry.example/{self.project}/{self.service}"

    @property
    def image(self) -> str:
        tag = (
            "latest" if "latest" in self.faults else f"{1 + self.release // 10}.{self.release % 10}"
        )
        return f"{self.repository}:{tag}"


@dataclass
class SimulatedHost:
    """`care` below 1 means fewer faults than the average, above 1 more."""

    number: int
    name: str
    environment: str
    care: float
    lacks: frozenset[str]
    containers: list[SimulatedContainer] = field(default_factory=list)


class World:
    """`churn` is the share of all containers that something happens to in a step."""

    def __init__(
        self, seed: int = 7, *, hosts: int = 44, containers: int = 14, churn: float = 0.005
    ) -> None:
        self.seed, self.churn, self.steps = seed, churn, 0
        self._chances = random.Random(seed)
        self._serial = 0
        self.hosts = [self._host(number, hosts) for number in range(hosts)]
        for host in self.hosts:
            spread = self._chances.uniform(0.6, 1.4) if hosts < 500 else 1.0
            for _ in range(max(1, round(containers * spread))):
                host.containers.append(self._container(host))

    def step(self) -> int:
        """Something happens to a share of the containers. Returns to how many."""
        self.steps += 1
        total = sum(len(host.containers) for host in self.hosts)
        amount = max(1, round(total * self.churn))
        for _ in range(amount):
            host = self._chances.choice(self.hosts)
            self._happen(host)
        return amount

    def mend(self, fault: str, environment: str) -> int:
        """Somebody mends one fault on all hosts of an environment, of "" on all hosts. Returns of
        how many containers."""
        if fault not in FAULTS:
            raise ValueError(f"{fault} is none of {', '.join(FAULTS)}")
        mended = 0
        for host in self.hosts:
            if environment not in ("", host.environment):
                continue
            for place, old in enumerate(host.containers):
                if fault in old.faults:
                    self._serial += 1
                    host.containers[place] = replace(
                        old,
                        serial=self._serial,
                        since=self.steps,
                        faults=old.faults - {fault},
                    )
                    mended += 1
        return mended

    def _happen(self, host: SimulatedHost) -> None:
        if not host.containers:
            host.containers.append(self._container(host))
            return
        place = self._chances.randrange(len(host.containers))
        old = host.containers[place]
        kind = self._chances.choices(
            ("released", "mended", "worsened", "added", "removed", "recreated"),
            (30, 26, 14, 8, 8, 14),
        )[0]
        if kind == "added":
            host.containers.append(self._container(host))
        elif kind == "removed" and len(host.containers) > 1:
            del host.containers[place]
        else:
            host.containers[place] = self._anew(old, kind, host)

    def _anew(self, old: SimulatedContainer, kind: str, host: SimulatedHost) -> SimulatedContainer:
        self._serial += 1
        new = replace(old, serial=self._serial, since=self.steps)
        if kind == "released":
            return replace(new, release=old.release + 1)
        if kind == "mended" and old.faults:
            gone = self._chances.choice(sorted(old.faults))
            return replace(new, faults=old.faults - {gone})
        if kind == "worsened":
            names = list(FAULTS)
            weights = [FAULTS[name] * host.care for name in names]
            return replace(new, faults=old.faults | set(self._chances.choices(names, weights)))
        return new

    def _host(self, number: int, hosts: int) -> SimulatedHost:
        shares = [weight for _, weight in ENVIRONMENTS]
        turn = number * sum(shares) // hosts
        environment = next(
            name for place, (name, _) in enumerate(ENVIRONMENTS) if turn < sum(shares[: place + 1])
        )
        role = ROLES[number % len(ROLES)]
        care = self._chances.choice((0.2, 0.5, 0.8, 1.0, 1.3, 2.2)) * (
            1.5 if environment == "dev" else 1
        )
        lacks = frozenset(n for n, share in SETTINGS.items() if self._chances.random() < share)
        return SimulatedHost(
            number, f"{environment}-{role}-{number // len(ROLES) + 1}", environment, care, lacks
        )

    def _container(self, host: SimulatedHost) -> SimulatedContainer:
        self._serial += 1
        project = PROJECTS[(host.number + self._chances.randrange(2)) % len(PROJECTS)]
        service = self._chances.choice(SERVICES)
        taken = {each.name for each in host.containers}
        number = 1
        while (name := f"{project}-{service}-{number}") in taken:
            number += 1
        faults = frozenset(
            fault for fault, share in FAULTS.items() if self._chances.random() < share * host.care
        )
        running = self._chances.random() > 0.04
        return SimulatedContainer(
            name,
            project,
            service,
            self._serial,
            self._chances.randrange(8),
            faults,
            running,
            # Those of the beginning were there before it, for up to four months.
            self.steps or -(self._serial * 37 % 120),
        )
