"""What a preview says is what saving and scanning again then does."""

import random
from collections import Counter
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.compliance import whatif
from portal.compliance.models import Result
from portal.compliance.whatif import Edit, Preview
from portal.fleet.models import ConfigVersion, Group, Host
from portal.policies import actions, queries
from portal.policies.actions import Draft
from portal.policies.models import Policy
from portal.policies.queries import held
from scanner import RULES, Severity, policies
from scanner.model import Container, Health, Network
from tests.fleet import NOW, named, register, scan
from tests.recorded import without

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)
Key = tuple[str, str, str, str, str]


class Seen(NamedTuple):
    containers: tuple[Container, ...]
    networks: tuple[Network, ...] | None


OVERLAY = Network(id="1", name="mesh", driver="overlay", scope="swarm")
FLEET: dict[str, tuple[str, Seen]] = {
    "web-1": ("Web", Seen((named("privileged"), named("everything", "shop")), (OVERLAY,))),
    "web-2": ("Web", Seen((named("isolation_plain", "shop"), named("cap_add_all")), ())),
    "db-1": (
        "Data",
        Seen(
            (
                without(named("privileged", "half"), "cap_add", "memory", "privileged"),
                named("healthcheck_starting", "ill", health=Health("unhealthy", 3, "refused")),
                named("environment_secrets"),
            ),
            None,
        ),
    ),
    "ci-1": ("Build", Seen((named("user_root_running"), named("everything", "runner")), ())),
    "ci-2": ("Build", Seen((), ())),
}


@pytest.fixture
def fleet() -> dict[str, Host]:
    hosts = {name: register(name, group=group, owner=group) for name, (group, _) in FLEET.items()}
    register("never-read", group="Web")
    scan_all(hosts, NOW)
    return hosts


def scan_all(hosts: dict[str, Host], now: Any) -> None:
    for name, host in hosts.items():
        _, seen = FLEET[name]
        scan(host, *seen.containers, networks=seen.networks, now=now)


def units() -> dict[bytes, Result]:
    return {bytes(row.identity): row for row in Result.objects.select_related("host__group")}


def key(row: Result) -> Key:
    return row.host.group.name, row.rule, row.host.name, row.subject, row.sub_object


def effect(before: dict[bytes, Result], after: dict[bytes, Result]) -> dict[str, Counter[Key]]:
    """What really changed, by kind."""
    found: dict[str, Counter[Key]] = {kind: Counter() for kind in whatif.KINDS}
    for identity in before.keys() | after.keys():
        old, new = before.get(identity), after.get(identity)
        was_open, is_open = old is not None and old.open, new is not None and new.open
        if new is not None and is_open and not was_open:
            found["appear"][key(new)] += 1
        if old is not None and was_open and not is_open:
            found["vanish"][key(old)] += 1
        if new is not None and unknown(new) and not (old is not None and unknown(old)):
            found["unknown"][key(new)] += 1
        if old is not None and new is not None and was_open and is_open:
            found["moved"][key(new)] += old.severity != new.severity
    return {kind: +counts for kind, counts in found.items()}


def unknown(row: Result) -> bool:
    return row.verdict == "unknown" and row.gone_at is None


def told(preview: Preview) -> dict[str, Counter[Key]]:
    return {
        kind: Counter(
            (line.group, line.rule, line.host, line.subject, line.sub_object) for line in lines
        )
        for kind, lines in preview.lines.items()
    }


# --- what may be set


VALUES: dict[str, list[Any]] = {
    "bool": [True, False],
    "int": [0, 1, 64, 300, 100_000],
    "str": ["", "a", "0"],
}


def some_parameters(chance: random.Random, rule: Any) -> dict[str, Any]:
    """Values that the rule takes, of whatever kinds its parameters are."""
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(rule.parameters):
        if chance.random() < 0.4:
            continue
        own = msgspec.to_builtins(getattr(rule.parameters(), field.name))
        for value in chance.sample([*VALUES["bool"], *VALUES["int"], [], {}, own], 5):
            try:
                msgspec.convert({field.name: value}, rule.parameters)
            except msgspec.ValidationError:
                continue
            found[field.name] = value
            break
    return found


def some_rules(chance: random.Random, amount: int) -> dict[str, Any]:
    return {
        rule.slug: {
            "state": chance.choice(["on", "on", "shadow", "off"]),
            "severity": chance.choice([None, *(each.value for each in Severity)]),
            "parameters": some_parameters(chance, rule) or None,
        }
        for rule in chance.sample(RULES, amount)
    }


