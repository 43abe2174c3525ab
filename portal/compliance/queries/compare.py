"""Two scans of one host, and what is different between them."""

from typing import NamedTuple

from django.http import QueryDict

from portal.compliance.models import Scan
from portal.compliance.queries import net_changes, scans
from portal.compliance.queries.net_changes import (
    BETTER,
    FROM_THE_OTHER_END,
    GONE,
    KINDS,
    NEW,
    RULES,
    UNCLEAR,
    WORSE,
    Rows,
    Window,
)
from portal.core.errors import Conflict, NotFound

# What happened on the host, apart from what only the rules, the policy or the reading did.
ON_HOST = (WORSE, BETTER, NEW, GONE)
ELSEWHERE = (RULES, UNCLEAR)
SHOWN_ELSEWHERE = 100


class Pair(NamedTuple):
    """`a` and `b` as they were asked for, either of which may be the earlier one."""

    a: Scan
    b: Scan

    @property
    def turned(self) -> bool:
        """Whether the later one stands first."""
        return self.a.pk > self.b.pk

    @property
    def in_time(self) -> tuple[Scan, Scan]:
        return (self.b, self.a) if self.turned else (self.a, self.b)

    @property
    def problem(self) -> str:
        """Why they cannot be compared, and what to do; else ""."""
        if self.a.host_id != self.b.host_id:
            return (
                f"Scan {self.a.pk} is of {self.a.host.name}, scan {self.b.pk} of "
                f"{self.b.host.name}. Choose two scans of the same host."
            )
        if self.a.pk == self.b.pk:
            return "This is the same scan twice. Choose another one to compare it with."
        for scan in self:
            if scan.state not in scans.READ:
                return f"Scan {scan.pk} has read nothing, so there is nothing to compare it with."
        return ""


def asked(query: QueryDict) -> tuple[int, int] | None:
    """The numbers of `?a=&b=`, or of two `?scan=`; None where there are not two."""
    values = query.getlist("scan") or [query.get("a", ""), query.get("b", "")]
    if len(values) != 2 or not all(map(_is_number, values)):
        return None
    first, second = map(int, values)
    return (first, second) if "a" in query else (min(first, second), max(first, second))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def pair(first: int, second: int) -> Pair:
    """One query. Raises NotFound."""
    found = Scan.objects.filter(id__in=(first, second)).select_related("host__group")
    by_id = found.defer("host__engine").in_bulk()
    if first not in by_id or second not in by_id:
        raise NotFound("There is no scan of one of these numbers. Its host may have been removed.")
    return Pair(by_id[first], by_id[second])


class Comparison(NamedTuple):
    """`totals` by kind, looked at from A to B."""

    pair: Pair
    window: Window
    totals: dict[str, int]

    def rows(self, kinds: tuple[str, ...]) -> Rows:
        number = sum(self.totals[kind] for kind in kinds)
        numbers = [(self.pair.a.host_id, number)] if number else []
        return Rows(self.window, numbers, kinds, turned=self.pair.turned)


def compare(found: Pair) -> Comparison:
    """One query. Raises Conflict where the two cannot be compared."""
    earlier, later = found.in_time
    if found.problem or earlier.finished_at is None or later.finished_at is None:
        raise Conflict(found.problem)
    window = Window(earlier.finished_at, later.finished_at, (earlier.host_id,))
    totals = dict.fromkeys(KINDS, 0)
    for (_, kind), number in net_changes.counts(window).items():
        totals[FROM_THE_OTHER_END.get(kind, kind) if found.turned else kind] += number
    return Comparison(found, window, totals)


class Neighbours(NamedTuple):
    """The scans before and after the two, that read the same host."""

    before: Scan | None
    after: Scan | None


def neighbours(found: Pair) -> Neighbours:
    """Two queries."""
    earlier, later = found.in_time
    return Neighbours(scans.before(earlier), scans.after(later))
