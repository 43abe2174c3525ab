"""Policies, their versions, and whom they are for."""

from collections.abc import Mapping
from typing import NamedTuple

from django.db.models import Q, QuerySet

from portal.core.errors import NotFound
from portal.fleet.models import Host
from portal.policies.models import Binding, Policy, PolicyVersion
from portal.policies.queries.catalogue import catalogue
from scanner import Policy as Judged
from scanner import policies as written
from scanner import policy_file
from scanner.policies import Settings


class Applied(NamedTuple):
    """What a host is judged by. `label` is like "Baseline v3"."""

    policy: Judged
    label: str
    version_id: int


class Assignment(NamedTuple):
    """Which version is in force for each group (by id), and for every group that is not named."""

    by_group: Mapping[int, PolicyVersion]
    default: PolicyVersion

    def of(self, group_id: int) -> PolicyVersion:
        return self.by_group.get(group_id, self.default)


def policies() -> QuerySet[Policy]:
    """The default first."""
    return Policy.objects.filter(removed_at=None)


def policy(slug: str) -> Policy:
    """Raises NotFound."""
    found = policies().filter(slug=slug).first()
    if found is None:
        raise NotFound("There is no policy of this name. It may have been removed.")
    return found


def named(text: str) -> Policy:
    """By its name or its slug. Raises NotFound."""
    found = policies().filter(Q(name__iexact=text) | Q(slug=text)).order_by("id").first()
    if found is None:
        names = ", ".join(policies().values_list("name", flat=True))
        raise NotFound(f"There is no policy {text[:100]}. There is {names}.")
    return found


def as_yaml(version: PolicyVersion, *, full: bool = False) -> str:
    """A policy file; `full` also writes what is as each rule comes."""
    head = f"# {version}, saved {version.at:%Y-%m-%d %H:%M} UTC: {version.comment}\n"
    body = policy_file.write(
        version.name, version.description, settings_of(version), catalogue(), full=full
    )
    return head + body


def policy_for(host: Host) -> Applied:
    """That of the host's group, else the default. One query."""
    bound = Binding.objects.filter(group=host.group_id).values("policy")
    rows = PolicyVersion.objects.filter(Q(policy__in=bound) | Q(policy__default=True))
    found = rows.order_by("policy__default", "-number")[0]
    return Applied(written.policy(settings_of(found)), str(found), found.pk)


def settings_of(found: PolicyVersion | None) -> Settings:
    """Nothing is set where there is no version: every rule is as it is."""
    return written.stored(found.rules) if found else {}


def latest() -> dict[int, PolicyVersion]:
    """The version in force of each policy, by the policy's id."""
    rows = PolicyVersion.objects.filter(policy__removed_at=None).select_related("policy", "author")
    return {row.policy_id: row for row in rows.order_by("policy_id", "-number").distinct("policy")}


def bindings() -> dict[int, int]:
    """Group -> policy, by their ids."""
    return dict(Binding.objects.values_list("group_id", "policy_id"))


def assignment() -> Assignment:
    """Two queries."""
    found = latest()
    [default] = (version for version in found.values() if version.policy.default)
    return Assignment({group: found[number] for group, number in bindings().items()}, default)


def versions(found: Policy) -> QuerySet[PolicyVersion]:
    """The newest first."""
    return PolicyVersion.objects.filter(policy=found).select_related("author").order_by("-number")


def version(found: Policy, number: int) -> PolicyVersion:
    """Raises NotFound."""
    wanted = versions(found).filter(number=number).first() if number < 2**31 else None
    if wanted is None:
        raise NotFound(f"The policy {found.name} has no version {number}.")
    return wanted
