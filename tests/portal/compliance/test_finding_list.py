"""The list of findings: what it holds, in which order, and that every number is true."""

from collections import Counter
from datetime import timedelta

import pytest
from django.http import QueryDict
from django.test import Client
from django.urls import reverse

from portal.compliance.models import Result, State, Tally, Verdict, state_of
from portal.compliance.queries import findings
from portal.compliance.queries.filters import Filters, asked, without
from portal.fleet.models import Host
from portal.fleet.queries import Scope
from scanner.model import Gap
from tests.fleet import NOW, failed_scan, named, register, scan
from tests.portal.compliance.pages import BUDGET, NASTY, links, number, queries, text_of, total
from tests.recorded import without as lacking

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)
LAST = NOW + timedelta(days=2)
LIST = "/findings/"


@pytest.fixture
def fleet() -> list[Host]:
    """Findings that are open, fixed, gone and unknown now, in three environments."""
    web = register("prod-web-1")
    build = register("build-1", environment="development", owner="Tools")
    test = register("test-1", environment="staging")
    reports = named("privileged", "reports")
    scan(web, reports, named("everything", "shop"), named("cap_add_all", "tool"))
    scan(
        build,
        named("privileged", "runner"),
        named("user_1000", "base"),
        now=NOW - timedelta(days=9),
    )
    scan(test, named("everything", "shop"))
    gap = Gap("reports", "inspect", "the engine answered with status 500")
    scan(
        web,
        lacking(reports, "privileged", "memory"),
        named("isolation_plain", "tool"),
        gaps=[gap],
        now=LATER,
    )
    return [web, build, test]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: LATER + timedelta(hours=1))


def rows(client: Client, query: str = "") -> list[int]:
    """Ids of the findings, in the order of the page."""
    response = client.get(f"{LIST}?{query}&size=200")
    assert response.status_code == 200
    return [
        int(address.rstrip("/").rpartition("/")[2])
        for address, _ in links(response, LIST)
        if address.rstrip("/").rpartition("/")[2].isdigit()
    ]


def test_it_shows_what_is_open_and_says_so(as_alice: Client, fleet: list[Host]) -> None:
    response = as_alice.get(LIST)
    ids = set(Result.objects.filter(open=True).values_list("id", flat=True))
    assert set(rows(as_alice)) == ids
    assert total(response) == len(ids)
    assert f"{len(ids)} open findings, the most important first" in text_of(response)
    assert "Only a scan closes a finding" in text_of(response)


def test_the_order_is_severity_then_environment_then_age(
    as_alice: Client, fleet: list[Host]
) -> None:
    weights = {"production": 0, "staging": 1, "development": 2}
    found = Result.objects.filter(open=True).select_related("host__group")
    wanted = sorted(
        found,
        key=lambda r: (-r.severity, weights[r.host.group.environment], r.failed_since, r.pk),
    )
    assert rows(as_alice) == [result.pk for result in wanted]
    assert {result.host.group.environment for result in wanted} == set(weights)


@pytest.mark.parametrize("sort", ["severity", "since", "-since", "rule", "-rule", "host", "-host"])
def test_it_can_be_ordered_otherwise(as_alice: Client, fleet: list[Host], sort: str) -> None:
    assert sorted(rows(as_alice, f"sort={sort}")) == sorted(rows(as_alice))


@pytest.mark.parametrize("state", State.values)
def test_each_state_holds_what_the_model_says(
    as_alice: Client, fleet: list[Host], state: str
) -> None:
    wanted = {result.pk for result in Result.objects.all() if state_of(result) == state}
    assert set(rows(as_alice, f"state={state}")) == wanted
    assert wanted


def test_the_kept_counts_are_those_of_the_results(fleet: list[Host]) -> None:
    scan(fleet[0], named("privileged", "reports"), now=LAST)
    counted: Counter[tuple[object, ...]] = Counter(
        (r.host_id, r.rule, r.severity, state_of(r), "" if r.gone_at else r.verdict)
        for r in Result.objects.all()
    )
    kept = Tally.objects.values_list("host", "rule", "severity", "state", "verdict", "amount")
    assert {row[:-1]: row[-1] for row in kept} == counted
    assert {row[3] for row in kept} == {"", *State.values}


