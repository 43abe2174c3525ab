"""What rules in shadow say: shown to administrators and never counted anywhere else."""

from collections.abc import Collection
from typing import Any, NamedTuple

from django.db.models import Count, QuerySet

from portal.compliance.models import ShadowResult, Verdict
from portal.compliance.queries.findings import in_a_line, title
from portal.core import display
from portal.fleet.queries import EVERYTHING, Scope

MOST = 200


class Counts(NamedTuple):
    """Units of one rule in shadow, on `hosts` hosts."""

    rule: str
    title: str
    failed: int
    passed: int
    unknown: int
    hosts: int

    @property
    def checked(self) -> int:
        return self.failed + self.passed + self.unknown


class Line(NamedTuple):
    severity: int
    kind: str
    subject: str
    sub_object: str
    host: str
    host_slug: str
    verdict: str
    evidence: str

    @property
    def severity_name(self) -> str:
        return display.SEVERITY_RANKS[self.severity]


def _rows(scope: Scope, groups: Collection[int] | None) -> "QuerySet[ShadowResult]":
    rows = ShadowResult.objects.filter(scope.condition("host__"))
    return rows if groups is None else rows.filter(host__group__in=groups)


def counts(
    rules: Collection[str], *, scope: Scope = EVERYTHING, groups: Collection[int] | None = None
) -> list[Counts]:
    """Of each of the rules, also of one that has said nothing yet. Two queries at most."""
    if not rules:
        return []
    rows = _rows(scope, groups).filter(rule__in=rules)
    verdicts = rows.order_by().values_list("rule", "verdict").annotate(Count("id"))
    hosts = dict(rows.order_by().values_list("rule").annotate(Count("host", distinct=True)))
    amounts: dict[tuple[str, str], int] = {(rule, said): count for rule, said, count in verdicts}
    return [
        Counts(
            rule,
            title(rule),
            failed=amounts.get((rule, Verdict.FAIL), 0),
            passed=amounts.get((rule, Verdict.PASS), 0),
            unknown=amounts.get((rule, Verdict.UNKNOWN), 0),
            hosts=hosts.get(rule, 0),
        )
        for rule in sorted(rules)
    ]


def failing(rule: str, *, scope: Scope = EVERYTHING) -> list[Line]:
    """The first that would fail, the most severe first. One query."""
    rows = _rows(scope, None).filter(rule=rule, verdict=Verdict.FAIL).select_related("host")
    found: list[Any] = list(rows.order_by("-severity", "id")[:MOST])
    return [
        Line(
            row.severity,
            row.subject_kind,
            row.subject,
            row.sub_object,
            row.host.name,
            row.host.slug,
            row.verdict,
            in_a_line(row.evidence, row.reason),
        )
        for row in found
    ]
