"""System health: what works and what does not, what waits, what is kept and what that takes."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from portal.accounts.models import User
from portal.compliance.actions import remember_sizes
from portal.compliance.models import (
    FillState,
    Lane,
    Retention,
    Scan,
    ScanKind,
    Statistic,
    TableSize,
)
from portal.compliance.queries import sizes
from portal.compliance.queries.retention import KINDS
from portal.compliance.tasks import QUEUES, roll_up_days, scan_host
from portal.core import health, heartbeat
from portal.core.models import AuditEntry
from portal.overview.queries import health as queries
from tests.fleet import named, register, scan
from tests.people import client_of, person
from tests.portal.compliance.pages import BUDGET, text_of
from tests.portal.compliance.pages import queries as asked

pytestmark = [pytest.mark.django_db, pytest.mark.redis]

ADDRESS = "/settings/health/"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SPACE = "\N{NO-BREAK SPACE}"


@pytest.fixture(autouse=True)
def signs() -> None:
    """All parts give signs of life."""
    with heartbeat.connect() as client:
        client.flushdb()
        for name in health.PROCESSES:
            heartbeat.beat(client, name)


def without(*names: str) -> None:
    with heartbeat.connect() as client:
        client.flushdb()
        for name in health.PROCESSES:
            if name not in names:
                heartbeat.beat(client, name)


def waits(name: str, since: datetime, lane: str = Lane.FAST) -> None:
    Scan.objects.create(host=register(name), kind=ScanKind.SCHEDULE, lane=lane, queued_at=since)


def test_the_first_line_says_that_all_parts_work(as_alice: Client) -> None:
    said = text_of(as_alice.get(ADDRESS))
    assert "All parts work." in said
    assert said.count("Works") == 6
    assert re.search(r"PostgreSQL 1\d\.\d+, [\d.]+ (Ki|Mi|Gi)B, its clock is 0\.\d s away", said)
    assert re.search(r"(Redis|Valkey) \d+\.\d+\.\d+, [\d.]+ MiB of memory", said)


@pytest.mark.parametrize(
    ("missing", "line"),
    [
        ("worker", "Scans wait: no worker."),
        ("slow-worker", "Hosts that are slow to answer wait: no worker for them."),
        ("beat", "Nothing new begins: the scheduler gives no sign of life."),
    ],
)
def test_it_says_what_is_missing_and_what_to_do(as_alice: Client, missing: str, line: str) -> None:
    without(missing)
    said = text_of(as_alice.get(ADDRESS))
    assert "All parts work" not in said
    assert f"{line} Start " in said
    assert "no sign of life yet" in said


def test_without_redis_the_page_says_so_and_only_so(as_alice: Client, settings: Any) -> None:
    settings.REDIS_CLIENT_URL = "unix:///nowhere/valkey.sock"
    said = text_of(as_alice.get(ADDRESS))
    assert "Scans wait: Redis does not answer. Start Redis" in said
    assert "no worker." not in said
    found = queries.system(NOW)
    assert [queue.messages for queue in found.queues] == [None, None]


def test_what_waits_is_told_by_lane_with_the_oldest(as_alice: Client) -> None:
    waits("web-1", NOW - timedelta(minutes=7))
    waits("web-2", NOW - timedelta(minutes=1))
    waits("slow-1", NOW - timedelta(minutes=2), Lane.SLOW)
    scan(register("web-3"), named("isolation_plain", "web"))
    fast, slow = queries.system(NOW).queues
    assert (fast.waiting, fast.running, fast.oldest) == (2, 0, NOW - timedelta(minutes=7))
    assert (slow.waiting, slow.running, slow.oldest) == (1, 0, NOW - timedelta(minutes=2))
    [(problem, what)] = queries.system(NOW).verdict.problems
    assert problem == f"Scans wait: the first of hosts that answer for 7{SPACE}min."
    assert what == "Add workers."


def test_messages_of_every_priority_are_counted() -> None:
    for number, priority in enumerate((0, 3, 6, 9)):
        scan_host.apply_async((number,), queue=QUEUES["fast"], priority=priority)
    scan_host.apply_async((9,), queue=QUEUES["slow"], priority=6)
    assert [queue.messages for queue in queries.system(NOW).queues] == [4, 1]


def test_charts_that_lag_are_pointed_out(as_alice: Client) -> None:
    today = NOW.date()
    for statistic in Statistic:
        FillState.objects.create(statistic=statistic, day=today - timedelta(days=1), done=True)
    found = queries.system(NOW)
    assert found.verdict.line == "All parts work."
    assert found.parts[-1] == ("Charts", "works", "rolled up to 23 Nov 2026")
    FillState.objects.update(day=today - timedelta(days=9), done=False)
    found = queries.system(NOW)
    assert found.verdict.line == "Charts are rolled up to 14 Nov 2026 only."
    assert found.parts[-1] == ("Charts", "behind", "rolled up to 14 Nov 2026")


def test_clocks_that_differ_are_pointed_out() -> None:
    database = queries._database()
    assert abs(database.drift) < 5
    assert queries._late([], None, database, NOW) == []
    [(problem, _)] = queries._late([], None, database._replace(drift=-8.0), NOW)
    assert problem == "Clocks differ: the database's is 8 s away from this one."


def test_sizes_are_those_of_the_tables(as_alice: Client) -> None:
    scan(register("web-1"), named("privileged", "reports"))
    found = sizes.sizes(NOW)
    assert list(found) == [*KINDS, ""]
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(pg_total_relation_size(relid)) FROM pg_stat_user_tables")
        [total] = cursor.fetchone()
    assert sum(taken.size.bytes for taken in found.values()) == total
    assert all(taken.growth is None for taken in found.values())
    assert found["findings"].size.bytes > 8_192


def test_growth_is_measured_over_a_week_or_as_long_as_is_known(as_alice: Client) -> None:
    assert remember_sizes(now=NOW - timedelta(days=4)) is True
    assert remember_sizes(now=NOW - timedelta(days=4)) is False
    TableSize.objects.filter(table="compliance_scan").update(rows=0, bytes=0)
    found = sizes.sizes(NOW)
    scans = found["scans"]
    assert scans.growth is not None
    assert scans.growth.bytes == round(scans.size.bytes / 4)
    assert found["days"].growth == (0, 0)
    remember_sizes(now=NOW)
    assert sizes.sizes(NOW)["days"].growth == (0, 0)
    assert sizes.sizes(NOW + timedelta(days=8))["scans"].growth is None  # too long ago


def test_sizes_of_old_days_go_with_the_days(as_alice: Client) -> None:
    roll_up_days()
    assert TableSize.objects.filter(table="compliance_result").count() == 1
    roll_up_days()
    assert TableSize.objects.filter(table="compliance_result").count() == 1


def form(**more: Any) -> dict[str, Any]:
    return {kind: about.days for kind, about in KINDS.items()} | more


def test_an_administrator_chooses_how_long_history_is_kept(as_alice: Client, alice: User) -> None:
    answer = as_alice.post(ADDRESS, form(scans=30), follow=True)
    assert "Saved. What is older is deleted in the next night." in text_of(answer)
    assert list(Retention.objects.values_list("kind", "days")) == [("scans", 30)]
    [entry] = AuditEntry.objects.filter(verb="compliance.set_retention")
    assert (entry.actor, entry.details) == (alice, {"before": 90, "after": 30})
    assert re.search(r'name="scans" value="30"', as_alice.get(ADDRESS).content.decode())


@pytest.mark.parametrize("wrong", ["6", "0", "-5", "", "x", "99999999999999999999", "1e3"])
def test_what_makes_no_sense_is_refused_with_the_reason(as_alice: Client, wrong: str) -> None:
    answer = as_alice.post(ADDRESS, form(scans=wrong, calls=3))
    assert answer.status_code == 422
    said = text_of(answer)
    assert "This could not be saved Scans:" in said
    assert not Retention.objects.exists()
    html = answer.content.decode()
    assert 'aria-describedby="id_scans_error"' in html
    assert 'id="id_scans_error"' in html


def test_an_operator_and_an_auditor_read_and_do_not_choose(as_bob: Client) -> None:
    said = text_of(as_bob.get(ADDRESS))
    assert "Only administrators may change how long history is kept. Save days" in said
    assert as_bob.post(ADDRESS, form(scans=30)).status_code == 403
    assert not Retention.objects.exists()
    assert re.search(r"<button[^>]* disabled>Save days", as_bob.get(ADDRESS).content.decode())


def test_others_see_why_they_do_not_see_it(as_erin: Client, as_charlie: Client) -> None:
    for client in (as_erin, as_charlie):
        answer = client.get(ADDRESS)
        assert answer.status_code == 403
        assert "may see the health of the system" in text_of(answer)


def test_it_is_in_the_settings(as_alice: Client) -> None:
    html = as_alice.get("/settings/policies/").content.decode()
    assert f'<a href="{ADDRESS}">System health</a>' in html
    assert 'aria-current="page">System health</a>' in as_alice.get(ADDRESS).content.decode()


def test_a_poll_answers_with_what_may_have_changed_only(as_alice: Client) -> None:
    answer = as_alice.get(ADDRESS, headers={"HX-Request": "true", "HX-Request-Type": "partial"})
    html = answer.content.decode()
    assert html.lstrip().startswith('<div id="health"')
    assert "All parts work." in html
    assert "What is kept" not in html


@pytest.mark.parametrize("more", [0, 25])
def test_the_number_of_queries_is_the_same_at_any_size(as_alice: Client, more: int) -> None:
    for number in range(more):
        waits(f"web-{number}", NOW)
    remember_sizes(now=NOW)
    whole = asked(as_alice, ADDRESS)
    assert whole == 10 <= BUDGET


def test_growth_is_known_where_that_of_every_table_is() -> None:
    found = {"fleet_ledger": sizes.Size(7, 70), "compliance_scan": sizes.Size(9, 90)}
    past = {"fleet_ledger": (2, sizes.Size(5, 90)), "compliance_scan": (1, sizes.Size())}
    both = ("fleet_ledger", "compliance_scan")
    assert sizes._taken(both, found, past) == ((16, 160), (10, 80))
    assert sizes._taken((*both, "compliance_result"), found, past) == ((16, 160), None)


def test_an_auditor_sees_it() -> None:
    auditor = person("bob")
    auditor.roles = ["auditor"]
    auditor.save()
    assert client_of(auditor).get(ADDRESS).status_code == 200
