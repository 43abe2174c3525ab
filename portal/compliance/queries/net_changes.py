"""What is different between two moments: the net change of each finding, found from the
transitions between them.

The first transition in the time says how a finding was before it, the last one how it is after it.
What ends as it began is no change. All is counted and cut into pages by the database, so that a
page costs the same after fifty changes and after fifty thousand.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, overload

from django.db import connection

from portal.compliance.models import Cause, Change
from portal.compliance.queries import causes
from portal.core import display

WORSE, BETTER, NEW, GONE, RULES, UNCLEAR = "worse", "better", "new", "gone", "rules", "unclear"
KINDS = {
    WORSE: "Worse",
    BETTER: "Better",
    NEW: "New things",
    GONE: "Gone",
    RULES: "Rule or policy changes",
    UNCLEAR: "Not comparable",
}
FROM_THE_OTHER_END = {WORSE: BETTER, BETTER: WORSE, NEW: GONE, GONE: NEW}
FACTS_SHOWN = 2
_ENDED = (Change.VANISHED, Change.UNJUDGED, Change.UNREADABLE)


class Window(NamedTuple):
    """What is compared: transitions after `start`, up to and with `end`. None filters nothing.

    `fresh` are hosts that were registered within the time: all on them is new.
    """

    start: datetime
    end: datetime
    hosts: tuple[int, ...] | None = None
    fresh: tuple[int, ...] = ()
    severities: tuple[int, ...] | None = None
    rules: tuple[str, ...] | None = None
    causes: tuple[str, ...] | None = None

    @property
    def _parameters(self) -> dict[str, Any]:
        given = self._asdict()
        return {name: list(v) if isinstance(v, tuple) else v for name, v in given.items()}


# `last` and the other columns are those of the newest transition of a result in the time. A finding
# that opened, could not be read and was read again opened for the reason that it opened for.
_NET = """
WITH net AS (
    SELECT DISTINCT ON (result_id)
        id, host_id, result_id, scan_id, at, verdict, change AS last, cause AS last_cause,
        last_value(change) OVER backwards AS first,
        last_value(cause) OVER backwards AS first_cause,
        last_value(id) OVER backwards AS first_id
    FROM compliance_transition
    WHERE at > %(start)s AND at <= %(end)s
        AND (%(hosts)s::bigint[] IS NULL OR host_id = ANY(%(hosts)s::bigint[]))
    WINDOW backwards AS (
        PARTITION BY result_id ORDER BY id DESC
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    )
    ORDER BY result_id, id DESC
), sides AS (
    SELECT *,
        CASE
            WHEN first IN ('opened', 'reopened') THEN 'closed'
            WHEN first = 'readable' THEN 'unknown'
            ELSE 'open'
        END AS before,
        CASE
            WHEN last IN ('opened', 'reopened', 'readable') THEN 'open'
            WHEN last = 'unreadable' THEN 'unknown'
            ELSE 'closed'
        END AS after,
        CASE
            WHEN last = 'readable' AND first IN ('opened', 'reopened') THEN first_cause
            ELSE last_cause
        END AS cause
    FROM net
), kinds AS (
    SELECT *,
        CASE
            WHEN cause IN ('policy', 'rules') OR last = 'unjudged' THEN 'rules'
            WHEN cause = 'coverage' OR after = 'unknown' THEN 'unclear'
            WHEN before = 'unknown' AND after = 'open' THEN 'unclear'
            WHEN after = 'open' AND (cause = 'appeared' OR host_id = ANY(%(fresh)s::bigint[]))
                THEN 'new'
            WHEN after = 'open' THEN 'worse'
            WHEN last = 'vanished' THEN 'gone'
            ELSE 'better'
        END AS kind
    FROM sides
    WHERE before <> after
)
"""
_WANTED = """
    (%(causes)s::text[] IS NULL OR kinds.cause = ANY(%(causes)s::text[]))
    AND (%(rules)s::text[] IS NULL OR result.rule = ANY(%(rules)s::text[]))
    AND (%(severities)s::int[] IS NULL OR result.severity = ANY(%(severities)s::int[]))
