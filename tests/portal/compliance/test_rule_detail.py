"""One rule: what it is, how to mend it with a container's own values, and who fails it."""

import csv
import io
import zlib
from datetime import timedelta

import pytest
from django.test import Client
from msgspec import UNSET

from portal.accounts.models import User
from portal.compliance import actions
from portal.compliance.models import Result
from portal.fleet.models import ConfigVersion, Container, Host
from portal.fleet.queries import configuration
from portal.policies import actions as policies
from scanner import BY_SLUG, RULES, advice
from scanner.remedy import written
from tests.fleet import NOW, failed_scan, named, register, scan
from tests.portal.compliance.pages import BUDGET, NASTY, links, number, queries, text_of, total
from tests.recorded import without

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)
PAGE = "/rules/privileged/"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: LATER)


@pytest.fixture
def fleet() -> list[Host]:
    web, test = register("prod-web-1"), register("test-1", environment="staging")
    tuned = {"memory": 64 * 1024**2, "user": "1000:1000"}
    scan(web, named("privileged", "reports", **tuned), named("isolation_plain", "web"))
    scan(test, named("privileged", "runner"), now=LATER)
    return [web, test]


def test_it_says_what_why_and_how(as_alice: Client, fleet: list[Host]) -> None:
    shown = text_of(as_alice.get(PAGE))
    rule = BY_SLUG["privileged"]
    for said in (rule.title, rule.why, rule.fix.summary, rule.fix.side_effects, "CIS 5.5"):
        assert said in shown
    assert "docker inspect --format '{{json .HostConfig.Privileged}}' reports" in shown
    assert "reports HostConfig.Privileged is true, wanted: false" in shown


@pytest.mark.parametrize("scope", ["", "?environment=staging"])
def test_each_number_is_that_of_the_list_behind_it(
    as_alice: Client, fleet: list[Host], scope: str
) -> None:
    response = as_alice.get(PAGE + scope)
    shown = [link for link in links(response, "rule=privileged") if link[1][0].isdigit()]
    assert len(shown) == 3  # those that fail, those that were checked, and those that are open
    for address, text in shown:
        assert total(as_alice.get(address)) == number(text)


def test_the_fix_is_filled_in_with_the_first_that_fails(
    as_alice: Client, fleet: list[Host]
) -> None:
    response = as_alice.get(PAGE)
    shown = text_of(response)
    assert "Filled in with what reports on prod-web-1 was last seen to have." in shown
    assert "--memory 64m" in shown
    assert "--user 1000:1000" in shown
    assert "was: --privileged" in shown
    assert "mem_limit" in shown


def test_another_container_can_be_chosen(as_alice: Client, fleet: list[Host]) -> None:
    runner = Container.objects.get(name="runner")
    response = as_alice.get(PAGE, {"for": runner.pk})
    assert f'<option value="{runner.pk}" selected>runner on test-1</option>' in (
        response.content.decode()
    )
    assert "Filled in with what runner on test-1" in text_of(response)
    assert "--memory 64m" not in text_of(response)


def test_a_container_that_does_not_fail_cannot_be_chosen(
    as_alice: Client, fleet: list[Host]
) -> None:
    other = Container.objects.get(name="web")
    assert "Filled in with what reports" in text_of(as_alice.get(PAGE, {"for": other.pk}))


def test_the_scope_bounds_who_fails(as_alice: Client, fleet: list[Host]) -> None:
    shown = text_of(as_alice.get(f"{PAGE}?environment=staging"))
    assert "1 of 1 check fails" in shown
    assert "runner on test-1" in shown
    assert "reports on" not in shown
    assert "prod-web-1" not in shown


def test_a_rule_that_holds_says_how_far_that_is_known(as_alice: Client) -> None:
    web, away = register("prod-web-1"), register("prod-web-2")
    scan(web, named("isolation_plain", "web"), without(named("privileged", "odd"), "privileged"))
    failed_scan(away)
    shown = text_of(as_alice.get(PAGE))
    assert "0 of 2 checks fail · 1 unknown" in shown
    assert "Held in all 1 check that could be made" in shown
    assert "1 unknown. Last check: 24 Nov 2026, 12:00. 1 of 2 hosts covered." in shown
    assert "No container of this scope fails, so this is an example." in shown


def test_a_rule_that_holds_says_since_when(as_alice: Client) -> None:
    web = register("prod-web-1")
    scan(web, named("privileged", "reports"), now=NOW - timedelta(days=9))
    scan(web, named("isolation_plain", "reports"), now=NOW - timedelta(days=5))
    shown = text_of(as_alice.get(PAGE))
    assert "Held in all 1 check that could be made, since 19 Nov 2026" in shown


def test_how_many_more_fail_than_a_week_ago(as_alice: Client) -> None:
    web = register("prod-web-1")
    scan(web, named("privileged", "reports"), now=NOW - timedelta(days=9))
    scan(web, named("privileged", "reports"), named("privileged", "more"), now=NOW)
    while actions.roll_up_days(now=LATER):
        pass
    assert "2 of 2 checks fail · 1 more since 18 Nov 2026" in text_of(as_alice.get(PAGE))


def test_its_past_is_one_link_away(as_alice: Client, fleet: list[Host]) -> None:
    response = as_alice.get(f"{PAGE}?environment=staging&days=90&hosts=2")
    [(address, text)] = links(response, "/history/")
    assert address == "/rules/privileged/history/?environment=staging&days=90&hosts=2"
    assert text == "How the rule held by day, and on which hosts"
    assert as_alice.get(address).status_code == 200


