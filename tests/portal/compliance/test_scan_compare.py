"""Two scans of one host side by side: what changed on it, and apart from that what only rules,
policy and reading made different."""

import csv
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.compliance.models import Cause, Scan, Transition
from portal.fleet.models import Host
from scanner.model import Gap
from tests.fleet import failed_scan, named, register, scan
from tests.portal.compliance.pages import BUDGET, NASTY, links, text_of
from tests.recorded import without

pytestmark = pytest.mark.django_db
HOSTILE = "<img src=x onerror=alert(1)>"
FORMULA = "=cmd|' /C calc'!A0"
HOUR = timedelta(hours=1)


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def host(now: datetime) -> Host:
    return register("prod-web-1", now=now - 99 * HOUR)


@pytest.fixture
def three(host: Host, now: datetime) -> list[Scan]:
    """Of which the first and the last see the same."""
    return [
        scan(host, named("privileged", "reports"), now=now - 9 * HOUR),
        scan(host, named("isolation_plain", "reports"), named("memory_zero"), now=now - 5 * HOUR),
        scan(host, named("privileged", "reports"), now=now - HOUR),
    ]


def address(a: Scan, b: Scan, file: str = "") -> str:
    return f"/scans/compare/{file}?a={a.pk}&b={b.pk}&size=200"


def rows(client: Client, a: Scan, b: Scan, part: str = "on_host") -> dict[tuple[str, str], Any]:
    answer = client.get(address(a, b))
    assert answer.status_code == 200
    return {(line.row.rule, line.row.subject): line.row for line in answer.context[part]}


def test_only_what_changed_is_shown_with_both_sides(as_alice: Client, three: list[Scan]):
    found = rows(as_alice, three[0], three[1])
    row = found["privileged", "reports"]
    assert (row.kind, row.before, row.after) == ("better", "open", "resolved")
    assert [fact.before for fact in row.facts] == ["true"]
    shown = as_alice.get(address(three[0], three[1])).context["on_host"]
    changed = Transition.objects.filter(scan=three[1])
    assert {line.row.finding_id for line in shown} == {step.result_id for step in changed}
    words = text_of(as_alice.get(address(three[0], three[1])))
    assert f"scan {three[0].pk}" in words
    assert "Baseline v1" in words
    assert "Rules, policy and what could be read made no difference." in words


def test_swapped_it_is_the_same_from_the_other_end(as_alice: Client, three: list[Scan]):
    there, back = rows(as_alice, three[0], three[1]), rows(as_alice, three[1], three[0])
    assert there.keys() == back.keys()
    turned = {"worse": "better", "better": "worse", "new": "gone", "gone": "new"}
    for key, row in there.items():
        assert back[key].kind == turned[row.kind]
        assert (back[key].before, back[key].after) == (row.after, row.before)
    answer = as_alice.get(address(three[1], three[0]))
    assert "A is the later one." in text_of(answer)
    assert links(answer, f"a={three[0].pk}&b={three[1].pk}")


def test_what_is_the_same_at_both_ends_is_no_difference(as_alice: Client, three: list[Scan]):
    assert rows(as_alice, three[0], three[2]) == {}
    words = text_of(as_alice.get(address(three[0], three[2])))
    assert "Nothing changed on the host in either direction." in words
    assert "0 got worse, 0 got better." in words


def test_what_rules_and_reading_did_stands_apart(as_alice: Client, host: Host, now: datetime):
    whole = named("privileged", "reports")
    first = scan(host, whole, now=now - 9 * HOUR)
    gaps = [Gap("reports", "inspect", "it was denied")]
    agent = named("privileged", "agent")
    second = scan(host, without(whole, "privileged"), agent, gaps=gaps, now=now - HOUR)
    Transition.objects.filter(scan=second, result__subject="agent").update(cause=Cause.POLICY)
    apart = rows(as_alice, first, second, "elsewhere")
    assert apart["privileged", "reports"].after == "unknown"
    assert apart["privileged", "agent"].kind == "rules"
    assert apart["privileged", "agent"].before == "unjudged"
    assert "Policy changed: Baseline v1" in text_of(as_alice.get(address(first, second)))
    assert not rows(as_alice, first, second).keys() & apart.keys()


