"""A policy's life: made, saved as one version after the other, made the default, removed."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction

from portal.accounts.models import User
from portal.accounts.rights import Right, require
from portal.core import audit, display, naming
from portal.core.errors import Conflict, DomainError, NotFound
from portal.fleet.models import Group
from portal.policies.models import Binding, Policy, PolicyVersion
from portal.policies.queries import catalogue
from scanner import policies as written
from scanner.policy_file import PolicyFile

BASELINE = "Baseline"
_RESERVED = {"new", "import"}  # addresses of pages


class Draft(NamedTuple):
    """What a person wants a policy to be. `rules` are plain values as of a form or of YAML;
    `groups` are the ids of those that it is for."""

    name: str
    description: str
    rules: Mapping[str, Any]
    groups: frozenset[int]


@transaction.atomic
def ensure_default(*, now: datetime) -> None:
    """The tables are never without a default policy. It leaves every rule as it is."""
    if Policy.objects.filter(default=True).exists():
        return
    found = Policy.objects.create(
        name=BASELINE,
        slug=naming.free_slug(Policy, BASELINE, "policy", reserved=_RESERVED),
        description="Every rule as it comes, for all groups without a policy of their own.",
        default=True,
        created_at=now,
    )
    PolicyVersion.objects.create(
        policy=found,
        number=1,
        name=found.name,
        description=found.description,
        default=True,
        comment="What Plimsoll comes with",
        at=now,
    )


@transaction.atomic
def create_policy(
    draft: Draft, *, comment: str, actor: User | None, now: datetime
) -> PolicyVersion:
    require(actor, Right.MANAGE_POLICIES)
    name, comment = naming.name(draft.name, "policy"), naming.comment(comment)
    rules = _rules(draft.rules)
    _refuse_taken(name, besides=None)
    try:
        with transaction.atomic():
            found = Policy.objects.create(
                name=name,
                slug=naming.free_slug(Policy, name, "policy", reserved=_RESERVED),
                description=_description(draft.description),
                created_at=now,
            )
    except IntegrityError as error:  # somebody made the same between the look and here
        raise Conflict(f"A policy named {name} has just been made.") from error
    _bind(found, draft.groups)
    version = _add_version(found, 1, rules, comment, actor, now)
    audit.record(
        actor, "policies.create_policy", found, now=now, groups=version.groups, comment=comment
    )
    return version


@transaction.atomic
def save_policy(
    slug: str, draft: Draft, *, based_on: int, comment: str, actor: User | None, now: datetime
) -> PolicyVersion:
    """Makes a version of it, in force from each host's next scan. `based_on` is the number of the
    version that the draft began with: raises Conflict where another has come since."""
    require(actor, Right.MANAGE_POLICIES)
    found = _locked(slug)
    before = PolicyVersion.objects.filter(policy=found).order_by("-number")[0]
    if before.number != based_on:
        raise Conflict(
            f"{_who(before)} saved version {before.number} meanwhile: {before.comment} "
            "Open the policy again and make your change to that."
        )
    name, comment = naming.name(draft.name, "policy"), naming.comment(comment)
    rules = _rules(draft.rules, kept=before.rules)
    _refuse_taken(name, besides=found)
    found.name, found.description = name, _description(draft.description)
    try:
        with transaction.atomic():
            found.save(update_fields=["name", "description"])
    except IntegrityError as error:
        raise Conflict(f"A policy named {name} has just been made.") from error
    bound = _bind(found, draft.groups)
    same = (before.name, before.description, before.rules, before.groups)
    if same == (found.name, found.description, rules, bound):
        raise DomainError("Nothing was changed, so there is nothing to save.")
    version = _add_version(found, before.number + 1, rules, comment, actor, now)
    changed = sorted(written.changed(written.stored(before.rules), written.stored(rules)))
    audit.record(
        actor,
        "policies.save_policy",
        found,
        now=now,
        version=version.number,
        rules=changed,
        groups={"before": before.groups, "after": version.groups},
        comment=comment,
    )
    return version


@transaction.atomic
def import_policy(
    file: PolicyFile, *, comment: str, actor: User | None, now: datetime
) -> PolicyVersion:
    """A new version of the policy that the file names, or a new policy, which is for no group yet.
    Whom one that exists is for stays."""
    require(actor, Right.MANAGE_POLICIES)
    rules = written.plain(file.settings)
    draft = Draft(naming.name(file.name, "policy"), file.description, rules, frozenset())
    found = Policy.objects.filter(name__iexact=draft.name, removed_at=None).first()
    if found is None:
        return create_policy(draft, comment=comment, actor=actor, now=now)
    number = PolicyVersion.objects.filter(policy=found).order_by("-number")[0].number
    groups = Binding.objects.filter(policy=found).values_list("group_id", flat=True)
    draft = draft._replace(name=found.name, groups=frozenset(groups))
    return save_policy(found.slug, draft, based_on=number, comment=comment, actor=actor, now=now)


@transaction.atomic
def make_default(slug: str, *, actor: User | None, now: datetime) -> None:
    """It is then for every group without one of its own, and needs no bindings any more."""
    require(actor, Right.MANAGE_POLICIES)
    found = _locked(slug)
    if found.default:
        raise DomainError(f"{found.name} is the default policy already.")
    before = Policy.objects.select_for_update().get(default=True)
    Policy.objects.filter(id=before.pk).update(default=False)
    Policy.objects.filter(id=found.pk).update(default=True)
    Binding.objects.filter(policy=found).delete()
    audit.record(actor, "policies.make_default", found, now=now, before=before.name)


@transaction.atomic
def remove_policy(slug: str, *, actor: User | None, now: datetime) -> None:
    """Its groups have the default policy from their hosts' next scans."""
    require(actor, Right.MANAGE_POLICIES)
    found = _locked(slug)
    if found.default:
        raise DomainError(
            f"{found.name} is the default policy. Make another one the default first."
        )
    bound = Group.objects.filter(id__in=Binding.objects.filter(policy=found).values("group"))
    groups = list(bound.values_list("name", flat=True))
    Binding.objects.filter(policy=found).delete()
    found.removed_at = now
    found.save(update_fields=["removed_at"])
    audit.record(actor, "policies.remove_policy", found, now=now, groups=groups)


