"""The page of one container: what it may do, what is wrong with it, and what it was before."""

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone
from msgspec import UNSET

from portal.compliance.models import Result
from portal.fleet.models import Container, ContainerVersion, Host
from scanner.model import Mount
from tests.fleet import failed_scan, named, register, scan
from tests.portal.compliance.pages import BUDGET, links, number, queries, text_of, total

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def host(now: datetime) -> Host:
    return register("prod-web-1", now=now - 99 * HOUR)


def page_of(host: Host, name: str = "reports") -> str:
    return f"/containers/{Container.objects.get(host=host, name=name).pk}/"


def test_what_it_may_do_is_in_words_with_the_verdict_and_a_way_to_the_finding(
    as_alice: Client, host: Host, now: datetime
):
    scan(host, named("privileged", "reports"), now=now - HOUR)
    answer = as_alice.get(page_of(host))
    groups = dict(answer.context["about"].posture)
    isolation = {judged.setting.label: judged for judged in groups["Isolation"]}
    assert isolation["Privileged"].setting.value == "yes"
    assert isolation["Privileged"].verdict == "fail"
    resources = {judged.setting.label: judged for judged in groups["Resources and storage"]}
    assert resources["Memory"].setting.value == "no limit"
    finding = Result.objects.get(host=host, rule="privileged", subject="reports")
    assert links(answer, f"/findings/{finding.pk}/")
    words = text_of(answer)
    assert "owner Payments" in words
    assert "It has not changed since it was first seen" in words


def test_every_finding_of_it_stands_there_and_only_its_own(
    as_alice: Client, host: Host, now: datetime
):
    scan(host, named("privileged", "reports"), named("memory_zero", "other"), now=now - HOUR)
    shown = {line.id for line in as_alice.get(page_of(host)).context["about"].findings}
    standing = Result.objects.filter(host=host, subject="reports", open=True)
    assert shown == set(standing.values_list("id", flat=True))
    assert shown


@pytest.mark.parametrize("replicas", [1, 2])
def test_every_number_leads_to_a_list_of_that_length(
    as_alice: Client, host: Host, now: datetime, replicas: int
):
    labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}
    names = [f"shop-web-{count}" for count in range(replicas)]
    seen = [named("privileged", name, labels=labels) for name in names]
    scan(host, *seen, named("privileged", "other"), now=now - HOUR)
    for name in names:
        answer = as_alice.get(page_of(host, name))
        found = [each for each in links(answer, "/findings/?") if each[1][0].isdigit()]
        assert len(found) >= 2
        for link, text in found:
            assert total(as_alice.get(link)) == number(text) > 0
        together = "One of 2 replicas, which are judged together." in text_of(answer).replace(
            "\N{NO-BREAK SPACE}", " "
        )
        assert together == (replicas == 2)


def test_of_a_replica_that_is_gone_no_verdict_of_the_others_stands(
    as_alice: Client, host: Host, now: datetime
):
    labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}
    seen = [named("privileged", f"shop-web-{count}", labels=labels) for count in (1, 2)]
    scan(host, *seen, now=now - 9 * HOUR)
    scan(host, seen[0], now=now - HOUR)
    assert as_alice.get(page_of(host, "shop-web-2")).context["about"].findings == []
    assert as_alice.get(page_of(host, "shop-web-1")).context["about"].findings


def test_a_recreated_container_keeps_its_page_and_its_history(
    as_alice: Client, host: Host, now: datetime
):
    scan(host, named("isolation_plain", "reports"), now=now - 9 * HOUR)
    address = page_of(host)
    scan(host, named("privileged", "reports", id="f" * 64), now=now - HOUR)
    assert page_of(host) == address
    answer = as_alice.get(address)
    compared = answer.context["comparison"]
    found = {each.after.field: each for _, group in compared.settings for each in group}
    assert (found["privileged"].before.value, found["privileged"].after.value) == ("no", "yes")
    by_title = {effect.finding: effect for effect in compared.effects}
    finding = Result.objects.get(host=host, rule="privileged", subject="reports")
    assert by_title[finding.pk].fails
    assert by_title[finding.pk].why == "the container was recreated"
    words = text_of(answer)
    assert "Last recreated" in words
    assert "now fail" in words


def test_any_two_versions_are_compared_in_either_order(as_alice: Client, host: Host, now: datetime):
    for hours, memory in ((9, 0), (5, 512 << 20), (1, 256 << 20)):
        scan(host, named("isolation_plain", "reports", memory=memory), now=now - hours * HOUR)
    address = page_of(host)
    third, second, first = ContainerVersion.objects.order_by("-at")
    for old, new in ((first, third), (third, first)):
        answer = as_alice.get(f"{address}?old={old.pk}&new={new.pk}")
        compared = answer.context["comparison"]
        assert (compared.old, compared.new) == (first, third)
        [(group, [each])] = compared.settings
        assert group == "Resources and storage"
        shown = (each.before.value, each.after.value.replace("\N{NO-BREAK SPACE}", " "))
        assert shown == ("no limit", "256 MiB")
    newest = as_alice.get(address).context["comparison"]
    assert (newest.old, newest.new) == (second, third)
    same = as_alice.get(f"{address}?old={first.pk}&new={first.pk}")
    assert "Choose two different versions." in text_of(same)


