"""How long history is kept, and the nightly round that deletes what is older.

Every batch is a transaction of its own, so that the round may be killed at any moment and never
holds a table for long. What holds now is never deleted, however old it is.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection, models, transaction
from django.db.models import Exists, F, OuterRef, Q

from portal.accounts.models import User
from portal.accounts.rights import Right, require
from portal.compliance.models import (
    GroupDay,
    HostDay,
    Posture,
    Result,
    Retention,
    RuleDay,
    Scan,
    Silence,
    Statistic,
    TableSize,
    Tally,
    Transition,
    state_of,
)
from portal.compliance.queries import days, history
from portal.compliance.queries.retention import KINDS, MOST_DAYS, kept
from portal.core import audit
from portal.core.errors import DomainError
from portal.fleet.models import (
    ConfigVersion,
    Container,
    ContainerVersion,
    Host,
    HostVersion,
    Ledger,
)

ROWS_AT_ONCE = 5_000
BATCHES_AT_ONCE = 200
"""Of each kind in one round; what is left is deleted in the next."""


@transaction.atomic
def set_retention(wanted: Mapping[str, int], *, actor: User | None, now: datetime) -> None:
    """Days by kind; kinds that are not named stay. Raises DomainError."""
    require(actor, Right.MANAGE_RETENTION)
    before = kept()
    for kind, number in wanted.items():
        found = KINDS.get(kind)
        if found is None:
            raise DomainError(f"There is no history of the kind {kind[:40]}.")
        if not found.least <= number <= MOST_DAYS:
            raise DomainError(
                f"{found.label} can be kept for {found.least} to {MOST_DAYS} days, not {number}."
            )
        if number == before[kind]:
            continue
        row = Retention(kind=kind, days=number)
        if number == found.days:
            Retention.objects.filter(kind=kind).delete()
        else:
            row.save()
        audit.record(
            actor, "compliance.set_retention", row, now=now, before=before[kind], after=number
        )


class Cut(NamedTuple):
    """Up to where a kind of history goes: days before `day`, what ended before the moment."""

    moment: datetime
    day: date


def forget_old(*, now: datetime) -> dict[str, int]:
    """Deletes what is older than its kind is kept. Returns the number of rows by kind; beside the
    kinds there is "configurations": those that nothing names any more."""
    reached = history.filled()
    gone = {}
    for kind, number in kept().items():
        day = days.today(now) - timedelta(days=number)
        if kind in _FED:  # what a roll-up has still to read stays
            day = min(day, *(reached.get(statistic, date.min) for statistic in Statistic))
        gone[kind] = _FORGET[kind](Cut(days.start_of(day), day))
    gone["configurations"] = _unnamed(Cut(now, days.today(now)))
    return gone


def _in_batches(forget: Callable[[Cut], int]) -> Callable[[Cut], int]:
    """Until nothing is left of it, or for as long as one round may take."""

    def batches(cut: Cut) -> int:
        total = 0
        for _ in range(BATCHES_AT_ONCE):
            with transaction.atomic():
                deleted = forget(cut)
            total += deleted
            if not deleted:
                break
        return total

    return batches


def _delete(rows: "models.QuerySet[Any]") -> int:
    """At most ROWS_AT_ONCE; of other tables only what goes with them by the models' own rules."""
    ids = list(rows.order_by().values_list("pk", flat=True)[:ROWS_AT_ONCE])
    _, by_model = rows.model._default_manager.filter(pk__in=ids).delete()
    deleted: int = by_model.get(rows.model._meta.label, 0)
    return deleted


@_in_batches
def _scans(cut: Cut) -> int:
    later = Scan.objects.filter(host=OuterRef("host"), id__gt=OuterRef("id"))
    return _delete(Scan.objects.filter(Exists(later), finished_at__lt=cut.moment))


@_in_batches
def _transitions(cut: Cut) -> int:
    """The last one of each finding stays: it says since when it is as it is."""
    later = Transition.objects.filter(result=OuterRef("result"), id__gt=OuterRef("id"))
    return _delete(Transition.objects.filter(Exists(later), at__lt=cut.moment))