QUERIES = [
    "",
    "state=open&state=fixed",
    "verdict=pass",
    "verdict=unknown&state=open",
    "verdict=not_applicable",
    "severity=critical&severity=low",
    "family=isolation",
    "rule=privileged&rule=memory-limit",
    "host=prod-web-1",
    "environment=staging",
    "environment=production&owner=Payments&severity=high",
    "owner=Tools&state=gone",
    "q=shop",
    "q=host:prod+severity:high",
    "q=is:fixed",
    "q=is:unknown",
    "q=rule:memory+owner:payments",
    "q=image:busybox",
    "q=container:reports",
    "q=privileged+reports&state=open&state=gone",
]


@pytest.mark.parametrize("query", QUERIES)
def test_the_total_is_the_number_of_rows(as_alice: Client, fleet: list[Host], query: str) -> None:
    assert total(as_alice.get(f"{LIST}?{query}")) == len(rows(as_alice, query))


@pytest.mark.parametrize("query", QUERIES)
def test_each_number_of_a_facet_is_that_of_its_list(fleet: list[Host], query: str) -> None:
    """As if only that value were ticked, and all other filters stayed."""
    scope, filters = Scope.of(QueryDict(query)), asked(QueryDict(query)).filters
    found = findings.facets(filters, scope)

    def listed(**changed: frozenset[object]) -> int:
        return Result.objects.filter(filters._replace(**changed).results(scope)).count()  # type: ignore[arg-type]

    for state in State.values:
        assert found.states[state] == listed(states=frozenset({state}))
    for verdict in Verdict.values:
        assert found.verdicts[verdict] == listed(verdicts=frozenset({verdict}))
    for severity in range(4):
        assert found.severities[severity] == listed(severities=frozenset({severity}))
    for family in ("isolation", "resources", "network", "lifecycle"):
        assert found.families[family] == listed(families=frozenset({family}))
    for rule in ("privileged", "memory-limit", "added-capabilities"):
        assert found.rules[rule] == listed(rules=frozenset({rule}))
    assert {slug: amount for slug, _, amount in found.hosts} == {
        host.slug: amount for host in fleet if (amount := listed(hosts=frozenset({host.slug})))
    }


@pytest.mark.parametrize("by", ["rule", "host"])
@pytest.mark.parametrize("query", ["", "q=rule:memory+severity:high", "q=shop", "state=gone"])
def test_the_numbers_of_groups_lead_to_their_lists(
    as_alice: Client, fleet: list[Host], by: str, query: str
) -> None:
    response = as_alice.get(f"{LIST}?by={by}&{query}")
    shown = [
        (address, text)
        for address, text in links(response, f"{by}=")
        if text.isdigit() and "page=" not in address
    ]
    assert shown
    for address, text in shown:
        assert total(as_alice.get(address)) == int(text)
    assert sum(number(text) for address, text in shown if "severity=" in address) == total(response)


def test_the_scope_bounds_everything(as_alice: Client, fleet: list[Host]) -> None:
    response = as_alice.get(f"{LIST}?environment=staging")
    assert total(response) == Result.objects.filter(open=True, host=fleet[2]).count()
    assert "prod-web-1" not in text_of(response)
    assert 'name="environment" value="staging"' in response.content.decode()


def test_what_could_not_be_read_is_still_open_and_says_so(
    as_alice: Client, fleet: list[Host]
) -> None:
    response = as_alice.get(f"{LIST}?state=open&verdict=unknown")
    assert total(response) > 0
    assert "Open: not read now" in text_of(response)


def test_chips_name_the_filters_and_take_them_away(as_alice: Client, fleet: list[Host]) -> None:
    response = as_alice.get(f"{LIST}?severity=critical&severity=high&q=is:open&environment=staging")
    page = response.content.decode()
    assert "Critical, High" in text_of(response)
    assert 'aria-label="Remove filter Severity"' in page
    assert 'aria-label="Remove filter Search"' in page
    [(address, _)] = links(response, "q=is%3Aopen&environment=staging")[:1]
    assert "severity" not in address
    assert ("?environment=staging", "Clear filters") in links(response, "environment=staging")


@pytest.mark.parametrize(
    ("search", "says", "instead"),
    [
        ("rul:privileged", "There is no search key “rul:”.", "rule:privileged"),
        ("rule:privilged", "There is no rule “privilged”.", "rule:privileged"),
        (
            "severity:critcal",
            "“severity:” takes critical, high, medium or low",
            "severity:critical",
        ),
        ("is:opne", "“is:” takes open, fixed, gone or unknown", "is:open"),
        ("nginx:1.25", "“nginx:” is no search key and was looked for as text.", ""),
    ],
)
def test_a_search_that_is_not_understood_is_named(
    as_alice: Client, fleet: list[Host], search: str, says: str, instead: str
) -> None:
    response = as_alice.get(LIST, {"q": search, "severity": "low"})
    assert says in text_of(response)
    offered = [text for _, text in links(response, "q=")]
    assert (f"Search {instead}" in offered) is bool(instead)


