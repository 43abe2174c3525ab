"""What is known of a host's engine: its checks, its facts and who uses them, its daemon's settings,
its swarm, and what is unknown and why."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from portal.compliance.models import Result
from portal.core import display
from portal.fleet import queries as fleet
from portal.fleet.models import Host
from portal.policies.queries import catalogue
from scanner import Rule, Snapshot
from scanner.machine.options import OPTIONS
from scanner.model import Host as Engine
from scanner.model import Swarm, Unread

_NEEDS_SSH = "They stand in its command line and its file, and reading those needs SSH access."
_WORST = ("fail", "unknown", "pass", "not_applicable")
_OBJECTS_SHOWN = 3
_TLS = {True: "with", False: "without"}


class Check(NamedTuple):
    """A rule about the host itself, with the worst of its verdicts. `said` are the facts that
    decided, or why it could not be judged; `more` is how many others there are."""

    rule: str
    title: str
    verdict: str
    severity: int
    said: list[str]
    more: int


class Use(NamedTuple):
    """A rule that reads a fact; `verdict` is this host's, None where it judges something else."""

    rule: str
    verdict: str | None


class Fact(NamedTuple):
    """Something that the engine or its machine told; `value` "" where it did not, with the
    reason."""

    label: str
    name: str
    value: str
    reason: str = ""
    uses: tuple[Use, ...] = ()


class Unknown(NamedTuple):
    """A reason for which checks are unknown."""

    reason: str
    checks: list[Check]


class About(NamedTuple):
    """`verdicts` counts the checks, which stand in `failed`, `unknown` and `rest`.
    `settings_reason` says why there are no settings."""

    verdicts: list[tuple[str, int]]
    failed: list[Check]
    unknown: list[Unknown]
    rest: list[Check]
    facts: list[Fact]
    settings: list[Fact]
    settings_reason: str
    swarm: list[Fact]

    @property
    def checks(self) -> int:
        return sum(count for _, count in self.verdicts)


def engine(host: Host) -> About:
    """Two queries beside those of the catalogue."""
    checks = _checks(host)
    verdicts = {check.rule: check.verdict for check in checks}
    uses = _Uses(catalogue(), verdicts)
    seen = fleet.surroundings(host)
    settings, reason = _settings(seen, uses)
    counts = Counter(verdicts.values())
    return About(
        [(verdict, counts[verdict]) for verdict in _WORST if verdict in counts],
        [check for check in checks if check.verdict == "fail"],
        _unknown(checks),
        [check for check in checks if check.verdict in ("pass", "not_applicable")],
        _facts(host, uses),
        settings,
        reason,
        _swarm(seen, uses),
    )


def _unknown(checks: Iterable[Check]) -> list[Unknown]:
    """The reason that leaves most of them unknown first."""
    reasons: dict[str, list[Check]] = {}
    for check in checks:
        if check.verdict == "unknown":
            reasons.setdefault(check.said[0] if check.said else "", []).append(check)
    found = [Unknown(reason, theirs) for reason, theirs in reasons.items()]
    return sorted(found, key=lambda unknown: -len(unknown.checks))


def _checks(host: Host) -> list[Check]:
    """What fails first, the worst of it at the top; then what is unknown."""
    found: dict[str, list[Result]] = {}
    for result in Result.objects.filter(host=host, subject_kind="host", gone_at=None):
        found.setdefault(result.rule, []).append(result)
    checks = [_check(slug, results) for slug, results in found.items()]
    return sorted(checks, key=lambda c: (_WORST.index(c.verdict), -c.severity, c.rule))


def _check(slug: str, results: list[Result]) -> Check:
    verdict = min((result.verdict for result in results), key=_WORST.index)
    deciding = [result for result in results if result.verdict == verdict]
    said = list(dict.fromkeys(filter(None, map(_said, deciding))))
    rule = catalogue().get(slug)
    return Check(
        slug,
        rule.title if rule else slug,
        verdict,
        max(result.severity for result in deciding),
        said[:_OBJECTS_SHOWN],
        len(said) - _OBJECTS_SHOWN,
    )


def _said(result: Result) -> str:
    if result.reason:
        return result.reason
    return "; ".join(f"{row['fact']}: {display.fact(row['found'])}" for row in result.evidence)