def _findings(cut: Cut) -> int:
    """What is gone, a batch of each host. It is locked, for the counts of its results change."""
    old = Result.objects.filter(gone_at__lt=cut.moment)
    hosts = list(old.order_by().values_list("host", flat=True).distinct())
    return sum(_findings_of(host, cut) for host in hosts)


@transaction.atomic
def _findings_of(host: int, cut: Cut) -> int:
    if not Host.objects.select_for_update().filter(id=host).exists():
        return 0
    old = Result.objects.filter(host=host, gone_at__lt=cut.moment)
    found = list(old.defer("evidence", "reason")[:ROWS_AT_ONCE])
    for key, amount in Counter(
        (result.rule, result.severity, state_of(result)) for result in found
    ).items():
        rule, severity, state = key
        rows = Tally.objects.filter(
            host=host, rule=rule, severity=severity, state=state, verdict=""
        )
        rows.filter(amount__lte=amount).delete()
        rows.update(amount=F("amount") - amount)
    return _delete(Result.objects.filter(id__in=[result.pk for result in found]))


@_in_batches
def _posture(cut: Cut) -> int:
    return _delete(Posture.objects.filter(until__lt=cut.moment))


@_in_batches
def _silences(cut: Cut) -> int:
    return _delete(Silence.objects.filter(until__lt=cut.moment))


@_in_batches
def _host_days(cut: Cut) -> int:
    """The last row before the cut says how the host was on the days after it."""
    later = HostDay.objects.filter(host=OuterRef("host"), day__gt=OuterRef("day"), day__lte=cut.day)
    return _delete(HostDay.objects.filter(Exists(later), day__lt=cut.day))


@_in_batches
def _days(cut: Cut) -> int:
    models = (GroupDay, RuleDay, TableSize)
    return sum(_delete(model._default_manager.filter(day__lt=cut.day)) for model in models)


@_in_batches
def _versions(cut: Cut) -> int:
    """Of containers that are there, and of hosts, what held at the cut stays."""

    def superseded(model: type[models.Model], owner: str) -> Any:
        later = model._default_manager.filter(
            Q(at__gt=OuterRef("at")) | Q(at=OuterRef("at"), id__gt=OuterRef("id")),
            **{owner: OuterRef(owner)},
            at__lte=cut.moment,
        )
        return model._default_manager.filter(Exists(later), at__lt=cut.moment)

    gone = Container.objects.filter(gone_at__lt=cut.moment)
    return (
        _delete(superseded(ContainerVersion, "container"))
        + _delete(superseded(HostVersion, "host"))
        + _delete(gone)
    )


@_in_batches
def _calls(cut: Cut) -> int:
    later = Ledger.objects.filter(host=OuterRef("host"), id__gt=OuterRef("id"))
    return _delete(Ledger.objects.filter(Exists(later), at__lt=cut.moment))


@_in_batches
def _unnamed(cut: Cut) -> int:
    """Nobody writes versions meanwhile: a scan that names one again writes it again first, and
    waits for this; one that has done so is waited for."""
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE fleet_configversion IN SHARE ROW EXCLUSIVE MODE")
    names = [
        Host.objects.filter(surroundings=OuterRef("pk")),
        Container.objects.filter(config=OuterRef("pk")),
        ContainerVersion.objects.filter(config=OuterRef("pk")),
        HostVersion.objects.filter(engine=OuterRef("pk")),
        HostVersion.objects.filter(surroundings=OuterRef("pk")),
    ]
    named = [~Exists(rows) for rows in names]
    return _delete(ConfigVersion.objects.filter(*named))


_FORGET = {
    "scans": _scans,
    "calls": _calls,
    "transitions": _transitions,
    "findings": _findings,
    "versions": _versions,
    "posture": _posture,
    "silences": _silences,
    "host_days": _host_days,
    "days": _days,
}
_FED = {"posture", "silences", "host_days"}
