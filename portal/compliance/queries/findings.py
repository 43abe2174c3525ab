"""What the list of findings shows: its lines, its groups and the counts beside its filters."""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, overload

from django.db.models import Case, CharField, Count, F, IntegerField, Max, Sum, Value, When
from django.db.models.query import QuerySet

from portal.compliance.models import Result, State, Tally, Verdict, state_of
from portal.compliance.queries.filters import STATES, Filters
from portal.core import display
from portal.fleet.models import Environment
from portal.fleet.queries import Scope, hosts
from portal.policies.queries import catalogue

Counting = Callable[..., list[tuple[Any, ...]]]
ENVIRONMENTS = (Environment.PRODUCTION, Environment.STAGING, Environment.DEVELOPMENT)
_SHOWN = {State.OPEN: "open", State.FIXED: "resolved", State.GONE: "vanished"}
_WEIGHT = Case(
    *(When(host__group__environment=name, then=place) for place, name in enumerate(ENVIRONMENTS)),
    default=len(ENVIRONMENTS),
    output_field=IntegerField(),
)
_STATE = Case(
    *(When(condition, then=Value(state.value)) for state, condition in STATES.items()),
    default=Value(""),
    output_field=CharField(),
)
_PRESENT = Case(When(gone_at__isnull=False, then=Value("")), default=F("verdict"))
COLUMNS = {
    "severity": (),  # the most important first, which takes more than fields
    "since": ("failed_since",),
    "rule": ("rule",),
    "host": ("host__name",),
}


def title(rule: str) -> str:
    """Of a rule that is no longer ours, what is left is its slug."""
    found = catalogue().get(rule)
    return found.title if found else rule


class Line(NamedTuple):
    """A result as a row of a table. `state` is a key of display.STATES, or "" where the result is
    no finding and its verdict says all. `since` is when it came into its state."""

    id: int
    severity: int
    rule: str
    title: str
    kind: str
    subject: str
    sub_object: str
    host: str
    host_slug: str
    owner: str
    state: str
    verdict: str
    unread: bool
    since: datetime
    evidence: str

    @property
    def severity_name(self) -> str:
        return display.SEVERITY_RANKS[self.severity]


def line(result: Result) -> Line:
    """`result` has its host and the host's group at hand."""
    state = state_of(result)
    since = {
        State.OPEN.value: result.failed_since,
        State.FIXED.value: result.resolved_at,
        State.GONE.value: result.gone_at,
    }.get(state, result.changed_at)
    return Line(
        id=result.pk,
        severity=result.severity,
        rule=result.rule,
        title=title(result.rule),
        kind=result.subject_kind,
        subject=result.subject,
        sub_object=result.sub_object,
        host=result.host.name,
        host_slug=result.host.slug,
        owner=result.host.group.owner,
        state=_SHOWN[State(state)] if state else "",
        verdict=result.verdict,
        unread=result.open and result.verdict == Verdict.UNKNOWN,
        since=since or result.changed_at,
        evidence=in_a_line(result.evidence, result.reason),
    )


def in_a_line(evidence: Sequence[Any], reason: str) -> str:
    """The first fact that decided, or why there is none; long values are cut short."""
    if reason or not evidence:
        return _short(reason, 160)
    fact = evidence[0]
    text = f"{fact.get('fact', '')} is {_short(display.fact(fact.get('found')), 80)}"
    wanted = fact.get("wanted")
    return f"{text}, wanted: {_short(wanted, 60)}" if wanted else text


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


class Lines(Sequence[Line]):
    """Lines of an ordered query whose number is known from the counts, so that nothing is counted
    twice. The order is found in an index alone; only the rows of the page are fetched."""

    def __init__(self, results: "QuerySet[Result]", total: int) -> None:
        self._results, self._total = results, total

    def __len__(self) -> int:
        return self._total

    @overload
    def __getitem__(self, place: int) -> Line: ...
    @overload
    def __getitem__(self, place: slice) -> list[Line]: ...
    def __getitem__(self, place: int | slice) -> Line | list[Line]:
        if isinstance(place, int):
            return line(self._results[place])
        ids = self._results.select_related(None).values("id")[place]
        rows = results().filter(id__in=ids).order_by(*self._results.query.order_by)
        return [line(result) for result in rows]


def results() -> "QuerySet[Result]":
    return Result.objects.select_related("host__group")


def lines(
    filters: Filters, scope: Scope, total: int, fields: Sequence[Any], *, ascending: bool = False
) -> Lines:
    """In the order of these fields; without any, the most important first: by severity, then by
    the environment's weight, then the oldest."""
    found = results().filter(filters.results(scope))
    if not fields:
        if ascending:
            fields = (F("severity").asc(), _WEIGHT.desc(), F("failed_since").desc(), "-id")
        else:
            fields = (F("severity").desc(), _WEIGHT.asc(), F("failed_since").asc(), "id")
    return Lines(found.order_by(*fields), total)


