"""The past of the demo's fleet: every day its hosts are really scanned, under a moved clock.

Imported only when Django knows its settings, as the models need.
"""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime, time, timedelta

import django
from django.db import connection
from django.utils import timezone

from benchmarks.demo import story
from benchmarks.simulator import Simulator
from portal.accounts.models import Role, User
from portal.compliance import actions
from portal.fleet import actions as fleet_actions
from portal.fleet.models import Group, Host
from portal.policies import actions as policies
from portal.policies.models import Policy, PolicyVersion
from portal.schedules.models import Schedule

PROCESSES = 2
SCANNED_AT = time(2, 0, tzinfo=UTC)
"""After the default schedule's jitter, so that each host is due once on each day."""

_BETWEEN = timedelta(seconds=20)


def play(fleet: Simulator, first: date, days: range, done: Callable[[int], None]) -> None:
    """Scans on each of these days, counted from the first, and calls `done` with each that is over.
    The world is as it was on the day before. A day in whose middle it was stopped may be played
    again."""
    actions.reap_dead_scans(timezone.now())
    if days.start == 0:
        _begin(datetime.combine(first, time(tzinfo=UTC)))
    # Not forked: a child must not share the parent's connection to the database.
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=fresh, initializer=django.setup) as workers:
        try:
            for day in days:
                story.move_on(fleet, day)
                moment = datetime.combine(first + timedelta(days=day), SCANNED_AT)
                _act(fleet, day, moment - timedelta(hours=1))
                _scan(workers, moment)
                _let_pass(moment)
                done(day)
        except KeyboardInterrupt:
            workers.shutdown(cancel_futures=True)
            raise
    connection.close()


def scan(scan_id: int, moment: datetime) -> None:
    """In a process of its own."""
    actions.run_scan(scan_id, clock=lambda: moment)


def _begin(moment: datetime) -> None:
    """What was made with the tables, a minute ago, is as old as the past."""
    Policy.objects.update(created_at=moment)
    PolicyVersion.objects.update(at=moment)
    Schedule.objects.update(created_at=moment)


def _act(fleet: Simulator, day: int, moment: datetime) -> None:
    """What people do on a day."""
    actor = User.objects.filter(roles__contains=[Role.ADMIN]).earliest("id")
    for number, host in enumerate(fleet.hosts):
        known = Host.objects.filter(name=host["name"])
        if story.arrives(number) == day and not known.exists():
            fleet_actions.add_host(
                name=host["name"],
                url=fleet.urls[number],
                group=_group(host, actor, moment),
                actor=actor,
                now=moment,
            )
    for edit in story.POLICY_EDITS:
        done = PolicyVersion.objects.filter(comment=edit.comment)
        if edit.day == day and not done.exists():
            _edit(edit, actor, moment)


def _group(host: dict[str, str], actor: User, moment: datetime) -> Group:
    owner, environment = story.owner(host), story.ENVIRONMENTS[host["environment"]]
    name = f"{owner} {environment}"
    found = Group.objects.filter(name=name).first()
    return found or fleet_actions.add_group(
        name=name, environment=environment, owner=owner, actor=actor, now=moment
    )


def _edit(edit: story.PolicyEdit, actor: User, moment: datetime) -> None:
    bound = Group.objects.filter(environment=story.ENVIRONMENTS.get(edit.environment, ""))
    groups = frozenset(bound.values_list("id", flat=True))
    found = Policy.objects.filter(name=edit.policy).first()
    description = found.description if found else "What is asked of hosts that customers see."
    draft = policies.Draft(edit.policy, description, edit.rules, groups)
    if found is None:
        policies.create_policy(draft, comment=edit.comment, actor=actor, now=moment)
        return
    last = PolicyVersion.objects.filter(policy=found).latest("number").number
    policies.save_policy(
        found.slug, draft, based_on=last, comment=edit.comment, actor=actor, now=moment
    )


def _scan(workers: ProcessPoolExecutor, moment: datetime) -> None:
    actions.queue_due_scans(moment)
    # A host that does not answer at once is handed over, and comes again.
    while claimed := actions.claim_unpublished(moment):
        moments = [moment + number * _BETWEEN for number in range(len(claimed))]
        for _ in workers.map(scan, [claim.scan_id for claim in claimed], moments):
            pass


def _let_pass(moment: datetime) -> None:
    """What the product does by itself until the next morning."""
    # In the evening, for grace may end in the middle of a day.
    for hours in (4, 10, 16, 21):
        later = moment + timedelta(hours=hours)
        actions.note_overdue(later)
        while actions.recount_due(later):
            pass
    actions.roll_up_days(now=moment)
