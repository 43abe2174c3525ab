"""The list of rules: every rule once, and every number the length of the list it leads to."""

import csv
import io
from datetime import timedelta

import pytest
from django.test import Client

from portal.accounts.models import User
from portal.compliance.models import Result
from portal.fleet.models import Host
from portal.policies import actions as policies
from scanner import RULES
from tests.fleet import NOW, named, register, scan
from tests.past import fleet_with_a_past
from tests.portal.compliance.pages import BUDGET, NASTY, links, number, queries, text_of, total
from tests.recorded import without

pytestmark = pytest.mark.django_db
LIST = "/rules/"


@pytest.fixture
def fleet() -> list[Host]:
    web, test = register("prod-web-1"), register("test-1", environment="staging")
    scan(web, named("privileged", "reports"), named("everything", "shop"))
    scan(web, without(named("privileged", "reports"), "memory"), named("everything", "shop"))
    scan(test, named("devices_given", "tool"))
    return [web, test]


def slugs(client: Client, query: str = "") -> list[str]:
    response = client.get(f"{LIST}?{query}")
    assert response.status_code == 200
    found = [address.split("/")[2] for address, _ in links(response, LIST)]
    return [slug for slug in found if slug and not slug.startswith(("?", "rules.csv"))]


def test_it_holds_every_rule_by_family(as_alice: Client, fleet: list[Host]) -> None:
    assert slugs(as_alice) == [rule.slug for rule in RULES]
    shown = text_of(as_alice.get(LIST))
    labels = list(dict.fromkeys(rule.family.label for rule in RULES))
    places = [shown.rindex(f" {label} Rule Failing") for label in labels]
    assert places == sorted(places)
    assert f"{len(RULES)} rules" in shown
    assert "· Report 1.1(3) · CIS 5.5" in shown


@pytest.mark.parametrize("scope", ["", "environment=production", "environment=staging"])
def test_each_number_is_that_of_the_list_behind_it(
    as_alice: Client, fleet: list[Host], scope: str
) -> None:
    response = as_alice.get(f"{LIST}?{scope}")
    shown = links(response, "verdict=")
    assert len(shown) > 10
    seen = 0
    for address, text in shown:
        assert total(as_alice.get(address)) == number(text)
        seen += "verdict=fail" in address and "verdict=pass" not in address
    assert seen == len({row.rule for row in _results(scope) if row.verdict == "fail"})


def _results(scope: str) -> list[Result]:
    found = Result.objects.filter(gone_at=None)
    if scope:
        found = found.filter(host__group__environment=scope.partition("=")[2])
    return list(found)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("family=network", {r.slug for r in RULES if r.family.value == "network"}),
        ("severity=critical", {r.slug for r in RULES if r.severity.value == "critical"}),
        ("q=cis 5.11", {"memory-limit", "memory-swap-limit"}),
        ("q=PRIVILEGED container", {"privileged"}),
        ("family=network&severity=critical", set()),
        ("applies=network", {r.slug for r in RULES if r.subject_kind == "network"}),
        ("ssh=1", {r.slug for r in RULES if r.needs_ssh}),
        ("policy=off", set()),
    ],
)
def test_filters(as_alice: Client, fleet: list[Host], query: str, wanted: set[str]) -> None:
    shown = set(slugs(as_alice, query))
    assert wanted <= shown if query.startswith("q=") else shown == wanted
    assert len(shown) < len(RULES)


def test_only_those_that_fail(as_alice: Client, fleet: list[Host]) -> None:
    failing = set(Result.objects.filter(verdict="fail").values_list("rule", flat=True))
    assert set(slugs(as_alice, "failing=1")) == failing
    assert "Remove filter Show" in as_alice.get(f"{LIST}?failing=1").content.decode()


def test_what_policies_do_with_a_rule_is_told_and_can_be_filtered_by(
    as_alice: Client, fleet: list[Host], alice: User
) -> None:
    rules = {
        "privileged": {"state": "off"},
        "pids-limit": {"parameters": {"maximum": 50}},
        "memory-limit": {"state": "shadow"},
    }
    draft = policies.Draft("Edge", "", rules, ())
    policies.create_policy(draft, comment="for the edge", actor=alice, now=NOW)
    assert slugs(as_alice, "policy=off") == ["privileged"]
    assert slugs(as_alice, "policy=shadow") == ["memory-limit"]
    assert slugs(as_alice, "policy=changed") == ["pids-limit"]
    shown = text_of(as_alice.get(f"{LIST}?policy=off&policy=shadow&policy=changed"))
    for said in ("Off in Edge", "In shadow in Edge", "Changed in Edge"):
        assert said in shown


def test_it_can_be_exported_as_it_is_filtered(as_alice: Client, fleet: list[Host]) -> None:
    response = as_alice.get(f"{LIST}rules.csv?failing=1&family=isolation")
    assert response["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(response.getvalue().decode())))
    assert [row["rule"] for row in rows] == slugs(as_alice, "failing=1&family=isolation")
    [privileged] = [row for row in rows if row["rule"] == "privileged"]
    assert (privileged["failed"], privileged["policy"], privileged["CIS"]) == ("1", "on", "5.5")


def test_each_rule_says_how_its_last_weeks_were(
    as_alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    fleet_with_a_past(NOW)
    page = as_alice.get(LIST)
    shown = text_of(page)
    assert 'aria-label="Last 13' in page.content.decode()
    assert "The worst day of each week: ✓ pass ✕ fail" in shown
    assert "no fail for 80 days, since 5 Sep 2026" in shown  # since SYS_ADMIN was taken away
    [row] = csv.DictReader(
        io.StringIO(as_alice.get(f"{LIST}rules.csv?q=added-capabilities").getvalue().decode())
    )
    assert row["held since"].startswith("2026-09-05")


def test_filters_that_hide_everything(as_alice: Client) -> None:
    shown = text_of(as_alice.get(f"{LIST}?q=no-such-thing"))
    assert "No rules match these filters" in shown
    assert f"0 of {len(RULES)} rules" in shown


def test_what_was_not_checked_is_not_shown_as_passed(as_alice: Client) -> None:
    shown = text_of(as_alice.get(LIST))
    assert shown.count("not checked yet") == len(RULES)
    assert " 0 of " not in shown


@pytest.mark.parametrize("query", NASTY)
def test_a_hostile_address_gives_a_page(as_alice: Client, query: str) -> None:
    assert as_alice.get(f"{LIST}?{query}").status_code == 200


def test_who_may_and_how(client: Client, as_charlie: Client) -> None:
    assert client.get(LIST)["Location"] == f"/login/?next={LIST}"
    assert as_charlie.get(LIST).status_code == 200
    assert as_charlie.post(LIST).status_code == 405


def test_the_queries_do_not_grow_with_the_fleet(as_alice: Client) -> None:
    few = queries(as_alice, LIST)
    for place in range(3):
        now = NOW + timedelta(minutes=place)
        scan(register(f"host-{place}"), named("everything", "shop"), now=now)
    assert queries(as_alice, LIST) == few <= BUDGET