def test_without_a_scan_nothing_is_said_to_hold(as_alice: Client) -> None:
    shown = text_of(as_alice.get(PAGE))
    assert "Not checked yet in this scope" in shown
    assert "Held" not in shown


def test_where_a_rule_applies_to_nothing(as_alice: Client) -> None:
    scan(register("prod-web-1"), named("isolation_plain", "web"))
    gone = Result.objects.filter(verdict="not_applicable").values_list("rule", flat=True)
    assert gone
    shown = text_of(as_alice.get(f"/rules/{gone[0]}/"))
    assert "applies to" in shown
    assert "1 not applicable" in shown or "not applicable" in shown


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.slug)
def test_every_rule_has_its_page(as_alice: Client, rule: object) -> None:
    scan(register("prod-web-1"), named("everything", "shop"), named("privileged", "reports"))
    response = as_alice.get(f"/rules/{rule.slug}/")  # type: ignore[attr-defined]
    assert response.status_code == 200
    shown = text_of(response)
    assert rule.title in shown  # type: ignore[attr-defined]
    for name in rule.parameters.__struct_fields__:  # type: ignore[attr-defined]
        assert name in shown


@pytest.mark.parametrize("case", ["everything", "privileged", "devices_gpu", "ports_many"])
def test_the_kept_configuration_gives_the_same_advice(case: str) -> None:
    seen = named(case, "shop")
    scan(register("prod-web-1"), seen)
    kept = configuration(Container.objects.get(name="shop"))
    assert kept is not None
    assert kept.id == seen.id
    for rule in RULES:
        assert advice(rule, kept) == advice(rule, written(seen))


def test_a_configuration_with_missing_facts_is_understood() -> None:
    scan(register("prod-web-1"), without(named("privileged", "odd"), "memory", "mounts"))
    kept = configuration(Container.objects.get(name="odd"))
    assert kept is not None
    assert object.__getattribute__(kept, "memory") is UNSET
    assert written(kept).memory == 0


@pytest.mark.parametrize("body", [b"", b"no zlib", zlib.compress(b"[1]"), zlib.compress(b"{")])
def test_a_configuration_that_is_spoiled_is_none(body: bytes) -> None:
    scan(register("prod-web-1"), named("privileged", "odd"))
    ConfigVersion.objects.update(body=body)
    assert configuration(Container.objects.get(name="odd")) is None


def test_values_of_variables_are_never_shown(as_alice: Client) -> None:
    scan(register("prod-web-1"), named("environment_secrets", "shop"))
    shown = as_alice.get("/rules/secrets-in-environment/").content.decode()
    assert "for-the-tests-only" not in shown.replace("DATABASE_PASSWORD=for-the-tests-only", "")
    assert "Values of environment variables never leave the host" in shown


def test_names_cannot_break_the_page(as_alice: Client) -> None:
    name = "<img src=x onerror=alert(1)>"
    scan(register("prod-web-1"), named("privileged", name), named("privileged", "x" * 300))
    page = as_alice.get(PAGE).content.decode()
    assert name not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


@pytest.mark.parametrize("query", NASTY)
def test_a_hostile_address_gives_a_page(as_alice: Client, fleet: list[Host], query: str) -> None:
    assert as_alice.get(f"{PAGE}?{query}").status_code == 200


def test_a_rule_that_does_not_exist(as_alice: Client) -> None:
    assert as_alice.get("/rules/no-such-rule/").status_code == 404


def test_who_may_and_how(client: Client, as_charlie: Client) -> None:
    assert client.get(PAGE)["Location"] == f"/login/?next={PAGE}"
    assert as_charlie.get(PAGE).status_code == 200
    assert as_charlie.post(PAGE).status_code == 405


def test_the_queries_do_not_grow_with_the_fleet(as_alice: Client) -> None:
    scan(register("host-0"), named("privileged", "shop"))
    few = queries(as_alice, PAGE)
    for place in range(1, 4):
        scan(register(f"host-{place}"), *(named("privileged", f"shop-{n}") for n in range(12)))
    assert queries(as_alice, PAGE) == few <= BUDGET


def test_what_each_policy_does_with_it(as_alice: Client, fleet: list[Host], alice: User) -> None:
    rules = {"pids-limit": {"severity": "high", "parameters": {"maximum": 50}}}
    draft = policies.Draft("Edge", "", rules, ())
    policies.create_policy(draft, comment="for the edge", actor=alice, now=NOW)
    shown = text_of(as_alice.get("/rules/pids-limit/"))
    assert "Edge no group Changed High" in shown
    assert "version 1, Alice" in shown
    assert "50 in Edge" in shown


def test_one_that_every_policy_has_off_says_so(
    as_alice: Client, fleet: list[Host], alice: User
) -> None:
    draft = policies.Draft("Baseline", "", {"privileged": {"state": "off"}}, ())
    policies.save_policy("baseline", draft, based_on=1, comment="no", actor=alice, now=NOW)
    assert "Every policy has this rule off" in text_of(as_alice.get(PAGE))


def test_one_that_needs_ssh_says_so(as_alice: Client, fleet: list[Host]) -> None:
    shown = text_of(as_alice.get("/rules/kernel-hardening/"))
    assert "it needs a host that is reached over SSH" in shown


def test_who_fails_can_be_exported(as_alice: Client, fleet: list[Host]) -> None:
    response = as_alice.get(f"{PAGE}failing.csv?environment=staging")
    rows = list(csv.DictReader(io.StringIO(response.getvalue().decode())))
    assert [(row["subject"], row["host"], row["severity"]) for row in rows] == [
        ("runner", "test-1", "critical")
    ]
    assert as_alice.get("/rules/no-such/failing.csv").status_code == 404
