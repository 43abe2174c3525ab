"""One finding: whether it is true, since when, and what to do."""

from datetime import timedelta

import pytest
from django.test import Client

from portal.compliance.models import Cause, Result, Transition
from portal.fleet.models import Host
from scanner.model import Gap
from tests.fleet import NOW, begin, named, register, scan
from tests.portal.compliance.pages import BUDGET, links, queries, text_of, total
from tests.recorded import without

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW + 6 * DAY)


@pytest.fixture
def host() -> Host:
    return register("prod-web-1")


def finding(rule: str = "privileged", subject: str = "reports") -> Result:
    return Result.objects.get(rule=rule, subject=subject)


def shown(client: Client, found: Result) -> str:
    return text_of(client.get(f"/findings/{found.pk}/"))


def test_an_open_finding(as_alice: Client, host: Host) -> None:
    scan(host, named("privileged", "reports", memory=64 * 1024**2), now=NOW)
    scan(host, named("isolation_plain", "reports"), now=NOW + DAY)
    scan(host, named("privileged", "reports", memory=64 * 1024**2), now=NOW + 2 * DAY)
    for hour in (1, 2, 3):
        again = NOW + 2 * DAY + timedelta(hours=hour)
        scan(host, named("privileged", "reports", memory=64 * 1024**2), now=again)
    page = shown(as_alice, finding())
    assert "Container runs privileged" in page
    assert "Critical reports on prod-web-1, owner Payments" in page
    assert "Open since 26 Nov 2026, 12:00 (4 days). Came back once." in page
    assert "Only a scan closes a finding" in page
    assert "HostConfig.Privileged true false 26 Nov 2026, 15:00" in page
    assert "--memory 64m" in page
    timeline = page[page.index("Timeline") : page.index("Why it matters")]
    order = ("Unchanged in 3 scans after that", "Came back", "Fixed", "First seen to fail")
    assert [timeline.index(said) for said in order] == sorted(map(timeline.index, order))


def test_the_scans_in_between_are_counted_where_they_belong(as_alice: Client, host: Host) -> None:
    for hour in range(3):
        scan(host, named("isolation_plain", "reports"), now=NOW + timedelta(hours=hour))
    for hour in range(3, 8):
        scan(host, named("privileged", "reports"), now=NOW + timedelta(hours=hour))
    page = shown(as_alice, finding())
    timeline = page[page.index("Timeline") : page.index("Why it matters")]
    said = (
        "Unchanged in 4 scans after that",
        "First seen to fail",
        "Unchanged in 2 scans after that",
        "First seen 24 Nov 2026, 12:00",
    )
    places = [timeline.index(words) for words in said]
    assert places == sorted(places)


def test_a_finding_that_cannot_be_read_now(as_alice: Client, host: Host) -> None:
    whole = named("privileged", "reports")
    scan(host, whole)
    gap = Gap("reports", "inspect", "the engine answered with status 500")
    scan(host, without(whole, "privileged"), gaps=[gap], now=NOW + DAY)
    page = shown(as_alice, finding())
    assert "Open since 24 Nov 2026, 12:00" in page
    assert "This could not be read at the last scan, so the finding stays open." in page
    assert "HostConfig.Privileged true false 24 Nov 2026, 12:00" in page
    assert "Could not be read; it stays open" in page


def test_a_fixed_finding(as_alice: Client, host: Host) -> None:
    scan(host, named("privileged", "reports"))
    scan(host, named("isolation_plain", "reports"), now=NOW + DAY)
    page = shown(as_alice, finding())
    assert "Fixed Fixed: 25 Nov 2026, 12:00." in page
    assert "Only a scan closes" not in page


def test_a_finding_that_is_gone_was_not_seen_to_be_fixed(as_alice: Client, host: Host) -> None:
    scan(host, named("privileged", "reports"))
    scan(host, now=NOW + DAY)
    page = shown(as_alice, finding())
    assert "Gone since 25 Nov 2026, 12:00: the container is not there any more." in page
    assert "It was not seen to be fixed." in page


def test_results_that_never_failed_have_a_page_too(as_alice: Client, host: Host) -> None:
    whole = named("isolation_plain", "web")
    scan(host, whole, without(named("everything", "odd"), "memory"))
    for verdict, said in (
        ("pass", "Passes since"),
        ("unknown", "Unknown since"),
        ("not_applicable", "Does not apply since"),
    ):
        found = Result.objects.filter(verdict=verdict).first()
        assert found is not None
        page = shown(as_alice, found)
        assert said in page
        assert found.reason in page


