"""What the pages of the policies show, joined from policies, hosts and results."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from portal.compliance.queries import shadow
from portal.core import display
from portal.fleet.models import Group
from portal.fleet.queries import groups
from portal.policies import forms, queries
from portal.policies.models import Policy, PolicyVersion
from scanner.policies import Settings, State


class Row(NamedTuple):
    """A policy in the list. `groups` are the names of those that it is for; the default policy has
    those that no other one is for."""

    policy: Policy
    version: PolicyVersion
    groups: list[str]
    on: int
    shadow: int
    off: int
    parameters: int
    severities: int


def rows() -> list[Row]:
    """The default first. Three queries."""
    bound, every = queries.bindings(), list(groups())
    found = [
        _row(version.policy, version, [g.name for g in _mine(version.policy, bound, every)])
        for version in queries.latest().values()
    ]
    return sorted(found, key=lambda row: (not row.policy.default, row.policy.name.lower()))


def _mine(policy: Policy, bound: Mapping[int, int], every: Iterable[Group]) -> list[Group]:
    """The groups that the policy is for, also those that have none of their own."""
    return [
        group
        for group in every
        if bound.get(group.pk) == policy.pk or (policy.default and group.pk not in bound)
    ]


def _row(policy: Policy, version: PolicyVersion, mine: list[str]) -> Row:
    known = queries.catalogue()
    settings = {
        slug: found for slug, found in queries.settings_of(version).items() if slug in known
    }
    states = [found.state for found in settings.values()]
    off, shadowed = states.count(State.OFF), states.count(State.SHADOW)
    return Row(
        policy,
        version,
        mine,
        on=len(known) - off - shadowed,
        shadow=shadowed,
        off=off,
        parameters=sum(len(found.parameters) for found in settings.values()),
        severities=sum(found.severity is not None for found in settings.values()),
    )


class GroupChoice(NamedTuple):
    """A group to tick. `other` is the policy that it has now, where that is another one."""

    group: Group
    chosen: bool
    other: str


def group_choices(policy: Policy | None, chosen: frozenset[int] | None) -> list[GroupChoice]:
    """`chosen` None are those that the policy is for now. Three queries."""
    bound = queries.bindings()
    names = dict(queries.policies().values_list("id", "name"))
    here = policy.pk if policy else None
    found = []
    for group in groups():
        its = bound.get(group.pk)
        ticked = its == here is not None if chosen is None else group.pk in chosen
        other = names.get(its, "") if its is not None and its != here else ""
        found.append(GroupChoice(group, ticked, other))
    return found


def in_shadow(policy: Policy, settings: Settings) -> list[shadow.Counts]:
    """What the rules that are in shadow in the policy say on the hosts that it is for."""
    known = queries.catalogue()
    rules = [
        slug for slug, found in settings.items() if found.state is State.SHADOW and slug in known
    ]
    mine = _mine(policy, queries.bindings(), groups())
    return shadow.counts(rules, groups=[group.pk for group in mine])


class Comparison(NamedTuple):
    """What the later of two versions has otherwise; `about` are name, description and groups."""

    old: PolicyVersion
    new: PolicyVersion
    about: list[tuple[str, str, str]]
    rules: list[forms.Difference]


def comparison(old: PolicyVersion, new: PolicyVersion) -> Comparison:
    pairs = [
        ("Name", old.name, new.name),
        ("Description", old.description or "none", new.description or "none"),
        ("Groups", _groups(old), _groups(new)),
    ]
    return Comparison(
        old,
        new,
        [pair for pair in pairs if pair[1] != pair[2]],
        forms.differences(queries.settings_of(old), queries.settings_of(new), queries.catalogue()),
    )


def _groups(version: PolicyVersion) -> str:
    if version.default:
        return "all without a policy of their own"
    return ", ".join(version.groups) or "none"


def default() -> Policy:
    return queries.policies().get(default=True)


def of_name(name: str) -> Policy | None:
    return queries.policies().filter(name__iexact=name).first()


def groups_of(policy: Policy) -> frozenset[int]:
    """The ids of those that are bound to it."""
    return frozenset(group for group, its in queries.bindings().items() if its == policy.pk)


class Effect(NamedTuple):
    """A line of a preview as pages show it."""

    line: Any
    title: str
    severity: str
    before: str


def effects(lines: Iterable[Any]) -> list[Effect]:
    known = queries.catalogue()
    return [
        Effect(
            line,
            known[line.rule].title if line.rule in known else line.rule,
            display.SEVERITY_RANKS[line.severity],
            "" if line.before is None else display.SEVERITY_RANKS[line.before],
        )
        for line in lines
    ]


def chosen_groups(data: Mapping[str, Any]) -> frozenset[int]:
    """Of a form that was sent; values that are no ids are left out."""
    values = data.getlist("group") if hasattr(data, "getlist") else []
    return frozenset(int(value) for value in values if value.isdigit() and len(value) < 10)
