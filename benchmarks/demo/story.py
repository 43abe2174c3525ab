"""What happens in the demo: which hosts come when, who owns them, and what goes wrong and right.

Days are counted from the first one of the past, which is day 0.
"""

from typing import Any, NamedTuple

from benchmarks.simulator import Simulator

SEED, HOSTS, CONTAINERS, CHURN = 7, 44, 14, 0.015
DAYS = 100

ENVIRONMENTS = {"prod": "production", "stage": "staging", "dev": "development"}
OWNERS = {
    "web": "Storefront",
    "edge": "Storefront",
    "app": "Payments",
    "batch": "Payments",
    "db": "Data",
    "data": "Data",
    "build": "Platform",
    "tools": "Platform",
}
_FIRST_HOSTS = 30
_EVERY = 5  # days between two new hosts


class Outage(NamedTuple):
    host: int
    first: int
    last: int


class Campaign(NamedTuple):
    """Somebody mends one fault on all hosts of an environment, "" means all of them."""

    day: int
    fault: str
    environment: str


class PolicyEdit(NamedTuple):
    """`rules` replaces what the policy named so sets; one that does not exist is made."""

    day: int
    policy: str
    environment: str
    rules: dict[str, Any]
    comment: str


OUTAGES = (
    Outage(3, 12, 14),
    Outage(17, 33, 39),
    Outage(28, 52, 52),
    Outage(9, 71, 73),
    *(Outage(host, 81, 81) for host in range(20, 26)),
    Outage(26, DAYS - 3, DAYS - 1),
)
CAMPAIGNS = (
    Campaign(18, "new_privileges", "prod"),
    Campaign(27, "writable_root", "dev"),
    Campaign(34, "all_capabilities", "prod"),
    Campaign(41, "no_memory_limit", "prod"),
    Campaign(48, "no_health_check", "stage"),
    Campaign(55, "root", "prod"),
    Campaign(61, "root", "stage"),
    Campaign(67, "privileged", ""),
    Campaign(79, "docker_socket", "prod"),
    Campaign(86, "no_pids_limit", "prod"),
    Campaign(93, "published_everywhere", "prod"),
)
_NEEDS_THE_MACHINE = (
    *("audit-rules", "certificate-permissions", "configuration-in-force", "separate-partition"),
    *("configuration-permissions", "default-cgroup-parent", "docker-group-members", "iptables"),
    *("kernel-hardening", "log-level", "service-unit-permissions", "socket-permissions"),
    "userland-proxy",
)
_BASELINE = dict.fromkeys(_NEEDS_THE_MACHINE, "off")
_PRODUCTION = {**_BASELINE, "mutable-image-tag": {"severity": "high"}}
POLICY_EDITS = (
    PolicyEdit(
        *(8, "Baseline", "", _BASELINE),
        "These need commands on the machine, which we allow on no host yet.",
    ),
    PolicyEdit(
        *(36, "Production", "prod", _PRODUCTION),
        "What runs in production is named by a version that stays.",
    ),
    PolicyEdit(
        *(
            74,
            "Production",
            "prod",
            {**_PRODUCTION, "ulimits": "off"},
        ),
        "The default limits of the engine are enough.",
    ),
)


def arrives(host: int) -> int:
    """The day on which a host is registered."""
    return 0 if host < _FIRST_HOSTS else min(DAYS - 8, _EVERY * (host - _FIRST_HOSTS + 1))


def owner(host: dict[str, str]) -> str:
    return OWNERS[host["name"].split("-")[1]]


def move_on(fleet: Simulator, day: int) -> None:
    """The simulated world on the morning of a day, after all days before it."""
    if day:
        fleet.step()
    for campaign in CAMPAIGNS:
        if campaign.day == day:
            fleet.mend(campaign.fault, campaign.environment)
    for outage in OUTAGES:
        if outage.first == day:
            fleet.behave([outage.host], "refused")
        if outage.last + 1 == day:
            fleet.behave([outage.host], "")