def test_a_finding_that_came_and_went_between_two_versions_is_no_effect(
    as_alice: Client, host: Host, now: datetime
):
    scan(host, named("isolation_plain", "reports"), now=now - 9 * HOUR)
    scan(host, named("privileged", "reports"), now=now - 5 * HOUR)
    scan(host, named("isolation_plain", "reports"), now=now - HOUR)
    third, _, first = ContainerVersion.objects.order_by("-at")
    compared = as_alice.get(f"{page_of(host)}?old={first.pk}&new={third.pk}").context["comparison"]
    assert compared.effects == []
    assert compared.settings == []


def test_one_that_is_gone_is_kept_with_its_history(as_alice: Client, host: Host, now: datetime):
    scan(host, named("privileged", "reports"), now=now - 9 * HOUR)
    scan(host, named("memory_zero", "other"), now=now - HOUR)
    answer = as_alice.get(page_of(host))
    words = text_of(answer)
    assert "did not find this container any more" in words
    assert "It was gone then: there are no settings to compare." in words
    compared = answer.context["comparison"]
    assert compared.gone_now == len(compared.effects) > 0
    assert (compared.fail_now, compared.pass_now) == (0, 0)
    assert "None stands, as the container is gone." in words
    assert links(answer, "&verdict=") == []


def test_a_setting_with_an_unknown_verdict_leads_to_the_reason(
    as_alice: Client, host: Host, now: datetime
):
    scan(host, named("isolation_plain", "reports", memory=UNSET), now=now - HOUR)
    answer = as_alice.get(page_of(host))
    posture = [judged for _, group in answer.context["about"].posture for judged in group]
    [memory] = [judged for judged in posture if judged.setting.field == "memory"]
    assert (memory.verdict, memory.setting.read) == ("unknown", False)
    [link, *_] = memory.findings
    assert as_alice.get(f"/findings/{link.pk}/").status_code == 200
    assert links(answer, f"/findings/{link.pk}/")


def test_what_is_old_says_so(as_alice: Client, host: Host, now: datetime):
    scan(host, named("privileged", "reports"), now=now - 9 * HOUR)
    failed_scan(host, now=now - HOUR)
    assert "Data below is from" in text_of(as_alice.get(page_of(host)))


def test_one_that_does_not_run_says_what_that_means(as_alice: Client, host: Host, now: datetime):
    scan(host, named("privileged", "reports", status="exited"), now=now - HOUR)
    assert "This container does not run" in text_of(as_alice.get(page_of(host)))


def test_hostile_values_are_text(as_alice: Client, host: Host, now: datetime):
    mounts = (Mount("bind", f"/{HOSTILE}", f"/{HOSTILE}", True),)
    for hours, found in ((9, ()), (1, mounts)):
        labels = {"com.docker.compose.project": HOSTILE, HOSTILE: HOSTILE}
        facts = {"mounts": found, "labels": labels, "image": HOSTILE, "user": HOSTILE}
        scan(host, named("privileged", "reports", **facts), now=now - hours * HOUR)
    answer = as_alice.get(page_of(host))
    assert HOSTILE not in answer.content.decode()
    assert HOSTILE in text_of(answer).replace("&lt;", "<") or "&lt;img" in answer.content.decode()


def test_what_cannot_be_understood_any_more_is_told(as_alice: Client, host: Host, now: datetime):
    for hours, memory in ((9, 0), (1, 512 << 20)):
        scan(host, named("isolation_plain", "reports", memory=memory), now=now - hours * HOUR)
    container = Container.objects.select_related("config").get(host=host, name="reports")
    container.config.body = b"damaged"
    container.config.save()
    answer = as_alice.get(page_of(host))
    assert answer.status_code == 200
    assert "cannot be understood any more" in text_of(answer)


def test_the_page_asks_as_much_of_the_database_however_long_the_history(
    as_alice: Client, host: Host, now: datetime
):
    scan(host, named("privileged", "reports"), now=now - 90 * HOUR)
    scan(host, named("privileged", "reports", memory=1 << 20), now=now - 89 * HOUR)
    few = queries(as_alice, page_of(host))
    others = [named("privileged", f"other-{number}") for number in range(20)]
    for hour in range(2, 40):
        seen = named("privileged", "reports", memory=hour << 20)
        scan(host, seen, *others, now=now - (60 - hour) * HOUR)
    assert queries(as_alice, page_of(host)) == few <= BUDGET


def test_the_list_of_a_host_leads_to_its_containers(as_alice: Client, host: Host, now: datetime):
    scan(host, named("privileged", "reports"), now=now - HOUR)
    answer = as_alice.get(f"/hosts/{host.slug}/?tab=containers")
    assert links(answer, page_of(host)) == [(page_of(host), "reports")]