"""
# Where neither rules nor severities are asked for, PostgreSQL leaves the join out.
_COUNTS = f"""
{_NET}
SELECT kinds.host_id, kinds.kind, count(*)
FROM kinds LEFT JOIN compliance_result result ON result.id = kinds.result_id
WHERE {_WANTED}
GROUP BY kinds.host_id, kinds.kind
"""  # noqa: S608 - put together of constants alone
_ROWS = f"""
{_NET}
SELECT kinds.result_id, kinds.host_id, kinds.kind, kinds.at, kinds.first, kinds.last, kinds.cause,
    kinds.verdict, result.rule, result.severity, result.subject_kind, result.subject,
    result.sub_object, newest.evidence, earlier.change, earlier.evidence,
    coalesce(scan.policy, ''), coalesce(scan.rule_set, '')
FROM kinds
JOIN compliance_result result ON result.id = kinds.result_id
JOIN compliance_transition newest ON newest.id = kinds.id
LEFT JOIN compliance_scan scan ON scan.id = kinds.scan_id
LEFT JOIN LATERAL (
    SELECT change, evidence FROM compliance_transition
    WHERE result_id = kinds.result_id AND at <= %(start)s
    ORDER BY at DESC, id DESC LIMIT 1
) earlier ON true
WHERE {_WANTED} AND kinds.kind = ANY(%(kinds)s::text[])
ORDER BY array_position(%(hosts)s::bigint[], kinds.host_id),
    result.severity DESC, result.rule, result.subject, result.sub_object, result.id
LIMIT %(limit)s OFFSET %(offset)s
"""  # noqa: S608 - put together of constants alone


class Fact(NamedTuple):
    """A fact as it was and as it is; "" where it was not kept, as of most that passes."""

    name: str
    before: str
    after: str


class Row(NamedTuple):
    """A finding that is not as it was. `before` and `after` are keys of display.STATES, `at` is
    when it came into its present state, and `subject` is "" for the host itself."""

    finding_id: int
    host_id: int
    kind: str
    at: datetime
    before: str
    after: str
    cause: str
    why: str
    rule: str
    severity: int
    subject_kind: str
    subject: str
    sub_object: str
    facts: list[Fact]

    @property
    def severity_name(self) -> str:
        return display.SEVERITY_RANKS[self.severity]

    def swapped(self) -> "Row":
        """The same change looked at from its other end."""
        facts = [Fact(fact.name, fact.after, fact.before) for fact in self.facts]
        return self._replace(
            kind=FROM_THE_OTHER_END.get(self.kind, self.kind),
            before=self.after,
            after=self.before,
            facts=facts,
        )


def counts(window: Window) -> dict[tuple[int, str], int]:
    """How many there are by host and kind. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, window._parameters)
        return {(host, kind): number for host, kind, number in cursor.fetchall()}


def rows(
    window: Window, hosts: Sequence[int], kinds: Sequence[str], *, offset: int = 0, limit: int
) -> list[Row]:
    """Of these hosts in this order, on each the most severe first. One query."""
    parameters = window._parameters | {
        "hosts": list(hosts),
        "kinds": list(kinds),
        "offset": offset,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, parameters)
        return [_row(found) for found in cursor.fetchall()]