class _Uses:
    """Who reads a fact, by the name that rules give it."""

    def __init__(self, rules: Mapping[str, Rule[Any, Any]], verdicts: Mapping[str, str]) -> None:
        self._readers: dict[str, list[str]] = {}
        for slug, rule in rules.items():
            for name in rule.reads:
                self._readers.setdefault(name, []).append(slug)
        self._verdicts = verdicts

    def of(self, fact: str) -> tuple[Use, ...]:
        """Of the fact itself and of what is within it."""
        slugs = {
            slug
            for name, readers in self._readers.items()
            if name == fact or name.startswith(f"{fact}.")
            for slug in readers
        }
        return tuple(Use(slug, self._verdicts.get(slug)) for slug in sorted(slugs))


LABELS = {
    "version": "Engine",
    "api_version": "API version",
    "operating_system": "Operating system",
    "kernel": "Kernel",
    "architecture": "Architecture",
    "cpus": "CPUs",
    "memory": "Memory",
    "security_options": "Security options",
    "storage_driver": "Storage driver",
    "data_root": "Data directory",
    "cgroup_version": "Control groups",
    "cgroup_driver": "Control group driver",
    "logging_driver": "Log driver",
    "live_restore": "Live restore",
    "debug": "Debug log",
    "experimental": "Experimental features",
    "authorization_plugins": "Authorization plugins",
    "registries": "Registries",
    "insecure_ranges": "Registries without TLS",
    "firewall": "Firewall",
    "swarm_state": "Swarm",
    "warnings": "The engine warns",
    "id": "Engine ID",
}


def _facts(host: Host, uses: _Uses) -> list[Fact]:
    """What the engine told of itself at the last scan; none where it was never read."""
    if not host.engine:
        return []
    reasons = host.engine.get("unread", {})
    found = []
    for name, label in LABELS.items():
        fact = Engine.FACTS.get(name, name)
        if name in host.engine and name not in reasons:
            found.append(Fact(label, fact, _words(name, host.engine), "", uses.of(fact)))
        else:
            reason = reasons.get(name, "the engine's answer lacks it")
            found.append(Fact(label, fact, "", reason, uses.of(fact)))
    return found


def _words(name: str, engine: Mapping[str, Any]) -> str:
    value = engine[name]
    if name == "version":
        return f"{engine.get('engine', 'docker').title()} {value}"
    if name == "memory":
        return display.iec_bytes(value)
    if name == "registries":
        return _list(f"{each} {_TLS[secure]} TLS" for each, secure in value.items())
    return plain(value)


def plain(value: Any) -> str:
    """A value of the engine's in words."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, Mapping):
        return _list(f"{name} {each}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return _list(map(str, value))
    return str(value)


def _list(values: Iterable[str]) -> str:
    return " · ".join(values) or "none"


def _settings(seen: Snapshot | None, uses: _Uses) -> tuple[list[Fact], str]:
    """What is set, or read by a rule; or why nothing is known."""
    if seen is None or seen.machine is None:
        return [], _NEEDS_SSH
    try:
        daemon = seen.machine.daemon
    except Unread as unread:
        return [], f"They could not be read: {unread.reason}."
    found = []
    for name in OPTIONS:
        used = uses.of(f"dockerd: {name}")
        try:
            option = daemon.option(name)
        except Unread as unread:
            if used:
                found.append(Fact(name, unread.fact, "", unread.reason, used))
            continue
        if used or option.source != "default":
            value = plain(option.value) or "the engine's own"
            where = "the default" if option.source == "default" else option.fact
            found.append(Fact(name, where, value, "", used))
    return found, ""


def _swarm(seen: Snapshot | None, uses: _Uses) -> list[Fact]:
    """What a manager told of its swarm; nothing of an engine that is none."""
    if seen is None or seen.swarm is None:
        return []
    swarm = seen.swarm
    told: dict[str, tuple[str, Callable[[], str]]] = {
        "nodes": ("Nodes", lambda: _nodes(swarm)),
        "services": ("Services", lambda: _list(service.name for service in swarm.services)),
        "secrets": ("Secrets", lambda: display.integer(len(swarm.secrets))),
        "autolock": ("Managers are locked", lambda: "yes" if swarm.autolock else "no"),
        "certificate_lifetime": (
            "Certificates of nodes",
            lambda: f"valid for {display.duration(swarm.certificate_lifetime)}",
        ),
    }
    found = []
    for name, (label, words) in told.items():
        fact = Swarm.FACTS[name]
        try:
            found.append(Fact(label, fact, words(), "", uses.of(fact)))
        except Unread as unread:
            found.append(Fact(label, fact, "", unread.reason, uses.of(fact)))
    return found


def _nodes(swarm: Swarm) -> str:
    managers = sum(node.role == "manager" for node in swarm.nodes)
    return f"{display.counted(len(swarm.nodes), 'node')}, {display.counted(managers, 'manager')}"
