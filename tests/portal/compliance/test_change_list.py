"""What got worse and better between two moments: net changes, whose they are, and what of them is
no doing of the fleet."""

import csv
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.compliance.models import Cause, Retention, RuleSet, Silence, Transition
from portal.compliance.queries import changes as queries
from portal.compliance.queries.net_changes import Row
from portal.fleet.models import Container, ContainerVersion, Host
from portal.policies import actions as policy_actions
from portal.policies import queries as policies
from portal.policies.actions import Draft
from portal.policies.models import Policy
from scanner.model import Gap
from tests.fleet import NOW, named, register, scan
from tests.portal.compliance.pages import BUDGET, NASTY, links, text_of
from tests.recorded import without

pytestmark = pytest.mark.django_db
HOSTILE = "<img src=x onerror=alert(1)>"
FORMULA = "=cmd|' /C calc'!A0"
DAY = timedelta(days=1)


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def host(now: datetime) -> Host:
    """Registered and read long ago."""
    found = register("prod-web-1", now=now - 60 * DAY)
    scan(found, named("isolation_plain", "reports"), now=now - 50 * DAY)
    return found


def totals(client: Client, query: str = "") -> dict[str, int]:
    answer = client.get(f"/changes/?{query}")
    assert answer.status_code == 200
    return {label: number for label, number, _, _ in answer.context["tabs"]}


def rows(client: Client, query: str = "") -> list[Any]:
    found = client.get(f"/changes/?{query}").context["teams"]
    return [line for _, _, lines in found for line in lines]


def row_of(client: Client, rule: str, query: str = "") -> Row:
    """The one change of a rule."""
    [found] = [line.row for line in rows(client, f"{query}&size=200") if line.row.rule == rule]
    return found


def steps(**wanted: Any) -> Any:
    return Transition.objects.filter(**wanted)


# What is a change


def test_what_began_to_fail_got_worse(as_alice: Client, host: Host, now: datetime):
    scan(host, named("privileged", "reports"), now=now - DAY)
    found = totals(as_alice)
    assert found["Worse"] == steps(at__gt=now - 7 * DAY, change="opened").count() > 0
    assert sum(found.values()) == found["Worse"] + found["Better"]
    row = row_of(as_alice, "privileged")
    assert (row.before, row.after) == ("not_failing", "open")
    assert [fact for fact in row.facts if fact.after == "true"]


def test_what_was_fixed_got_better_and_says_what_it_was(
    as_alice: Client, host: Host, now: datetime
):
    scan(host, named("privileged", "reports"), now=now - 30 * DAY)
    scan(host, named("isolation_plain", "reports"), now=now - DAY)
    assert totals(as_alice)["Worse"] == 0
    row = row_of(as_alice, "privileged", "show=better")
    assert (row.before, row.after) == ("open", "resolved")
    assert [fact for fact in row.facts if fact.before == "true"]
    assert "true" in text_of(as_alice.get("/changes/?show=better"))


def test_what_ends_as_it_began_is_no_change(as_alice: Client, host: Host, now: datetime):
    scan(host, named("privileged", "reports"), now=now - 3 * DAY)
    scan(host, named("isolation_plain", "reports"), now=now - 2 * DAY)
    assert steps(at__gt=now - 7 * DAY).count() > 0
    assert set(totals(as_alice).values()) == {0}
    assert "Nothing changed in either direction" in text_of(as_alice.get("/changes/"))


def test_what_came_back_and_was_fixed_before_is_worse_again(
    as_alice: Client, host: Host, now: datetime
):
    scan(host, named("privileged", "reports"), now=now - 30 * DAY)
    scan(host, named("isolation_plain", "reports"), now=now - 20 * DAY)
    for days in (5, 3, 1):
        scan(host, named("privileged", "reports"), now=now - days * DAY)
        if days > 1:
            scan(host, named("isolation_plain", "reports"), now=now - (days - 1) * DAY)
    row = row_of(as_alice, "privileged")
    assert (row.before, row.after) == ("resolved", "open")
    assert row.at == now - DAY


def test_only_what_happened_within_the_time_counts(as_alice: Client, host: Host, now: datetime):
    scan(host, named("privileged", "reports"), now=now - 10 * DAY)
    assert totals(as_alice, "days=7")["Worse"] == 0
    assert totals(as_alice, "days=30")["Worse"] > 0
    assert totals(as_alice, f"to={(now - 11 * DAY).date()}")["Worse"] == 0
    day = (now - 10 * DAY).date()
    assert totals(as_alice, f"from={day}&to={day}")["Worse"] > 0
    assert totals(as_alice, f"from={day + DAY}")["Worse"] == 0


