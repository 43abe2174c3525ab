"""Custom rules as pages show them, and what one would say of what is stored."""

import time
from collections import Counter
from typing import NamedTuple

from django.db.models import QuerySet

from portal.core.errors import NotFound
from portal.fleet.models import Host
from portal.fleet.queries import hosts, stored_snapshots
from portal.policies.models import CustomRule, CustomRuleVersion
from portal.policies.queries.catalogue import in_force
from portal.policies.queries.policies import latest
from scanner import Result, Rule, Verdict, evaluate

MOST_SHOWN = 60
MOST_SUBJECTS = 5_000
MOST_SECONDS = 2.0
_WORST_FIRST = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.NOT_APPLICABLE, Verdict.PASS)


class Row(NamedTuple):
    """A rule in force, and in how many policies it is on, in shadow and off."""

    version: CustomRuleVersion
    on: int
    shadow: int
    off: int


def custom_rules() -> list[Row]:
    """Those that are not retired. Two queries."""
    policies = list(latest().values())
    found = []
    for version in in_force().select_related("rule", "author"):
        states = Counter(
            policy.rules.get(version.rule.slug, {}).get("state", "on") for policy in policies
        )
        found.append(Row(version, states["on"], states["shadow"], states["off"]))
    return found


def retired() -> QuerySet[CustomRule]:
    return CustomRule.objects.exclude(retired_at=None).order_by("-retired_at")


def custom_rule(slug: str) -> CustomRule:
    """Also one that was retired. Raises NotFound."""
    found = CustomRule.objects.filter(slug=slug).first()
    if found is None:
        raise NotFound("There is no custom rule of this name.")
    return found


def rule_versions(rule: CustomRule) -> QuerySet[CustomRuleVersion]:
    """The newest first."""
    found = CustomRuleVersion.objects.filter(rule=rule).select_related("author")
    return found.order_by("-number")


def states_of(slug: str) -> list[tuple[str, str, str]]:
    """Name and slug of each policy, and whether the rule is "on", "shadow" or "off" in it."""
    return [
        (found.policy.name, found.policy.slug, found.rules.get(slug, {}).get("state", "on"))
        for found in latest().values()
    ]


class Subject(NamedTuple):
    host: Host
    result: Result


class Trial(NamedTuple):
    """What a rule says of what is stored. `shown` are the first few, the worst first; `cut` says
    why not everything was looked at, or is empty."""

    hosts: int
    unread: int
    counts: dict[str, int]
    shown: list[Subject]
    cut: str

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def trial(rule: Rule, *, host: str = "", group: str = "", name: str = "") -> Trial:  # type: ignore[type-arg]
    """Judges what the last scans saw, of one host, of a group's or of all, without touching them.
    `name` narrows it to subjects whose name holds it. Bounded in subjects and seconds."""
    wanted = hosts()
    if host:
        wanted = wanted.filter(slug=host)
    if group.isdigit():
        wanted = wanted.filter(group=min(int(group), 2**31 - 1))
    began, read, unread, cut = time.monotonic(), 0, 0, ""
    found: dict[Verdict, list[Subject]] = {verdict: [] for verdict in _WORST_FIRST}
    counts: Counter[str] = Counter()
    for each, snapshot in stored_snapshots(wanted):
        if sum(counts.values()) >= MOST_SUBJECTS or time.monotonic() - began > MOST_SECONDS:
            cut = f"It was tried on the first {read} hosts. Choose a host or a group to see others."
            break
        if snapshot is None:
            unread += 1
            continue
        read += 1
        for result in evaluate(snapshot, rules=[rule]):
            if name.lower() in result.subject.name.lower():
                counts[result.verdict.value] += 1
                if len(found[result.verdict]) < MOST_SHOWN:
                    found[result.verdict].append(Subject(each, result))
    shown = [subject for verdict in _WORST_FIRST for subject in found[verdict]][:MOST_SHOWN]
    ordered = {v.value: counts[v.value] for v in _WORST_FIRST if counts[v.value]}
    return Trial(read, unread, ordered, shown, cut)