class Rows(Sequence[Row]):
    """Rows whose number by host is known from the counts, in the order of the hosts. A page reads
    only the hosts that it shows. `turned` ones are looked at from the end of the time."""

    def __init__(
        self,
        window: Window,
        numbers: Sequence[tuple[int, int]],
        kinds: Sequence[str],
        *,
        turned: bool = False,
    ) -> None:
        self._window, self._numbers, self._turned = window, numbers, turned
        self._kinds = [FROM_THE_OTHER_END.get(kind, kind) if turned else kind for kind in kinds]
        self._total = sum(number for _, number in numbers)

    def __len__(self) -> int:
        return self._total

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        if isinstance(place, int):
            return self[place : place + 1][0]
        start, stop, _ = place.indices(self._total)
        hosts, before, seen = [], 0, 0
        for host, number in self._numbers:
            if seen + number > start and seen < stop:
                hosts.append(host)
            elif not hosts:
                before += number
            seen += number
        if not hosts:
            return []
        offset, limit = start - before, stop - start
        found = rows(self._window, hosts, self._kinds, offset=offset, limit=limit)
        return [row.swapped() for row in found] if self._turned else found


def _row(found: tuple[Any, ...]) -> Row:
    (result, host, kind, at, first, last, cause, verdict, rule, severity, *rest) = found
    subject_kind, subject, sub_object, evidence, earlier, old, policy, rule_set = rest
    return Row(
        finding_id=result,
        host_id=host,
        kind=kind,
        at=at,
        before=_before(first, earlier, cause),
        after=_after(last, verdict),
        cause=cause,
        why=causes.label(cause, subject_kind, policy, rule_set),
        rule=rule,
        severity=severity,
        subject_kind=subject_kind,
        subject="" if subject_kind == "host" else subject,
        sub_object=sub_object,
        # Of what is not there any more nothing was read: its newest evidence is the old one.
        facts=facts(_evidence(old), [] if last in _ENDED else _evidence(evidence)),
    )


def _before(first: str, earlier: str | None, cause: str) -> str:
    """How it was: what its last transition before the time says, else what can be told from the
    first one in it."""
    if first == Change.READABLE or earlier == Change.UNREADABLE:
        return "unknown"
    if first not in (Change.OPENED, Change.REOPENED):
        return "open"
    if earlier:
        return earlier
    unseen = {
        Cause.APPEARED: "absent",
        Cause.COVERAGE: "unknown",
        Cause.POLICY: "unjudged",
        Cause.RULES: "unjudged",
    }
    return unseen.get(Cause(cause), "not_failing")


def _after(last: str, verdict: str) -> str:
    if last in (Change.OPENED, Change.REOPENED, Change.READABLE):
        return "open"
    return "unknown" if last == Change.UNREADABLE else last


def _evidence(value: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(value) if isinstance(value, str) else value or []
    return found


def facts(before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]) -> list[Fact]:
    """Those of two lists of evidence that differ, the first few of them."""
    old = {fact["fact"]: _short(fact.get("found")) for fact in before}
    new = {fact["fact"]: _short(fact.get("found")) for fact in after}
    found = [
        Fact(name, old.get(name, ""), new.get(name, ""))
        for name in {**new, **old}
        if old.get(name) != new.get(name)
    ]
    return found[:FACTS_SHOWN]


def _short(value: Any, most: int = 60) -> str:
    text = display.fact(value)
    return text if len(text) <= most else text[: most - 1] + "…"


_CONTAINERS = """
SELECT
    count(*) FILTER (WHERE first IN ('appeared', 'returned') AND last <> 'vanished'),
    count(*) FILTER (WHERE first NOT IN ('appeared', 'returned') AND last = 'vanished')
FROM (
    SELECT DISTINCT ON (container_id)
        change AS last, last_value(change) OVER backwards AS first
    FROM fleet_containerversion
    WHERE at > %(start)s AND at <= %(end)s
        AND (%(hosts)s::bigint[] IS NULL OR host_id = ANY(%(hosts)s::bigint[]))
    WINDOW backwards AS (
        PARTITION BY container_id ORDER BY id DESC
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    )
    ORDER BY container_id, id DESC
) net
"""


class Containers(NamedTuple):
    """How many are there that were not, and the other way round."""

    appeared: int
    vanished: int


def containers(window: Window) -> Containers:
    """One query."""
    with connection.cursor() as cursor:
        cursor.execute(_CONTAINERS, window._parameters)
        return Containers(*cursor.fetchone())