def test_what_went_with_its_container_is_gone(as_alice: Client, host: Host, now: datetime):
    scan(host, named("privileged", "reports"), now=now - 30 * DAY)
    scan(host, now=now - DAY)
    found = totals(as_alice)
    assert found["Gone"] > 0
    assert found["Better"] == 0
    assert row_of(as_alice, "privileged", "show=gone").after == "vanished"


def test_all_on_a_host_that_was_registered_within_the_time_is_new(
    as_alice: Client, host: Host, now: datetime
):
    fresh = register("edge-9", now=now - 2 * DAY)
    scan(fresh, named("privileged", "agent"), now=now - DAY)
    found = totals(as_alice)
    assert found["New things"] > 0
    assert found["Worse"] == 0
    words = text_of(as_alice.get("/changes/?show=new"))
    assert "edge-9 (registered within the time)" in words
    assert "1 of 2 hosts compared" in words


def test_a_finding_of_a_new_container_is_new(as_alice: Client, host: Host, now: datetime):
    scan(host, named("isolation_plain", "reports"), named("privileged", "agent"), now=now - DAY)
    steps(at=now - DAY).update(cause=Cause.APPEARED)
    found = totals(as_alice)
    assert found["New things"] == steps(at=now - DAY).count() > 0
    assert found["Worse"] == 0
    row = row_of(as_alice, "privileged", "show=new")
    assert row.before == "absent"
    assert row.why == "New container"


@pytest.mark.parametrize("cause", [Cause.POLICY, Cause.RULES])
def test_what_rules_or_policies_did_is_no_doing_of_the_fleet(
    as_alice: Client, host: Host, now: datetime, cause: Cause
):
    done = scan(host, named("privileged", "reports"), now=now - DAY)
    steps(scan=done).update(cause=cause)
    found = totals(as_alice)
    assert found["Rule or policy changes"] == sum(found.values()) > 0
    answer = as_alice.get("/changes/?show=rules")
    assert "differ because rules or policies changed" in text_of(answer)
    why = row_of(as_alice, "privileged", "show=rules").why
    assert why.endswith(done.policy if cause == Cause.POLICY else done.rule_set)


def test_a_rule_that_a_policy_leaves_out_and_takes_in_again(
    as_alice: Client, host: Host, now: datetime
):
    scan(host, named("privileged", "reports"), now=now - 9 * DAY)
    for days, state in ((5, "off"), (2, "on")):
        found = Policy.objects.get(default=True)
        version = policies.versions(found)[0]
        draft = Draft(found.name, "changed", {"privileged": state}, frozenset())
        at = now - days * DAY
        policy_actions.save_policy(
            found.slug, draft, based_on=version.number, comment="x", actor=None, now=at
        )
        scan(host, named("privileged", "reports"), now=at + timedelta(hours=1))
        if state == "off":
            row = row_of(as_alice, "privileged", "show=rules")
            assert (row.before, row.after) == ("open", "unjudged")
            assert row.why == "Policy changed: Baseline v2"
    assert set(totals(as_alice, "days=7").values()) == {0}
    middle = (now - 3 * DAY).date()
    row = row_of(as_alice, "privileged", f"show=rules&from={middle}")
    assert (row.before, row.after) == ("unjudged", "open")
    assert "Baseline v3" in text_of(as_alice.get("/changes/"))


def test_what_could_not_be_read_at_the_end_cannot_be_compared(
    as_alice: Client, host: Host, now: datetime
):
    whole = named("privileged", "reports")
    scan(host, whole, now=now - 30 * DAY)
    gaps = [Gap("reports", "inspect", "it was denied")]
    scan(host, without(whole, "privileged"), gaps=gaps, now=now - DAY)
    row = row_of(as_alice, "privileged", "show=unclear")
    assert (row.before, row.after) == ("open", "unknown")
    scan(host, whole, now=now)
    assert totals(as_alice)["Not comparable"] == 0
    hour = (now - timedelta(hours=1)).isoformat()
    found = as_alice.get("/changes/", {"from": hour, "show": "unclear"}).context["teams"]
    [row] = [line.row for *_, lines in found for line in lines if line.row.rule == "privileged"]
    assert (row.before, row.after) == ("unknown", "open")


def test_hosts_that_are_silent_on_one_side_are_named(as_alice: Client, host: Host, now: datetime):
    Silence.objects.filter(host=host).delete()
    Silence.objects.create(host=host, since=now - 3 * DAY, known_at=now - 4 * DAY, kind="refused")
    assert "prod-web-1 (not read at the end)" in text_of(as_alice.get("/changes/"))
    old = f"/changes/?to={(now - 2 * DAY).date()}&from={(now - 2 * DAY).date()}"
    assert "0 of 1 host compared at both ends" in text_of(as_alice.get(old))
    Silence.objects.update(until=now - DAY)
    assert "one side only" not in text_of(as_alice.get("/changes/"))
    ends = f"/changes/?from={(now - 2 * DAY).isoformat()}".replace("+", "%2B")
    assert "prod-web-1 (not read at the beginning)" in text_of(as_alice.get(ends))


