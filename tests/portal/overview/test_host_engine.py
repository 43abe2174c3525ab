"""The tab about a host's engine: its checks, facts, settings and swarm, and what is unknown."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from msgspec.structs import replace

from portal.compliance.models import Result
from portal.fleet.models import ConfigVersion, Host
from portal.overview.queries.engine import engine
from tests.fleet import named, register, scan
from tests.portal.compliance.pages import BUDGET, links, number, queries, text_of, total
from tests.recorded import host as recorded
from tests.recorded import swarm
from tests.recorded.machines import machine

pytestmark = pytest.mark.django_db
ADDRESS = "/hosts/web-1/?tab=engine"


@pytest.fixture
def now() -> datetime:
    return timezone.now()


def scanned(now: datetime, *, manages: bool = False, **more: object) -> Host:
    host = register("web-1", now=now - timedelta(hours=1))
    seen: dict[str, Any] = {"taken_at": now.isoformat(), "reached": "unix", **more}
    if manages:
        seen |= {"swarm": swarm(), "host": replace(recorded(info="_swarm_info"), name="web-1")}
    scan(host, named("privileged", "reports"), now=now, **seen)
    return Host.objects.get(pk=host.pk)


def test_every_rule_about_the_host_stands_once_what_fails_first(now: datetime):
    host = scanned(now, machine=machine("usual"))
    found = engine(host)
    rules = set(Result.objects.filter(subject_kind="host").values_list("rule", flat=True))
    unknown = [check for reason in found.unknown for check in reason.checks]
    shown = [check.rule for check in (*found.failed, *unknown, *found.rest)]
    assert sorted(shown) == sorted(rules)
    assert found.checks == len(rules)
    severities = [check.severity for check in found.failed]
    assert severities == sorted(severities, reverse=True)
    assert {check.verdict for check in found.rest} == {"pass", "not_applicable"}


def test_what_decided_is_said_in_a_line(as_charlie: Client, now: datetime):
    scanned(now)
    said = text_of(as_charlie.get(ADDRESS))
    assert "live-restore Fail Low info: LiveRestoreEnabled: false" in said
    assert "swarm-autolock N/A — the engine is not in a swarm" in said


def test_several_flaws_of_one_rule_are_one_line_and_lead_to_the_findings(
    as_charlie: Client, now: datetime
):
    open_ones = tuple(f"10.{part}.0.0/16" for part in range(5))
    scanned(now, host=replace(recorded(), name="web-1", insecure_ranges=open_ones))
    answer = as_charlie.get(ADDRESS)
    assert "and 2 more" in text_of(answer)
    [(link, _)] = [f for f in links(answer, "rule=insecure-registries") if "verdict=fail" in f[0]]
    assert total(as_charlie.get(link)) == 5


def test_facts_name_the_rules_that_use_them_with_their_verdicts(as_charlie: Client, now: datetime):
    host = scanned(now)
    facts = {fact.name: fact for fact in engine(host).facts}
    uses = {use.rule: use.verdict for use in facts["info: SecurityOptions"].uses}
    assert uses["daemon-seccomp"] == "pass"
    assert uses["userns-remap"] == "fail"
    assert uses["seccomp-profile"] is None  # judges containers
    assert facts["info: KernelVersion"].uses == ()
    said = text_of(as_charlie.get(ADDRESS))
    assert "used by live-restore (fail)" in said


def test_a_fact_within_another_counts_as_its_use(now: datetime):
    facts = {fact.name: fact for fact in engine(scanned(now)).facts}
    assert "userland-proxy" in {use.rule for use in facts["info: FirewallBackend"].uses}


def test_settings_need_the_machine_and_stand_with_their_place(as_charlie: Client, now: datetime):
    host = scanned(now)
    assert engine(host).settings == []
    assert "reading those needs SSH access" in text_of(as_charlie.get(ADDRESS))
    read = machine("settings")
    scan(host, named("privileged", "reports"), machine=read, now=now + timedelta(minutes=1))
    found = {fact.label: fact for fact in engine(Host.objects.get(pk=host.pk)).settings}
    assert found["iptables"].uses[0].rule == "iptables"
    for name in read.daemon.settings or {}:
        assert found[name].name == f"{read.daemon.config_file}: {name}"
    assert any(fact.name == "the default" for fact in found.values())


def test_settings_that_cannot_be_read_say_why(as_charlie: Client, now: datetime):
    host = scanned(now, machine=machine("settings-broken"))
    reasons = {fact.label: fact.reason for fact in engine(host).settings}
    assert reasons["iptables"]
    scan(host, machine=machine("rootless", socket="/nowhere"), now=now + timedelta(minutes=1))
    assert "They could not be read: " in text_of(as_charlie.get(ADDRESS))


def test_a_managers_swarm_is_shown_and_no_others(as_charlie: Client, now: datetime):
    host = scanned(now, manages=True)
    found = {fact.label: fact.value for fact in engine(host).swarm}
    assert found["Services"] == "web · batch · worker"
    assert found["Nodes"].replace("\N{NO-BREAK SPACE}", " ") == "1 node, 1 manager"
    assert found["Managers are locked"] == "no"
    assert "Swarm Nodes" in text_of(as_charlie.get(ADDRESS))
    scan(host, named("privileged", "reports"), now=now + timedelta(minutes=1))
    assert engine(Host.objects.get(pk=host.pk)).swarm == []


def test_what_is_unknown_is_told_by_its_reason(as_charlie: Client, now: datetime):
    host = scanned(now)
    [ssh, *_] = engine(host).unknown
    assert ssh.reason == "needs SSH access to the host"
    unknown = Result.objects.filter(subject_kind="host", verdict="unknown", reason=ssh.reason)
    assert {check.rule for check in ssh.checks} == set(unknown.values_list("rule", flat=True))
    answer = as_charlie.get(ADDRESS)
    assert ("/rules/iptables/", "iptables") in links(answer, "/rules/")
    link, text = [f for f in links(answer, "verdict=unknown") if "rule=" not in f[0]][-1]
    assert total(as_charlie.get(link)) == number(text)


def test_a_host_that_was_never_read_has_nothing_to_show(as_charlie: Client, now: datetime):
    register("web-1", now=now)
    said = text_of(as_charlie.get(ADDRESS))
    assert "Nothing yet: the engine has not been read." in said
    assert "No scan has read this host yet." in said
    assert "Checks of the engine" not in said


def test_what_is_stored_and_cannot_be_understood_is_no_error(as_charlie: Client, now: datetime):
    host = scanned(now, machine=machine("usual"))
    ConfigVersion.objects.filter(pk=host.surroundings_id).update(body=b"spoilt")
    assert as_charlie.get(ADDRESS).status_code == 200


def test_the_number_of_queries(as_charlie: Client, now: datetime):
    scanned(now, machine=machine("usual"), manages=True)
    assert queries(as_charlie, ADDRESS) <= BUDGET