def some_groups(chance: random.Random) -> frozenset[int]:
    groups = list(Group.objects.order_by("name").values_list("id", flat=True))
    return frozenset(chance.sample(groups, chance.randint(0, len(groups))))


@pytest.mark.parametrize("seed", range(4))
def test_the_preview_is_what_saving_and_scanning_then_does(seed: int, fleet: dict[str, Host]):
    chance = random.Random(seed)  # noqa: S311 - to be the same at each run
    moment = LATER
    happened: Counter[str] = Counter()
    for number in range(5):
        moment += timedelta(hours=1)
        found = chance.choice([None, default(), *Policy.objects.order_by("id")])
        amount = chance.choice([1, 2, 5])
        if number == 0:
            found, amount = default(), len(RULES) // 2
        rules, groups = some_rules(chance, amount), some_groups(chance)
        settings, problems = policies.read(rules, queries.catalogue())
        assert problems == []
        edit = Edit(found.pk if found else None, settings, groups)
        preview = whatif.preview(edit, now=moment)
        draft = Draft(f"Policy {number}", "", rules, groups)
        if found is None:
            actions.create_policy(draft, comment="New", actor=None, now=moment)
        else:
            version = queries.versions(found)[0]
            draft = draft._replace(name=found.name, description=f"Edit {number}")
            actions.save_policy(
                found.slug, draft, based_on=version.number, comment="x", actor=None, now=moment
            )
        before = units()
        scan_all(fleet, moment)
        real = effect(before, units())
        assert {kind: sum(real[kind].values()) for kind in real} == dict(preview.amounts)
        for kind, lines in told(preview).items():
            assert lines <= real[kind]
            assert sum(lines.values()) == min(sum(real[kind].values()), whatif.MOST_LINES)
        assert by_group(preview) == Counter(
            {
                (kind, place[0]): count
                for kind, keys in real.items()
                for place, count in grouped(keys).items()
            }
        )
        happened.update({kind: bool(count) for kind, count in preview.amounts.items()})
    assert happened["appear"] + happened["vanish"] > 0


def by_group(preview: Preview) -> Counter[tuple[str, str]]:
    return +Counter(
        {
            (kind, part.group): amount
            for part in preview.parts
            for kind, amount in part.amounts.items()
        }
    )


def grouped(keys: Counter[Key]) -> Counter[tuple[str]]:
    found: Counter[tuple[str]] = Counter()
    for place, count in keys.items():
        found[place[:1]] += count
    return found


# --- single cases


def default() -> Policy:
    return Policy.objects.get(default=True)


def edited(**rules: Any) -> Preview:
    """Of the default policy, with these settings; underscores stand for hyphens."""
    raw = {slug.replace("_", "-"): value for slug, value in rules.items()}
    settings, problems = policies.read(raw, queries.catalogue())
    assert problems == []
    return whatif.preview(Edit(default().pk, settings, frozenset()), now=LATER)


def test_an_edit_that_changes_nothing_changes_nothing(fleet: dict[str, Host]):
    found = edited()
    assert found.changes_nothing
    assert (found.rules, found.hosts, found.unread, found.lost) == (frozenset(), 5, 1, 0)


def test_a_rule_turned_off_takes_its_findings_with_it(fleet: dict[str, Host]):
    found = edited(privileged="off")
    count = Result.objects.filter(rule="privileged", open=True).count()
    assert count > 0
    assert found.amounts == {"appear": 0, "vanish": count, "unknown": 0, "moved": 0}
    line = found.lines["vanish"][0]
    assert line.finding_id in set(Result.objects.values_list("id", flat=True))


def test_a_parameter_brings_findings_that_say_where(fleet: dict[str, Host]):
    found = edited(**{"added-capabilities": {"parameters": {"allowed": []}}})
    assert found.amounts["appear"] > 0
    assert {line.rule for line in found.lines["appear"]} == {"added-capabilities"}
    assert {line.finding_id for line in found.lines["appear"]} == {None}
    assert [part.group for part in found.parts] == sorted(part.group for part in found.parts)


def test_another_severity_moves_them(fleet: dict[str, Host]):
    found = edited(privileged={"severity": "low"})
    count = Result.objects.filter(rule="privileged", open=True).count()
    assert found.amounts == {"appear": 0, "vanish": 0, "unknown": 0, "moved": count}
    assert {(line.before, line.severity) for line in found.lines["moved"]} == {(3, 0)}