# Whose, and which


def test_changes_are_grouped_by_owner_and_those_without_one_come_last(
    as_alice: Client, host: Host, now: datetime
):
    for name, owner in (("a-1", ""), ("b-1", "Data"), ("b-2", "Data")):
        found = register(name, owner=owner, now=now - 60 * DAY)
        scan(found, named("isolation_plain", "reports"), now=now - 50 * DAY)
        scan(found, named("privileged", "reports"), now=now - DAY)
    scan(host, named("privileged", "reports"), now=now - DAY)
    answer = as_alice.get("/changes/?size=25")
    teams = answer.context["teams"]
    assert [owner for owner, _, _ in teams][:2] == ["Data", "Payments"]
    assert sum(number for _, number, _ in teams) <= answer.context["page"].paginator.count
    pages = answer.context["page"].paginator.num_pages
    last = as_alice.get(f"/changes/?size=25&page={pages}").context["teams"]
    assert last[-1][0] == ""
    shown = [
        line.row.finding_id
        for number in range(1, pages + 1)
        for line in rows(as_alice, f"size=25&page={number}")
    ]
    assert len(shown) == len(set(shown)) == totals(as_alice)["Worse"]
    hosts = [line.host for line in rows(as_alice, "owner=Data&size=200")]
    assert set(hosts) == {"b-1", "b-2"}
    assert hosts == sorted(hosts)


def test_the_most_severe_of_a_host_comes_first(as_alice: Client, host: Host, now: datetime):
    scan(host, named("everything", "reports"), now=now - DAY)
    severities = [line.row.severity for line in rows(as_alice, "size=200")]
    assert severities == sorted(severities, reverse=True)
    assert len(set(severities)) > 1


def test_filters_leave_what_they_ask_for(as_alice: Client, host: Host, now: datetime):
    scan(host, named("everything", "reports"), named("privileged", "agent"), now=now - DAY)
    steps(result__rule="privileged").update(cause=Cause.SETTINGS)
    every = rows(as_alice, "size=200")
    for query, ok in (
        ("severity=critical", lambda row: row.severity == 3),
        ("severity=critical&severity=high", lambda row: row.severity >= 2),
        ("rule=privileged", lambda row: row.rule == "privileged"),
        ("cause=settings", lambda row: row.cause == "settings"),
    ):
        found = rows(as_alice, f"{query}&size=200")
        assert [line.row for line in found] == [line.row for line in every if ok(line.row)]
        assert totals(as_alice, query)["Worse"] == len(found) > 0
    answer = as_alice.get("/changes/?severity=critical&days=30")
    assert "container" not in answer.context["sentence"]
    assert links(answer, "days=30")
    assert 'aria-label="Remove filter Severity"' in answer.content.decode()
    nothing = text_of(as_alice.get("/changes/?rule=privileged&show=better"))
    assert "Nothing got better" in nothing
    assert "Other changes may exist without these filters." in nothing


def test_containers_that_came_and_went_are_counted(as_alice: Client, host: Host, now: datetime):
    def version(name: str, change: str, at: datetime) -> None:
        container = Container.objects.get(name=name)
        ContainerVersion.objects.create(
            container=container, host=host, at=at, change=change, config=container.config
        )

    scan(host, *(named("isolation_plain", name) for name in "abcd"), now=now - 20 * DAY)
    ContainerVersion.objects.all().delete()
    version("a", "appeared", now - 2 * DAY)
    version("b", "vanished", now - 2 * DAY)
    version("c", "appeared", now - 3 * DAY)
    version("c", "vanished", now - 2 * DAY)
    version("d", "vanished", now - 3 * DAY)
    version("d", "returned", now - 2 * DAY)
    words = as_alice.get("/changes/").context["sentence"]
    assert "1\N{NO-BREAK SPACE}container appeared, 1 disappeared" in words


def test_versions_that_began_to_judge_are_named(as_alice: Client, host: Host, now: datetime):
    RuleSet.objects.create(version="2026.11", since=now - DAY)
    RuleSet.objects.create(version="2026.10", since=now - 30 * DAY)
    words = text_of(as_alice.get("/changes/"))
    assert "rule set 2026.11 (" in words
    assert "2026.10" not in words


def test_where_the_beginning_is_no_longer_kept_the_page_says_so(
    as_alice: Client, host: Host, now: datetime
):
    old = (now - 50 * DAY).date()
    assert "no longer kept" not in text_of(as_alice.get(f"/changes/?from={old}"))
    Retention.objects.create(kind="transitions", days=40)
    assert "is no longer kept" in text_of(as_alice.get(f"/changes/?from={old}"))
    assert "no longer kept" not in text_of(as_alice.get("/changes/?days=30"))


