"""What the page of the fleet's changes shows: between which moments, on which hosts, whose."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from django.db.models import Exists, OuterRef, Q
from django.http import QueryDict

from portal.compliance.models import Cause, RuleSet, Silence
from portal.compliance.queries import net_changes, retention
from portal.compliance.queries.filters import SEVERITIES
from portal.compliance.queries.net_changes import (
    GONE,
    KINDS,
    NEW,
    RULES,
    Containers,
    Row,
    Rows,
    Window,
)
from portal.core import display
from portal.fleet import queries as fleet
from portal.fleet.models import Host
from portal.fleet.queries import Scope
from portal.policies.models import PolicyVersion
from portal.policies.queries import catalogue

PERIODS = {1: "24 hours", 7: "7 days", 30: "30 days", 90: "90 days"}
CAUSES = {str(cause.value): str(cause.label) for cause in Cause}
_USUAL = 7
_DAY = len("2026-11-25")
_SAID = {"worse": "got worse", "better": "got better"}
_MOST_VALUES = 50
_NAMED = 10
_HOSTS_AT_ONCE = 20
_ROWS_AT_ONCE = 5_000


class Period(NamedTuple):
    """From one moment to another; `days` long where it is one of PERIODS, which end now."""

    start: datetime
    end: datetime
    days: int = 0
    ends_now: bool = True

    @classmethod
    def of(cls, query: QueryDict, now: datetime) -> "Period":
        """`?days=`, or `?from=` and `?to=`: days of UTC, both of them within, or moments as ISO
        writes them. What makes no sense stands for the last seven days."""
        start, end = _moment(query.get("from", "")), _moment(query.get("to", ""), ends=True)
        if start is None and end is None:
            asked = query.get("days", "")
            days = int(asked) if asked in map(str, PERIODS) else _USUAL
            return cls(now - timedelta(days=days), now, days)
        last = min(end or now, now)
        first = min(start or last - timedelta(days=_USUAL), now)
        return cls(min(first, last), max(first, last), ends_now=max(first, last) == now)

    @property
    def parameters(self) -> dict[str, str]:
        if self.days:
            return {"days": str(self.days)}
        found = {"from": _written(self.start)}
        return found if self.ends_now else {**found, "to": _written(self.end, ends=True)}

    @property
    def last_day(self) -> date:
        """The day at whose end the period ends, or within which it does."""
        return (self.end - timedelta(microseconds=1)).date()


def _moment(text: str, *, ends: bool = False) -> datetime | None:
    """A day stands for its begin, or with `ends` for its end."""
    try:
        found = datetime.fromisoformat(text.strip().replace(" ", "+"))
    except ValueError:
        return None
    if not 2000 < found.year < 2200:
        return None
    if len(text.strip()) == _DAY:
        found = datetime.combine(found.date(), time.min) + timedelta(days=int(ends))
    return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)


def _written(moment: datetime, *, ends: bool = False) -> str:
    if moment.time() != time.min:
        return moment.isoformat()
    return (moment - timedelta(days=int(ends))).date().isoformat()


class Filters(NamedTuple):
    """Values that name nothing are left out. Empty fields filter nothing."""

    severities: frozenset[int] = frozenset()
    rules: frozenset[str] = frozenset()
    causes: frozenset[str] = frozenset()

    @classmethod
    def of(cls, query: QueryDict) -> "Filters":
        severities, rules, causes = (
            set(query.getlist(name)[:_MOST_VALUES]) for name in ("severity", "rule", "cause")
        )
        return cls(
            frozenset(SEVERITIES[word] for word in severities & SEVERITIES.keys()),
            frozenset(rules & catalogue().keys()),
            frozenset(causes & CAUSES.keys()),
        )

    @property
    def parameters(self) -> list[tuple[str, str]]:
        words = [word for word, rank in SEVERITIES.items() if rank in self.severities]
        return [
            *(("severity", word) for word in words),
            *(("rule", slug) for slug in sorted(self.rules)),
            *(("cause", cause) for cause in CAUSES if cause in self.causes),
        ]

    @property
    def any(self) -> bool:
        return any(self)

    def within(self, window: Window) -> Window:
        return window._replace(
            severities=tuple(self.severities) or None,
            rules=tuple(sorted(self.rules)) or None,
            causes=tuple(sorted(self.causes)) or None,
        )


class Member(NamedTuple):
    """A host, whether it was read at either end of the time, and whether it is newer than that."""

    id: int
    slug: str
    name: str
    owner: str
    at_start: bool
    at_end: bool
    fresh: bool

    @property
    def why(self) -> str:
        """Of a host that was read at one end only."""
        if not self.at_end:
            return "not read at the end"
        return "registered within the time" if self.fresh else "not read at the beginning"


def members(scope: Scope, period: Period) -> list[Member]:
    """By owner, those without one last, then by name. One query."""

    def silent(at: datetime) -> Exists:
        lasting = Q(until=None) | Q(until__gt=at)
        return Exists(Silence.objects.filter(lasting, host=OuterRef("pk"), since__lte=at))

    found = fleet.hosts(scope).annotate(
        silent_start=silent(period.start), silent_end=silent(period.end)
    )
    columns = ("id", "slug", "name", "group__owner", "created_at", "last_success_at")
    rows = found.order_by("name").values_list(*columns, "silent_start", "silent_end")
    members = [_member(period, *row) for row in rows]
    return sorted(members, key=lambda member: (not member.owner, member.owner.lower()))


def _member(
    period: Period,
    pk: int,
    slug: str,
    name: str,
    owner: str,
    created_at: datetime,
    last_success_at: datetime | None,
    silent_start: bool,
    silent_end: bool,
) -> Member:
    read = last_success_at is not None
    fresh = created_at > period.start
    at_start = read and not fresh and not silent_start
    at_end = read and created_at <= period.end and not silent_end
    return Member(pk, slug, name, owner, at_start, at_end, fresh)


def of_one(host: Host) -> list[Member]:
    """A host whose both ends are known. It has its group at hand."""
    owner = host.group.owner
    return [Member(host.pk, host.slug, host.name, owner, at_start=True, at_end=True, fresh=False)]


class Compared(NamedTuple):
    """Of how many hosts both ends are known. `one_sided` are those of which one is, the first few
    of them; `more` are not named."""

    hosts: int
    both: int
    one_sided: list[Member]
    more: int


def compared(found: Sequence[Member]) -> Compared:
    one_sided = [member for member in found if member.at_start != member.at_end]
    both = sum(member.at_start and member.at_end for member in found)
    return Compared(len(found), both, one_sided[:_NAMED], max(len(one_sided) - _NAMED, 0))


def window(scope: Scope, period: Period, filters: Filters, found: Sequence[Member]) -> Window:
    hosts = tuple(member.id for member in found) if scope.parameters else None
    fresh = tuple(member.id for member in found if member.fresh)
    return filters.within(Window(period.start, period.end, hosts, fresh))


class Found(NamedTuple):
    """The changes of a time, counted: `numbers` by host and kind, `totals` by kind."""

    window: Window
    members: list[Member]
    numbers: dict[tuple[int, str], int]
    totals: dict[str, int]

    def rows(self, kind: str) -> Rows:
        """By owner and host, in the order of `members`."""
        numbers = [
            (member.id, self.numbers[member.id, kind])
            for member in self.members
            if (member.id, kind) in self.numbers
        ]
        return Rows(self.window, numbers, [kind])

    def by_owner(self, kind: str) -> Counter[str]:
        numbers: Counter[str] = Counter()
        for member in self.members:
            numbers[member.owner] += self.numbers.get((member.id, kind), 0)
        return numbers


def changes(window: Window, found: list[Member]) -> Found:
    """One query."""
    numbers = net_changes.counts(window)
    totals = dict.fromkeys(KINDS, 0)
    for (_, kind), number in numbers.items():
        totals[kind] += number
    return Found(window, found, numbers, totals)


class Line(NamedTuple):
    """A change, and whose it is."""

    row: Row
    title: str
    host: str
    host_slug: str
    owner: str


def lines(rows: Sequence[Row], found: Sequence[Member]) -> list[Line]:
    by_id = {member.id: member for member in found}
    return [_line(row, by_id[row.host_id]) for row in rows]


def _line(row: Row, member: Member) -> Line:
    rule = catalogue().get(row.rule)
    title = rule.title if rule else row.rule
    return Line(row, title, member.name, member.slug, member.owner)


def every_line(found: Found) -> Iterator[Line]:
    """Of every kind, by owner and host, some hosts at a time."""
    numbers = Counter[int]()
    for (host, _), number in found.numbers.items():
        numbers[host] += number
    members = [member for member in found.members if numbers[member.id]]
    for place in range(0, len(members), _HOSTS_AT_ONCE):
        some = members[place : place + _HOSTS_AT_ONCE]
        shown = Rows(found.window, [(m.id, numbers[m.id]) for m in some], list(KINDS))
        for start in range(0, len(shown), _ROWS_AT_ONCE):
            yield from lines(shown[start : start + _ROWS_AT_ONCE], some)


def kept_since(period: Period, now: datetime) -> datetime | None:
    """From when on all changes are kept, where that is after the beginning. At most one query."""
    if period.start >= now - timedelta(days=retention.KINDS["transitions"].least):
        return None
    since = now - timedelta(days=retention.kept()["transitions"])
    return since if since > period.start else None


class Judging(NamedTuple):
    """A version of a policy or of the rules that began to judge within the time."""

    text: str
    at: datetime
    policy: str = ""


def judging(period: Period) -> list[Judging]:
    """The newest first, the first few of them. Two queries."""
    within = {"at__gt": period.start, "at__lte": period.end}
    versions = PolicyVersion.objects.filter(**within).select_related("policy").order_by("-at")
    found = [
        Judging(f"{version.policy.name} v{version.number}", version.at, version.policy.slug)
        for version in versions[:_NAMED]
    ]
    sets = RuleSet.objects.filter(since__gt=period.start, since__lte=period.end)
    found += [Judging(f"rule set {row.version}", row.since) for row in sets[:_NAMED]]
    return sorted(found, key=lambda change: change.at, reverse=True)[:_NAMED]


def sentence(totals: dict[str, int], containers: Containers | None) -> str:
    """What the whole time comes to. `containers` is None where only a part of the rules is asked
    for, of which containers know nothing."""
    parts = [f"{display.integer(totals[kind])} {words}" for kind, words in _SAID.items()]
    if totals[NEW]:
        parts.append(f"{display.integer(totals[NEW])} came with new things")
    if totals[GONE]:
        parts.append(f"{display.integer(totals[GONE])} went with what is gone")
    if containers is not None:
        appeared = display.counted(containers.appeared, "container")
        parts.append(f"{appeared} appeared")
        parts.append(f"{display.integer(containers.vanished)} disappeared")
    text = f"{', '.join(parts)}."
    if totals[RULES]:
        more = display.integer(totals[RULES])
        differ = "differs" if totals[RULES] == 1 else "differ"
        text += f" {more} more {differ} because rules or policies changed."
    return text
