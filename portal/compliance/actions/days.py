"""Fills in what charts read, day by day, once a day is over.

FillState says how far. A day is begun in one transaction, and done in another that first deletes
what there is of it: killed in between, or run by two at once, it gives the same rows. A day that is
filled in late gives what it would have given in time, for it is read from what held at its end.
"""

from datetime import date, datetime, timedelta

from django.db import connection, models, transaction
from django.db.models import Min

from portal.compliance.models import FillState, GroupDay, HostDay, RuleDay, Statistic
from portal.compliance.queries import days

# A scan that began to be stored before midnight has been stored by then: no task runs longer.
SETTLES = timedelta(minutes=6)
DAYS_AT_ONCE = 60

_FILLED: dict[Statistic, tuple[type[models.Model], str, tuple[str, ...]]] = {
    Statistic.GROUPS: (
        GroupDay,
        days.GROUPS,
        (
            *("group_id", "day", "hosts", "scored", "silent", "weight"),
            *("posture", "accepted", "coverage", "formula", "containers", "with_critical"),
            *days.SEVERITIES,
            *days.COUNTS,
        ),
    ),
    Statistic.RULES: (
        RuleDay,
        days.RULES,
        (
            *("group_id", "rule", "day", "severity", "hosts", "failing_hosts"),
            *days.COUNTS,
            "not_applicable",
        ),
    ),
}


def roll_up_days(*, now: datetime) -> int:
    """Fills in days that are over, the oldest first and at most DAYS_AT_ONCE of each statistic.
    Returns how many were; what is left comes with the next call."""
    through = days.today(now - SETTLES) - timedelta(days=1)
    filled = 0
    for statistic in Statistic:
        for _ in range(DAYS_AT_ONCE):
            day = _begin(statistic, through)
            if day is None:
                break
            filled += _fill(statistic, day)
    return filled


@transaction.atomic
def _begin(statistic: Statistic, through: date) -> date | None:
    """The day to be filled in next; None where all are."""
    state = FillState.objects.select_for_update().filter(statistic=statistic).first()
    if state is None:
        first: date | None = HostDay.objects.aggregate(first=Min("day"))["first"]
        if first is None or first > through:
            return None
        FillState.objects.get_or_create(statistic=statistic, defaults={"day": first})
        return first
    day: date = state.day
    if not state.done:
        return day
    if day >= through:
        return None
    state.day, state.done = day + timedelta(days=1), False
    state.save()
    return day + timedelta(days=1)


@transaction.atomic
def _fill(statistic: Statistic, day: date) -> bool:
    """False where another was quicker."""
    state = FillState.objects.select_for_update().get(statistic=statistic)
    if state.day != day or state.done:
        return False
    model, figures, columns = _FILLED[statistic]
    model._default_manager.filter(day=day).delete()
    names = ", ".join(columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {model._meta.db_table} ({names})"  # noqa: S608 - constants only
            f" SELECT {names} FROM ({figures}) figures",
            days.parameters(day),
        )
    state.done = True
    state.save()
    return True