def test_on_paper_it_says_which_kind_and_how_many(as_alice: Client, host: Host, now: datetime):
    scan(host, named("privileged", "reports"), now=now - DAY)
    number = totals(as_alice)["Worse"]
    assert f"Worse: 1\N{EN DASH}{number} of {number}" in text_of(as_alice.get("/changes/"))


# Addresses


@pytest.mark.parametrize(
    ("query", "start", "end"),
    [
        ("from=2026-11-16&to=2026-11-22", "2026-11-16T00:00", "2026-11-23T00:00"),
        ("from=2026-11-22&to=2026-11-16", "2026-11-17T00:00", "2026-11-22T00:00"),
        ("to=2026-11-22", "2026-11-16T00:00", "2026-11-23T00:00"),
        ("from=2026-11-16T02:00", "2026-11-16T02:00", "2026-11-24T12:00"),
        ("from=2026-11-16T02:00%2B01:00", "2026-11-16T01:00", "2026-11-24T12:00"),
        ("from=2026-11-16&to=2030-01-01", "2026-11-16T00:00", "2026-11-24T12:00"),
        ("days=30", "2026-10-25T12:00", "2026-11-24T12:00"),
        ("days=31&from=0001-01-01&to=x", "2026-11-17T12:00", "2026-11-24T12:00"),
        ("from=9999-12-31", "2026-11-17T12:00", "2026-11-24T12:00"),
    ],
)
def test_a_time_is_understood(query: str, start: str, end: str):
    found = queries.Period.of(QueryDict(query), NOW)
    assert found.start.isoformat()[:16] == start
    assert found.end.isoformat()[:16] == end
    again = QueryDict(mutable=True)
    again.update(found.parameters)
    assert queries.Period.of(again, NOW)[:2] == found[:2]


@pytest.mark.parametrize("query", [*NASTY, "show=%00&cause=%00&from=%00&to=%FF", "from=2026-W01-1"])
def test_an_odd_query_gives_a_page(as_alice: Client, host: Host, query: str):
    assert as_alice.get(f"/changes/?{query}").status_code == 200
    assert as_alice.get(f"/changes/changes.csv?{query}").status_code == 200


def test_without_hosts_the_page_says_so(as_alice: Client):
    assert "No hosts in this scope" in text_of(as_alice.get("/changes/"))


def test_everybody_who_is_signed_in_may_read_it(as_charlie: Client, host: Host, now: datetime):
    scan(host, named("privileged", "reports"), now=now - DAY)
    assert rows(as_charlie)


def test_names_are_shown_as_they_are(as_alice: Client, host: Host, now: datetime):
    scan(host, named("privileged", HOSTILE), now=now - DAY)
    page = as_alice.get("/changes/?show=new").content.decode()
    assert HOSTILE not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_the_file_holds_every_kind_and_no_formula(as_alice: Client, host: Host, now: datetime):
    scan(host, named("privileged", FORMULA), named("everything", "old"), now=now - 30 * DAY)
    scan(host, named("isolation_plain", "old"), named("privileged", "new"), now=now - DAY)
    answer = as_alice.get("/changes/changes.csv")
    lines = list(csv.DictReader(answer.getvalue().decode().splitlines()))
    assert len(lines) == sum(totals(as_alice).values()) > 0
    assert {line["change"] for line in lines} >= {"Worse", "Better", "Gone"}
    assert {line["subject"] for line in lines} >= {f"'{FORMULA}", "old", "new"}
    [line] = [x for x in lines if x["rule"] == "privileged" and x["subject"] == "new"]
    assert line["before"] == "Was not there"
    assert line["after"] == "Open"
    assert line["host"] == "prod-web-1"
    assert datetime.fromisoformat(line["since"]).tzinfo


def test_the_queries_do_not_grow_with_the_fleet(as_alice: Client, now: datetime):
    numbers = []
    for size in (1, 6):
        for place in range(size):
            found = register(f"web-{size}-{place}", owner=f"Team {place}", now=now - 60 * DAY)
            scan(found, named("isolation_plain", "reports"), now=now - 50 * DAY)
            shop = [named("everything", f"shop-{number}") for number in range(size)]
            scan(found, *shop, now=now - DAY)
        as_alice.get("/changes/")
        for query in ("severity=critical", "size=200", "show=new", "days=90"):
            with CaptureQueriesContext(connection) as captured:
                as_alice.get(f"/changes/?{query}")
            numbers.append(len(captured))
    assert numbers[:4] == numbers[4:]
    assert max(numbers) <= BUDGET, numbers
