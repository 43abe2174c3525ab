"""What the pages of the rules show."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Count, Max, Q, QuerySet, Sum

from portal.compliance.models import Result, State, Tally, Verdict
from portal.compliance.queries.findings import Line, Lines, line, results
from portal.compliance.queries.fixes import Remedy, image, remedy
from portal.compliance.queries.in_force import (
    OFF,
    InForce,
    Parameter,
    Settings,
    parameters,
    summary,
)
from portal.core.errors import NotFound
from portal.fleet.models import Container
from portal.fleet.queries import Scope
from portal.policies.queries import FAMILIES, catalogue
from scanner import Rule

SEVERITIES = ("critical", "high", "medium", "low")
SUBJECTS = {
    "container": "Containers",
    "image": "Images",
    "network": "Networks",
    "host": "The engine and its host",
}
# Counted as the lists count that they lead to: what was seen last, however long ago. The score
# counts otherwise, for it gives grace and takes it away.
_COUNTS = {
    Verdict.PASS: "passed",
    Verdict.FAIL: "failed",
    Verdict.UNKNOWN: "unknown",
    Verdict.NOT_APPLICABLE: "not_applicable",
}
MOST_CHOICES = 200


class Standing(NamedTuple):
    """A rule and how the results of the scope stand by it."""

    rule: Rule[Any, Any]
    policies: list[InForce]
    passed: int = 0
    failed: int = 0
    excepted: int = 0
    unknown: int = 0
    not_applicable: int = 0

    @property
    def checked(self) -> int:
        """All but what the rule has no meaning for."""
        return self.passed + self.failed + self.excepted + self.unknown

    @property
    def seen(self) -> bool:
        return bool(self.checked or self.not_applicable)

    @property
    def references(self) -> list[str]:
        return references(self.rule)

    @property
    def states(self) -> frozenset[str]:
        return frozenset(found.state for found in self.policies)

    @property
    def summary(self) -> str:
        """What policies do with it, in words; "" where all leave it as it is."""
        return summary(self.policies)


def references(rule: Rule[Any, Any]) -> list[str]:
    report = [f"Report {rule.report}"] if rule.report else []
    return report + [f"CIS {', '.join(rule.cis)}"] * bool(rule.cis)


class Family(NamedTuple):
    name: str
    label: str
    rules: list[Standing]


class Wanted(NamedTuple):
    """Which rules the list shows; empty values leave none out."""

    families: frozenset[str] = frozenset()
    severities: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()
    states: frozenset[str] = frozenset()
    failing: bool = False
    ssh: bool = False
    text: str = ""

    def has(self, standing: Standing, *besides: str) -> bool:
        rule = standing.rule
        text = self.text.lower()
        said = f"{rule.slug} {rule.title} {rule.why} {' '.join(references(rule))}".lower()
        asked = {
            "families": not self.families or rule.family.value in self.families,
            "severities": not self.severities or rule.severity.value in self.severities,
            "subjects": not self.subjects or rule.subject_kind in self.subjects,
            "states": not self.states or not self.states.isdisjoint(standing.states),
            "ssh": not self.ssh or rule.needs_ssh,
            "failing": not self.failing or standing.failed > 0,
            "text": all(word in said for word in text.split()),
        }
        return all(fits for name, fits in asked.items() if name not in besides)


def standings(scope: Scope) -> list[Standing]:
    """Every rule, in the order of the catalogue. Two queries."""
    rows = Tally.objects.filter(scope.condition("host__")).exclude(verdict="").order_by()
    sums: dict[str, dict[str, int]] = {}
    for rule, verdict, amount in rows.values_list("rule", "verdict").annotate(Sum("amount")):
        sums.setdefault(rule, {})[_COUNTS[verdict]] = amount
    settings = Settings()
    return [_standing(rule, sums.get(rule.slug, {}), settings) for rule in catalogue().values()]


def _standing(rule: Rule[Any, Any], counts: dict[str, int], settings: Settings) -> Standing:
    return Standing(rule, settings.of(rule.slug), **counts)


def families(found: Iterable[Standing]) -> list[Family]:
    """Grouped as the catalogue is; families without a rule are left out."""
    rows = list(found)
    grouped = [
        Family(name, label, [row for row in rows if row.rule.family.value == name])
        for name, label in FAMILIES.items()
    ]
    return [family for family in grouped if family.rules]


class Choice(NamedTuple):
    """A container, or a result about an image, that the advice can be filled in for."""

    id: int
    label: str
    chosen: bool


class Filled(NamedTuple):
    """What the advice is filled in for; without choices, it is an example."""

    choices: list[Choice]
    remedy: Remedy | None
    subject: str = ""
    host: str = ""


class Detail(NamedTuple):
    standing: Standing
    parameters: list[Parameter]
    failing: Lines
    failing_hosts: int
    choices: list[Choice]
    remedy: Remedy | None
    subject: str
    host: str
    last_read: datetime | None

    @property
    def rule(self) -> Rule[Any, Any]:
        return self.standing.rule

    @property
    def off(self) -> bool:
        """No policy has it on, and none in shadow."""
        return self.standing.states == {OFF}


def named(slug: str) -> Rule[Any, Any]:
    """Raises NotFound."""
    found = catalogue().get(slug)
    if found is None:
        raise NotFound("There is no rule of this name.")
    return found


def rule(slug: str, scope: Scope, wanted: str) -> Detail:
    """Four queries, and one more about images. `wanted` is the id of what to fill the advice in
    for, as in `Choice`; without one that fails, it is the first that does. Raises NotFound."""
    found = named(slug)
    tally = Tally.objects.filter(scope.condition("host__"), rule=slug)
    is_open = Q(state=State.OPEN)
    sums = tally.aggregate(
        total=Sum("amount", filter=is_open),
        hosts=Count("host", distinct=True, filter=is_open),
        last_read=Max("host__last_success_at"),
        **{name: Sum("amount", filter=Q(verdict=verdict)) for verdict, name in _COUNTS.items()},
    )
    counts = {name: sums[name] or 0 for name in _COUNTS.values()}
    failing = _failing(slug, scope)
    fill = _filled_for_an_image if found.subject_kind == "image" else _filled
    filled = fill(slug, failing, wanted)
    standing = _standing(found, counts, Settings())
    return Detail(
        standing=standing,
        parameters=parameters(found, standing.policies),
        failing=Lines(failing, sums["total"] or 0),
        failing_hosts=sums["hosts"],
        choices=filled.choices,
        remedy=filled.remedy,
        subject=filled.subject,
        host=filled.host,
        last_read=sums["last_read"],
    )


def failing(slug: str, scope: Scope) -> Iterator[Line]:
    """Every open finding of the rule in the scope, from a cursor. Raises NotFound."""
    named(slug)
    return map(line, _failing(slug, scope).iterator(1000))


def _failing(slug: str, scope: Scope) -> "QuerySet[Result]":
    found = results().filter(scope.condition("host__"), rule=slug, open=True)
    return found.order_by("-severity", "failed_since", "id")


def _filled(slug: str, failing: Any, wanted: str) -> Filled:
    rows = failing.exclude(container=None).values_list(
        "container_id", "container__name", "host__name"
    )[:MOST_CHOICES]
    names = {number: f"{container} on {host}" for number, container, host in rows}
    choices, chosen = _choices(names, wanted)
    found = Container.objects.filter(id=chosen).select_related("config", "host").first()
    if found is None:
        return Filled(choices, remedy(slug, None))
    return Filled(choices, remedy(slug, found), found.name, found.host.name)


def _filled_for_an_image(slug: str, failing: Any, wanted: str) -> Filled:
    rows = failing.filter(subject_kind="image").values_list("id", "subject", "host__name")
    first: dict[str, int] = {}  # an image that fails more than once stands there once
    for number, subject, host in rows[:MOST_CHOICES]:
        first.setdefault(f"{subject} on {host}", number)
    choices, chosen = _choices({number: label for label, number in first.items()}, wanted)
    found = Result.objects.filter(id=chosen).select_related("host__surroundings").first()
    if found is None:
        return Filled(choices, remedy(slug, None))
    seen = image(found.host, found.subject)
    return Filled(choices, remedy(slug, None, seen), found.subject, found.host.name)


def _choices(names: dict[int, str], wanted: str) -> tuple[list[Choice], int]:
    """With the id of the one that is chosen, 0 where there is none."""
    chosen = next((number for number in names if str(number) == wanted), next(iter(names), 0))
    return [Choice(number, label, number == chosen) for number, label in names.items()], chosen