def _counted(
    filters: Filters, scope: Scope, columns: Sequence[str], *besides: str
) -> list[tuple[Any, ...]]:
    """Rows of these columns with their number in the end; from the counts where they suffice."""
    if not filters.of_results:
        rows = Tally.objects.filter(filters.counts(scope, *besides))
        return list(rows.order_by().values_list(*columns).annotate(number=Sum("amount")))
    found = Result.objects.filter(filters.results(scope, *besides))
    found = found.alias(state=_STATE, present=_PRESENT)
    names = {"state": _STATE, "verdict": _PRESENT}
    plain = [name for name in columns if name not in names]
    computed = {f"by_{name}": names[name] for name in columns if name in names}
    grouped = found.order_by().values(*plain, **computed).annotate(number=Count("id"))
    order = [f"by_{name}" if name in names else name for name in columns]
    return list(grouped.values_list(*order, "number"))


def _counts_of(filters: Filters, scope: Scope) -> Counting:
    """What counts for several facets: where the results themselves have to be looked at, they are
    read once and then counted here."""
    if not filters.of_results:
        return partial(_counted, filters, scope)
    columns = ("state", "verdict", "severity", "rule", "host__slug", "host__name")
    fields = ("states", "verdicts", "severities", "rules", "families", "hosts")
    names = {pk: names for pk, *names in hosts(scope).values_list("id", "slug", "name")}
    rows = [
        (*row[:4], *names.get(row[4], ("", "")), row[5])
        for row in _counted(filters, scope, (*columns[:4], "host"), *fields)
    ]
    asked: list[tuple[str, int, Container[Any]]] = [
        ("states", 0, filters.shown_states),
        ("verdicts", 1, filters.verdicts),
        ("severities", 2, filters.severities),
        ("rules", 3, filters.chosen_rules if filters.rules or filters.families else ()),
        ("hosts", 4, filters.hosts),
    ]

    def count(wanted: Sequence[str], *besides: str) -> list[tuple[Any, ...]]:
        tests = [(place, ok) for name, place, ok in asked if ok and name not in besides]
        places = [columns.index(name) for name in wanted]
        found: Counter[tuple[Any, ...]] = Counter()
        for row in rows:
            if all(row[place] in ok for place, ok in tests):
                found[tuple(row[place] for place in places)] += row[-1]
        return [(*key, number) for key, number in found.items()]

    return count


class Facets(NamedTuple):
    """How many there would be of each value, given what is asked in all other fields."""

    total: int
    states: Counter[str]
    verdicts: Counter[str]
    severities: Counter[int]
    families: Counter[str]
    rules: Counter[str]
    hosts: list[tuple[str, str, int]]


def facets(filters: Filters, scope: Scope) -> Facets:
    """At most four queries. `hosts` are triples of slug, name and number, the largest first."""
    count = _counts_of(filters, scope)
    states: Counter[str] = Counter()
    verdicts: Counter[str] = Counter()
    for state, verdict, number in count(("state", "verdict"), "states", "verdicts"):
        if not filters.verdicts or verdict in filters.verdicts:
            states[state] += number
        if not filters.states or state in filters.states:
            verdicts[verdict] += number

    severities: Counter[int] = Counter(dict(count(("severity",), "severities")))
    chosen = filters.severities or set(severities)
    total = sum(number for severity, number in severities.items() if severity in chosen)

    families: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    known = catalogue()
    for rule, number in count(("rule",), "rules", "families"):
        family = known[rule].family.value if rule in known else ""
        if not filters.rules or rule in filters.rules:
            families[family] += number
        if not filters.families or family in filters.families:
            rules[rule] += number

    by_host = count(("host__slug", "host__name"), "hosts")
    hosts_found = sorted(by_host, key=lambda row: (-row[2], row[1]))
    return Facets(total, states, verdicts, severities, families, rules, hosts_found)


class Group(NamedTuple):
    """Findings of one rule or host; `numbers` are by severity, the highest first."""

    key: str
    name: str
    note: str
    numbers: tuple[int, int, int, int]

    @property
    def total(self) -> int:
        return sum(self.numbers)


def groups(filters: Filters, scope: Scope, by: str) -> list[Group]:
    """`by` is "rule" or "host". The one with the most of the highest severity comes first."""
    columns = ("rule",) if by == "rule" else ("host__slug", "host__name", "host__group__owner")
    found: dict[tuple[str, ...], Counter[int]] = {}
    for *key, severity, number in _counted(filters, scope, (*columns, "severity")):
        found.setdefault(tuple(key), Counter())[severity] += number
    rows = [_group(key, numbers) for key, numbers in found.items()]
    return sorted(rows, key=lambda row: (*(-number for number in row.numbers), row.name))


def _group(key: tuple[str, ...], numbers: Counter[int]) -> Group:
    by_severity = (numbers[3], numbers[2], numbers[1], numbers[0])
    if len(key) == 1:
        return Group(key[0], title(key[0]), key[0], by_severity)
    return Group(key[0], key[1], key[2], by_severity)


def open_in(scope: Scope) -> int:
    rows = Tally.objects.filter(Filters().counts(scope))
    return rows.aggregate(number=Sum("amount"))["number"] or 0


def last_read(scope: Scope) -> datetime | None:
    """When a host of the scope was last read."""
    found: datetime | None = hosts(scope).aggregate(at=Max("last_success_at"))["at"]
    return found


def covered(states: dict[str, int]) -> tuple[int, int]:
    """How many of the hosts are read as often as they should be, and how many hosts there are."""
    return states["ok"] + states["partial"], sum(states.values())


def named(chosen: Iterable[int]) -> list[str]:
    """Severities as words, the highest first."""
    return [display.SEVERITIES[display.SEVERITY_RANKS[rank]].word for rank in sorted(chosen)[::-1]]
