"""Server time of every page, over a fleet that was really scanned and a year of history.

The year is written by the database, with as many rows as 0.5 % of the containers changing a day
leave; the fleet and its current state come from `benchmarks.fleet`.
"""

# ruff: noqa: S608 - the commands are made of constants only

import statistics
import time
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone

from portal.accounts import actions as accounts
from portal.compliance.models import Result, Scan
from portal.fleet.models import Container, Host

RUNS = 15
DAYS = 365


@dataclass(frozen=True)
class Page:
    """Times in milliseconds."""

    page: str
    p50: float
    p95: float
    queries: int
    kib: float

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def age() -> None:
    with connection.cursor() as cursor:
        for command in _YEAR:
            cursor.execute(command)
        cursor.execute("ANALYZE")


def measure() -> list[Page]:
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "testserver"]
    client = Client()
    user = accounts.create_first_administrator(
        "alice@example.com", "alice", "correct horse battery", timezone.now()
    )
    client.force_login(user)
    return [_page(client, address) for address in _addresses()]


def _page(client: Client, address: str) -> Page:
    asked: list[str] = []

    def count(execute: Any, sql: str, *more: Any) -> Any:
        asked.append(sql)
        return execute(sql, *more)

    with connection.execute_wrapper(count):
        answer = client.get(address)
    if answer.status_code != 200:
        raise RuntimeError(f"{address} answers {answer.status_code}")
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        body = client.get(address).content
        times.append(1000 * (time.perf_counter() - began))
    return Page(
        address,
        round(statistics.median(times), 1),
        round(statistics.quantiles(times, n=20)[-1], 1),
        len(asked),
        round(len(body) / 1024, 1),
    )


def _addresses() -> list[str]:
    host = Host.objects.order_by("id")[7]
    found = Result.objects.filter(open=True, container__isnull=False).order_by("id")[100]
    scans = list(Scan.objects.filter(host=host).order_by("-id").values_list("id", flat=True)[:2])
    container = Container.objects.filter(host=host).order_by("id")[3]
    tabs = ("", "containers", "images", "networks", "engine", "scans", "connection", "history")
    return [
        *("/", "/?environment=production", "/trend/", "/trend/?days=365", "/changes/"),
        *("/hosts/", "/hosts/?page=5", "/hosts/?q=host-05", "/hosts/?state=ok"),
        *(f"/hosts/{host.slug}/{f'?tab={tab}' if tab else ''}" for tab in tabs),
        f"/containers/{container.pk}/",
        *("/rules/", "/rules/privileged/", "/rules/memory-limit/", "/rules/memory-limit/history/"),
        *("/findings/", "/findings/?severity=critical", "/findings/?rule=memory-limit"),
        *("/findings/?group=host", "/findings/?q=postgres", "/findings/?verdict=pass"),
        f"/findings/{found.pk}/",
        *("/scans/", "/scans/schedules/", f"/scans/{scans[0]}/"),
        f"/scans/compare/?a={scans[1]}&b={scans[0]}",
        *("/settings/policies/", "/settings/policies/baseline/", "/settings/rules/"),
        "/settings/health/",
    ]


# Of what is current, a row per week or day in the past, with other figures.
_COUNTS = "passed, failed, excepted, unknown, held, not_applicable, low, medium, high, critical"
_FIGURES = "posture, accepted, coverage, formula, low, medium, high, critical"
_FIGURES += ", passed, failed, excepted, unknown"
_CAUSES = "by_fixes, by_regressions, by_added, by_removed, by_exceptions, by_rules, by_coverage"
_MOVED = "greatest(0, least(100, posture + 6 * (random() - 0.5)))"
_YEAR = (
    f"""INSERT INTO compliance_posture (host_id, rule, since, until, severity, {_COUNTS})
        SELECT host_id, rule, now() - make_interval(weeks => week),
               now() - make_interval(weeks => week - 1), severity, {_COUNTS}
        FROM compliance_posture, generate_series(1, 52) week
        WHERE until IS NULL AND random() < 0.12""",
    f"""INSERT INTO compliance_hostday (host_id, day, {_FIGURES}, silent, containers, {_CAUSES})
        SELECT host_id, current_date - day, {_FIGURES.replace("posture", _MOVED, 1)},
               false, 50, 0.1, -0.1, 0, 0, 0, 0, 0
        FROM compliance_standing, generate_series(1, {DAYS}) day WHERE random() < 0.3""",
    f"""INSERT INTO compliance_groupday
            (group_id, day, hosts, scored, silent, weight, containers, with_critical, {_FIGURES})
        SELECT h.group_id, current_date - day, count(*), count(*), 0, count(*), 50 * count(*), 5,
               avg(posture), avg(accepted), avg(coverage), 1, sum(low), sum(medium), sum(high),
               sum(critical), sum(passed), sum(failed), 0, sum(unknown)
        FROM compliance_standing s JOIN fleet_host h ON h.id = s.host_id,
             generate_series(1, {DAYS}) day GROUP BY 1, 2""",
    f"""INSERT INTO compliance_ruleday
            (group_id, rule, day, severity, hosts, failing_hosts, passed, failed, excepted, unknown,
             not_applicable)
        SELECT h.group_id, p.rule, current_date - day, max(p.severity), count(*), count(*) / 2,
               sum(passed), sum(failed), 0, sum(unknown), sum(not_applicable)
        FROM compliance_posture p JOIN fleet_host h ON h.id = p.host_id,
             generate_series(1, {DAYS}) day WHERE p.until IS NULL GROUP BY 1, 2, 3""",
    """INSERT INTO compliance_fillstate (statistic, day, done)
        VALUES ('groups', current_date - 1, true), ('rules', current_date - 1, true)
        ON CONFLICT (statistic) DO UPDATE SET day = EXCLUDED.day, done = true""",
    f"""INSERT INTO compliance_scan
            (host_id, kind, state, lane, queued_at, started_at, finished_at, attempts, phase, done,
             total, diagnosis_kind, diagnosis, advice, containers, opened, resolved, unknown, gaps,
             rule_set, policy)
        SELECT id, 'schedule', 'complete', 'fast', t, t, t + interval '2 seconds', 1, '', 50, 50,
               '', '', '', 50, 1, 1, 3, '[]', '1', 'Baseline v1'
        FROM fleet_host, generate_series(now() - interval '{DAYS} days', now() - interval '1 day',
                                         interval '1 day') t""",
    f"""INSERT INTO compliance_transition
            (host_id, result_id, at, change, cause, verdict, rule_version, evidence)
        SELECT host_id, id, now() - random() * interval '{DAYS} days',
               (ARRAY['opened', 'resolved', 'reopened', 'vanished'])[1 + floor(random() * 4)],
               (ARRAY['settings', 'image', 'recreated', 'appeared'])[1 + floor(random() * 4)],
               'fail', 1, evidence
        FROM compliance_result, generate_series(1, 4) WHERE first_failed_at IS NOT NULL""",
    f"""INSERT INTO fleet_containerversion
            (container_id, host_id, at, change, engine_id, image, config_id)
        SELECT id, host_id, now() - random() * interval '{DAYS} days', 'recreated', engine_id,
               image, config_id FROM fleet_container, generate_series(1, 2)""",
)