def test_search_words_and_keys() -> None:
    query = QueryDict(mutable=True)
    query["q"] = 'Rule:privileged host:prod "two words" owner:"Team One" is:gone is:unknown shop'
    found = asked(query)
    assert found.problems == ()
    assert found.filters == Filters(
        states=frozenset({"gone"}),
        verdicts=frozenset({"unknown"}),
        rules=frozenset({"privileged"}),
        host_names=frozenset({"prod"}),
        owners=frozenset({"Team One"}),
        words=frozenset({"two words", "shop"}),
    )
    assert without(query["q"], "rule", "is") == 'host:prod "two words" owner:"Team One" shop'


def test_nothing_open_says_how_far_that_is_known(as_alice: Client) -> None:
    host, other = register("prod-web-1"), register("prod-web-2")
    scan(host, now=LATER)
    failed_scan(other, now=LATER)
    shown = text_of(as_alice.get(f"{LIST}?severity=critical"))
    assert "No open critical findings Last check: 25 Nov 2026, 12:00." in shown
    assert "1 of 2 hosts covered." in shown
    assert "1 host is not read at the moment." in shown


def test_empty_lists_say_why(as_alice: Client) -> None:
    assert "Register a host" in text_of(as_alice.get(LIST))
    register("prod-web-1")
    assert "No host has been read yet" in text_of(as_alice.get(LIST))


def test_filters_that_hide_everything_say_what_there_is(
    as_alice: Client, fleet: list[Host]
) -> None:
    response = as_alice.get(f"{LIST}?q=no-such-thing")
    amount = Result.objects.filter(open=True).count()
    assert f"{amount} open findings exist in this scope." in text_of(response)
    assert "Clear the filters" in text_of(response)


def test_pages_are_numbered(as_alice: Client, fleet: list[Host]) -> None:
    first, second = rows_of(as_alice, 1), rows_of(as_alice, 2)
    assert len(first) == 25
    assert not set(first) & set(second)
    assert rows_of(as_alice, 10**30) == rows_of(as_alice, 10**6)


def rows_of(client: Client, page: int) -> list[str]:
    response = client.get(f"{LIST}?size=25&page={page}")
    return [address for address, _ in links(response, LIST) if address.rstrip("/")[-1].isdigit()]


@pytest.mark.parametrize("query", NASTY)
def test_a_hostile_address_gives_a_page(as_alice: Client, fleet: list[Host], query: str) -> None:
    for more in ("", "&by=rule", "&by=host"):
        assert as_alice.get(f"{LIST}?{query}{more}").status_code == 200


def test_names_cannot_break_the_page(as_alice: Client) -> None:
    name = "<img src=x onerror=alert(1)>"
    scan(register("prod-web-1"), named("privileged", name), named("privileged", "\u202e" * 300))
    page = as_alice.get(LIST, {"q": name}).content.decode()
    assert name not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_a_fragment_is_what_htmx_asks_for(as_alice: Client, fleet: list[Host]) -> None:
    response = as_alice.get(LIST, headers={"HX-Request-Type": "partial"})
    page = response.content.decode()
    assert "<html" not in page
    assert page.lstrip().startswith('<div class="with-facets" id="findings">')
    assert "HX-Request-Type" in response["Vary"]
    # The scope bar carries the filters on, so it comes along.
    assert '<hx-partial hx-target=".scope"' in page
    assert "hx-partial" not in as_alice.get(LIST).content.decode()


def test_who_may_and_how(client: Client, as_charlie: Client, fleet: list[Host]) -> None:
    response = client.get(LIST)
    assert (response.status_code, response["Location"]) == (302, f"/login/?next={LIST}")
    assert as_charlie.get(LIST).status_code == 200
    assert as_charlie.post(LIST).status_code == 405


@pytest.mark.parametrize("query", ["", "q=shop", "by=rule", "by=host", "severity=critical&q=none"])
def test_the_queries_do_not_grow_with_the_fleet(as_alice: Client, query: str) -> None:
    scan(register("host-0"), named("everything", "shop"))
    few = queries(as_alice, f"{LIST}?{query}")
    for place in range(1, 4):
        scan(register(f"host-{place}"), *(named("everything", f"shop-{n}") for n in range(12)))
    assert queries(as_alice, f"{LIST}?{query}") == few <= BUDGET


def test_the_address_is_the_one_that_links_name() -> None:
    assert reverse("finding_list") == LIST