def test_what_is_related_and_where_the_rest_is(as_alice: Client, host: Host) -> None:
    other = register("prod-web-2")
    scan(host, named("everything", "shop"))
    scan(other, *(named("everything", f"shop-{number}") for number in range(8)))
    found = Result.objects.filter(open=True, host=host, subject="shop").order_by("id")[0]
    response = as_alice.get(f"/findings/{found.pk}/")
    ids = {result.pk for result in Result.objects.filter(open=True, host=host, subject="shop")}
    shown_ids = {
        int(address.split("/")[2])
        for address, _ in links(response, "/findings/")
        if address.split("/")[2].isdigit()
    }
    beside = shown_ids & ids
    elsewhere = shown_ids - ids
    assert found.pk not in shown_ids
    assert len(beside) == min(len(ids) - 1, 5)
    assert len(elsewhere) == 5
    [(address, _)] = links(response, "container=shop")
    assert total(as_alice.get(address)) == len(ids)


def test_an_operator_can_scan_and_a_viewer_reads_why_not(
    as_bob: Client, as_charlie: Client, host: Host
) -> None:
    scan(host, named("privileged", "reports"))
    address = f"/findings/{finding().pk}/"
    assert f'<form method="post" action="/hosts/{host.slug}/scan/">' in (
        as_bob.get(address).content.decode()
    )
    page = as_charlie.get(address)
    assert f"/hosts/{host.slug}/scan/" not in page.content.decode()
    assert "Only administrators, approvers, engineers and operators may start" in text_of(page)
    assert " disabled" in page.content.decode()


def test_it_follows_a_running_scan(as_alice: Client, host: Host) -> None:
    scan(host, named("privileged", "reports"))
    address = f"/findings/{finding().pk}/"
    assert "every 2s" not in as_alice.get(address).content.decode()
    begin(host)
    page = as_alice.get(address, headers={"HX-Request-Type": "partial"}).content.decode()
    assert 'hx-trigger="every 2s"' in page
    assert "<html" not in page
    assert "Open since" in page


def test_no_value_of_a_variable_is_shown(as_alice: Client, host: Host) -> None:
    scan(host, named("environment_secrets", "shop"))
    found = Result.objects.filter(rule="secrets-in-environment", verdict="fail")
    assert found
    for result in found:
        page = as_alice.get(f"/findings/{result.pk}/").content.decode()
        assert "for-the-tests-only" not in page


def test_names_cannot_break_the_page(as_alice: Client, host: Host) -> None:
    name = "<img src=x onerror=alert(1)>"
    scan(host, named("privileged", name))
    page = as_alice.get(f"/findings/{finding(subject=name).pk}/").content.decode()
    assert name not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_a_finding_of_a_rule_that_is_no_longer_ours(as_alice: Client, host: Host) -> None:
    scan(host, named("privileged", "reports"))
    Result.objects.filter(rule="privileged").update(rule="retired-rule")
    assert "retired-rule" in shown(as_alice, finding("retired-rule"))
    assert "retired-rule" in text_of(as_alice.get("/findings/"))


def test_a_rule_that_has_a_new_version_since(as_alice: Client, host: Host) -> None:
    scan(host, named("privileged", "reports"))
    Result.objects.filter(rule="privileged").update(rule_version=7)
    assert "Judged by version 7 of the rule; the current one is 1." in shown(as_alice, finding())


@pytest.mark.parametrize("number", [1, 2**63, 10**40])
def test_a_finding_that_does_not_exist(as_alice: Client, number: int) -> None:
    assert as_alice.get(f"/findings/{number}/").status_code == 404


def test_who_may_and_how(client: Client, as_charlie: Client, host: Host) -> None:
    scan(host, named("privileged", "reports"))
    address = f"/findings/{finding().pk}/"
    assert client.get(address)["Location"] == f"/login/?next={address}"
    assert as_charlie.get(address).status_code == 200
    assert as_charlie.post(address).status_code == 405


def test_the_queries_do_not_grow_with_the_history(as_alice: Client, host: Host) -> None:
    scan(host, named("privileged", "reports"))
    address = f"/findings/{finding().pk}/"
    few = queries(as_alice, address)
    for number in range(1, 30):
        case = "privileged" if number % 2 else "isolation_plain"
        others = [named("privileged", f"other-{place}") for place in range(number % 3 * 4)]
        scan(host, named(case, "reports"), *others, now=NOW + timedelta(hours=number))
    assert queries(as_alice, address) <= few + 1 <= BUDGET
    assert "And 9 earlier changes" in shown(as_alice, finding())


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (Cause.FLEET, "First seen to fail"),
        (Cause.SETTINGS, "First seen to fail: the container's settings changed"),
        (Cause.RECREATED, "First seen to fail: the container was recreated"),
        (Cause.POLICY, "First seen to fail: the policy changed (Baseline v1)"),
        (Cause.RULES, "First seen to fail: the rules changed (rule set"),
    ],
)
def test_the_timeline_says_why(as_alice: Client, cause: Cause, words: str):
    scan(register("prod-web-1"), named("privileged", "reports"))
    found = Result.objects.get(rule="privileged", subject="reports")
    Transition.objects.filter(result=found).update(cause=cause)
    assert words in text_of(as_alice.get(f"/findings/{found.pk}/"))
    Transition.objects.update(scan=None)
    assert "First seen to fail" in text_of(as_alice.get(f"/findings/{found.pk}/"))