def test_what_is_not_known_becomes_unknown_and_says_why(fleet: dict[str, Host]):
    edit = {"privileged": "off"}
    draft = Draft("Baseline", "", edit, frozenset())
    actions.save_policy("baseline", draft, based_on=1, comment="x", actor=None, now=LATER)
    scan_all(fleet, LATER)
    found = edited()
    assert found.amounts["unknown"] == 1
    [line] = found.lines["unknown"]
    assert (line.host, line.subject, line.rule) == ("db-1", "half", "privileged")
    assert line.reason


def test_hosts_that_wait_for_their_scan_are_compared_with_what_stands(fleet: dict[str, Host]):
    """Saved, but not scanned: what was previewed then is still to come."""
    first = edited(privileged="off")
    draft = Draft("Baseline", "", {"privileged": "off"}, frozenset())
    actions.save_policy("baseline", draft, based_on=1, comment="x", actor=None, now=LATER)
    again = edited(privileged="off")
    assert (again.amounts, again.lines) == (first.amounts, first.lines)
    assert edited().changes_nothing


def test_only_the_groups_that_it_is_for_are_concerned(fleet: dict[str, Host]):
    build = Group.objects.get(name="Build")
    settings, _ = policies.read({"privileged": "off", "root-user": "off"}, queries.catalogue())
    found = whatif.preview(Edit(None, settings, frozenset({build.pk})), now=LATER)
    assert (found.hosts, {part.group for part in found.parts}) == (2, {"Build"})


def test_a_group_taken_from_a_policy_gets_the_default_again(fleet: dict[str, Host]):
    build = frozenset(Group.objects.filter(name="Build").values_list("id", flat=True))
    draft = Draft("Lax", "", {"root-user": "off"}, build)
    lax = actions.create_policy(draft, comment="x", actor=None, now=LATER).policy
    scan_all(fleet, LATER)
    settings, _ = policies.read({"root-user": "off"}, queries.catalogue())
    found = whatif.preview(Edit(lax.pk, settings, frozenset()), now=LATER)
    assert found.amounts["appear"] > 0
    assert {line.rule for line in found.lines["appear"]} == {"root-user"}


def test_a_rule_in_shadow_appears_nowhere(fleet: dict[str, Host]):
    assert edited(privileged="shadow").amounts == edited(privileged="off").amounts


def test_of_a_host_whose_configuration_is_lost_nothing_is_told(fleet: dict[str, Host]):
    ConfigVersion.objects.filter(
        digest=Host.objects.values("surroundings").get(name="web-1")["surroundings"]
    ).update(body=b"")
    found = edited(**{"added-capabilities": {"parameters": {"allowed": []}}})
    lost = Host.objects.filter(
        surroundings=Host.objects.values("surroundings").get(name="web-1")["surroundings"]
    )
    assert found.lost == lost.count()
    assert "web-1" not in {line.host for line in found.lines["appear"]}


def test_the_number_of_queries_does_not_depend_on_the_fleet(fleet: dict[str, Host]):
    with held(), CaptureQueriesContext(connection) as few:
        edited(privileged={"severity": "low"}, root_user="off")
    for number in range(12):
        host = register(f"more-{number}", group=f"More {number % 4}")
        scan(host, named("privileged"), named("everything"))
    with held(), CaptureQueriesContext(connection) as many:
        edited(privileged={"severity": "low"}, root_user="off")
    assert len(few) == len(many) <= 13


def test_lines_are_bounded_and_the_most_severe_stay(fleet: dict[str, Host], monkeypatch: Any):
    monkeypatch.setattr(whatif, "MOST_LINES", 3)
    found = edited(**{rule.slug: "off" for rule in RULES})
    assert found.amounts["vanish"] > 30
    severities = sorted(Result.objects.filter(open=True).values_list("severity", flat=True))
    assert [line.severity for line in found.lines["vanish"]] == severities[:-4:-1]


def test_it_writes_nothing(fleet: dict[str, Host]):
    with CaptureQueriesContext(connection) as queried:
        edited(privileged="off", root_user={"severity": "low"})
    verbs = {query["sql"].split()[0] for query in queried}
    assert verbs <= {"SELECT", "DECLARE", "FETCH", "CLOSE"}