def _locked(slug: str) -> Policy:
    found = Policy.objects.select_for_update().filter(slug=slug, removed_at=None).first()
    if found is None:
        raise NotFound("There is no policy of this name. It may have been removed.")
    return found


def _add_version(
    found: Policy,
    number: int,
    rules: dict[str, Any],
    comment: str,
    actor: User | None,
    now: datetime,
) -> PolicyVersion:
    return PolicyVersion.objects.create(
        policy=found,
        number=number,
        name=found.name,
        description=found.description,
        rules=rules,
        groups=_bound(found),
        default=found.default,
        comment=comment,
        author=actor,
        at=now,
    )


def _bind(found: Policy, groups: Iterable[int]) -> list[str]:
    """Also takes groups from other policies. Returns the names of those that it is for."""
    wanted = set() if found.default else set(groups)
    known = set(Group.objects.filter(id__in=wanted).values_list("id", flat=True))
    if wanted - known:
        raise DomainError("One of the groups is not there any more. Choose again.")
    Binding.objects.filter(policy=found).exclude(group__in=wanted).delete()
    Binding.objects.bulk_create(
        [Binding(group_id=group, policy=found) for group in sorted(wanted)],
        update_conflicts=True,
        unique_fields=["group"],
        update_fields=["policy"],
    )
    return _bound(found)


def _bound(found: Policy) -> list[str]:
    rows = Binding.objects.filter(policy=found).order_by("group__name")
    return list(rows.values_list("group__name", flat=True))


def _rules(raw: Mapping[str, Any], kept: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What was set before (`kept`) for rules that are no more stays as it was."""
    rules = catalogue()
    gone = {slug: value for slug, value in (kept or {}).items() if slug not in rules}
    settings, problems = written.read(
        {slug: value for slug, value in raw.items() if slug not in gone}, rules
    )
    if problems:
        first = problems[0]
        place = " → ".join(map(str, first.path))
        more = f" And {display.counted(len(problems) - 1, 'more mistake')}." * bool(problems[1:])
        raise DomainError(f"{place}: {first.message}.{more}")
    return {**gone, **written.plain(settings)}


def _description(text: str) -> str:
    text = " ".join(text.split())
    if len(text) > 500 or not text.isprintable():
        raise DomainError("A policy's description has at most 500 printable characters.")
    return text


def _who(version: PolicyVersion) -> str:
    return str(version.author) if version.author else "The command line"


def _refuse_taken(name: str, *, besides: Policy | None) -> None:
    others = Policy.objects.exclude(id=besides.pk) if besides else Policy.objects.all()
    if others.filter(removed_at=None, name__iexact=name).exists():
        raise Conflict(f"There is already a policy {name}.")