def test_pairs_before_and_after_are_a_step_away(as_alice: Client, host: Host, three: list[Scan]):
    failed_scan(host)
    middle = as_alice.get(address(three[1], three[2]))
    assert links(middle, f"a={three[0].pk}&b={three[1].pk}")
    assert "Later pair" not in text_of(middle)
    assert links(as_alice.get(address(three[0], three[1])), f"a={three[1].pk}&b={three[2].pk}")


def test_two_are_chosen_in_the_list_of_scans(as_alice: Client, three: list[Scan]):
    page = as_alice.get("/scans/").content.decode()
    assert page.count('name="scan"') == 3
    answer = as_alice.get(f"/scans/compare/?scan={three[2].pk}&scan={three[0].pk}")
    assert answer.url == f"/scans/compare/?a={three[0].pk}&b={three[2].pk}"


def test_what_cannot_be_compared_says_why(
    as_alice: Client, host: Host, three: list[Scan], now: datetime
):
    other = scan(register("prod-web-2", now=now), named("isolation_plain", "x"), now=now)
    failed = failed_scan(host, now=now)
    for a, b, words in (
        (three[0], other, "Choose two scans of the same host."),
        (three[0], three[0], "This is the same scan twice."),
        (three[0], failed, f"Scan {failed.pk} has read nothing"),
    ):
        answer = as_alice.get(address(a, b))
        assert answer.status_code == 200
        assert words in text_of(answer)
        assert as_alice.get(address(a, b, "changes.csv")).status_code == 409


@pytest.mark.parametrize(
    "query", ["", "a=1", "scan=1", "scan=1&scan=2&scan=3", "a=%00&b=%C2%B2", *NASTY]
)
def test_without_two_numbers_it_says_how_to_choose(as_alice: Client, query: str):
    answer = as_alice.get(f"/scans/compare/?{query}")
    assert answer.status_code == 200
    assert "Choose two scans of the same host in the list of scans." in text_of(answer)
    assert as_alice.get(f"/scans/compare/changes.csv?{query}").status_code == 404


@pytest.mark.parametrize("number", ["987654", "9" * 18])
def test_an_unknown_number_is_not_found(as_alice: Client, three: list[Scan], number: str):
    assert as_alice.get(f"/scans/compare/?a={number}&b={three[0].pk}").status_code == 404


def test_names_are_shown_as_they_are_and_no_cell_is_a_formula(
    as_alice: Client, host: Host, now: datetime
):
    first = scan(host, now=now - 9 * HOUR)
    both = [named("privileged", HOSTILE), named("privileged", FORMULA)]
    second = scan(host, *both, now=now - HOUR)
    page = as_alice.get(address(first, second)).content.decode()
    assert HOSTILE not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    file = as_alice.get(address(first, second, "changes.csv")).getvalue().decode()
    lines = list(csv.DictReader(file.splitlines()))
    assert len(lines) == Transition.objects.filter(scan=second).count() > 0
    assert {line["subject"] for line in lines} == {"", HOSTILE, f"'{FORMULA}"}


def test_everybody_who_is_signed_in_may_read_it(as_charlie: Client, three: list[Scan]):
    assert rows(as_charlie, three[0], three[1])


def test_the_queries_do_not_grow_with_the_changes(as_alice: Client, host: Host, now: datetime):
    numbers = []
    first = scan(host, now=now - 20 * HOUR)
    for size in (1, 20):
        shop = [named("everything", f"shop-{place}") for place in range(size)]
        last = scan(host, *shop, now=now - 10 * HOUR + size * timedelta(minutes=1))
        as_alice.get(address(first, last))
        with CaptureQueriesContext(connection) as captured:
            as_alice.get(address(first, last))
        numbers.append(len(captured))
    assert numbers[0] == numbers[1] <= BUDGET, numbers
