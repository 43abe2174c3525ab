"""Registering, changing and removing hosts, and what is remembered of each attempt to read one."""

import platform
from datetime import timedelta

import pytest

from portal.accounts.models import User
from portal.compliance.models import Result, Scan, Standing
from portal.core.errors import Conflict, DomainError, NotAllowed, NotFound
from portal.core.models import AuditEntry
from portal.fleet import actions, queries
from portal.fleet.actions import NewGroup
from portal.fleet.models import Container, Environment, Group, Host, HostState
from scanner import EngineError
from tests.fleet import NOW, failed_scan, named, register, scan

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


def add(name: str = "web-1", url: str = "", **values) -> Host:
    url = url or f"unix:///run/{name}.sock"
    return actions.add_host(name=name, url=url, **{"actor": None, "now": NOW, **values})


def edit(host: Host, **values) -> Host:
    as_it_is = {"name": host.name, "url": host.url, "group": host.group}
    return actions.edit_host(host.pk, **{**as_it_is, "actor": None, "now": LATER, **values})


def test_a_host_is_registered_in_its_canonical_spelling(bob: User):
    host = add("  Web   1 ", "TCP://Docker-7", actor=bob)
    assert (host.name, host.slug, host.url) == ("Web 1", "web-1", "tcp://docker-7:2375")
    assert host.group.name == "Default"
    assert host.state == HostState.NEW
    assert host.next_scan_at == NOW
    entry = AuditEntry.objects.get(verb="fleet.add_host")
    assert (entry.actor, entry.label) == (bob, "Web 1")
    assert entry.details == {"address": "tcp://docker-7:2375"}


def test_without_a_scan_now_the_first_one_comes_by_the_schedule():
    host = add(scan_now=False)
    assert NOW < host.next_scan_at <= NOW + timedelta(seconds=host.scan_interval)


def test_a_new_group_is_made_with_the_host(bob: User):
    host = add(group=NewGroup("Shop", Environment.STAGING, " Payments "), actor=bob)
    assert (host.group.name, host.group.owner) == ("Shop", "Payments")
    assert host.group.environment == Environment.STAGING


def test_a_new_group_does_not_stay_without_its_host():
    add("web-1")
    with pytest.raises(Conflict):
        add("WEB-1", "tcp://other", group=NewGroup("Shop", "production", ""))
    assert not Group.objects.filter(name="Shop").exists()
    assert AuditEntry.objects.filter(verb="fleet.add_group").count() == 1


def test_names_of_groups_differ_by_more_than_case():
    actions.add_group(name="Shop", actor=None, now=NOW)
    with pytest.raises(Conflict, match="already a group"):
        actions.add_group(name="SHOP", actor=None, now=NOW)


def test_the_default_group_is_found_in_any_case():
    group = actions.add_group(name="default", actor=None, now=NOW)
    assert add().group == group


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\0b", "a\u202eb"])
def test_a_name_that_is_none(name: str):
    with pytest.raises(DomainError, match="printable"):
        add(name, "tcp://other")
    assert not Host.objects.exists()


@pytest.mark.parametrize("url", ["ftp://x", "x", "ssh://x", "tcp://x/y", "unix://", "tcp://a b"])
def test_an_address_that_is_none(url: str):
    with pytest.raises(DomainError):
        add(url=url)
    assert not Host.objects.exists()


def test_name_and_address_are_each_taken_once():
    add("web-1", "tcp://docker-7")
    with pytest.raises(Conflict, match="already a host named WEB-1"):
        add("WEB-1", "tcp://docker-8")
    with pytest.raises(Conflict, match="already registered as web-1"):
        add("web-2", "tcp://DOCKER-7:2375/")
    assert Host.objects.count() == 1


def test_slugs_are_never_shared_and_never_an_address_of_another_page():
    names = ["Web 1", "web.1", "web-1", "new", "***", "!!!"]
    slugs = [add(name, f"tcp://host-{number}").slug for number, name in enumerate(names)]
    assert len(set(slugs)) == len(slugs)
    assert "new" not in slugs
    assert slugs[0] == "web-1"


@pytest.mark.parametrize("who", ["charlie", "erin", "dana"])
def test_who_may_not_manage_hosts(request: pytest.FixtureRequest, who: str):
    host = add()
    person = request.getfixturevalue(who)
    for act in (
        lambda: add("other", actor=person),
        lambda: edit(host, name="other", actor=person),
        lambda: actions.remove_host(host.pk, typed_name=host.name, actor=person, now=NOW),
        lambda: actions.add_group(name="other", actor=person, now=NOW),
        lambda: actions.try_connection("unix:///nothing", actor=person),
    ):
        with pytest.raises(NotAllowed, match="administrators and operators"):
            act()
    host.refresh_from_db()
    assert (Host.objects.get(), host.name) == (host, "web-1")


def test_an_edited_host_keeps_its_page_and_is_scanned_when_its_address_is_new(bob: User):
    host = add(scan_now=False)
    due = host.next_scan_at
    shop = actions.add_group(name="Shop", actor=None, now=NOW)
    host = edit(host, name="Web A", group=shop, actor=bob)
    assert (host.name, host.slug, host.group, host.next_scan_at) == ("Web A", "web-1", shop, due)
    host = edit(host, url="tcp://docker-7", actor=bob)
    assert host.next_scan_at == LATER
    entry = AuditEntry.objects.filter(verb="fleet.edit_host").order_by("id").last()
    assert entry is not None
    assert entry.details["before"]["address"] == "unix:///run/web-1.sock"
    assert entry.details["after"]["address"] == "tcp://docker-7:2375"


def test_an_edit_takes_neither_name_nor_address_of_another():
    add("web-1")
    host = add("web-2")
    with pytest.raises(Conflict):
        edit(host, name="Web-1")
    with pytest.raises(Conflict):
        edit(host, url="unix:///run/web-1.sock")
    assert edit(host, name="WEB-2").name == "WEB-2"


def test_a_host_that_is_gone_can_neither_be_edited_nor_removed():
    host = add()
    Host.objects.all().delete()
    with pytest.raises(NotFound):
        edit(host)
    with pytest.raises(NotFound):
        actions.remove_host(host.pk, typed_name="web-1", actor=None, now=NOW)


def test_a_host_is_removed_with_all_that_is_known_of_it(bob: User):
    kept = register("kept")
    host = register("gone")
    scan(kept, named("privileged", "reports"))
    scan(host, named("privileged", "reports"))
    with pytest.raises(DomainError, match="Type the name gone"):
        actions.remove_host(host.pk, typed_name="Gone", actor=bob, now=NOW)
    actions.remove_host(host.pk, typed_name=" gone ", actor=bob, now=NOW)
    assert Host.objects.get() == kept
    for model in (Container, Result, Scan, Standing):
        assert set(model.objects.values_list("host", flat=True)) == {kept.pk}
    entry = AuditEntry.objects.get(verb="fleet.remove_host")
    assert (entry.label, entry.actor) == ("gone", bob)


def test_a_tried_connection_leaves_nothing(bob: User):
    done = actions.try_connection("unix:///no/such.sock", actor=bob)
    assert done.failure is not None
    assert done.failure.kind == "socket_missing"
    assert not Host.objects.exists()
    assert not AuditEntry.objects.exists()


def test_the_named_host_is_registered_once():
    host = actions.bootstrap_host("/var/run/docker.sock", now=NOW)
    assert host is not None
    assert (host.name, host.url) == (platform.node() or "local", "unix:///var/run/docker.sock")
    assert actions.bootstrap_host("unix:///var/run/docker.sock", now=LATER) is None
    assert Host.objects.count() == 1


def test_the_named_host_gets_a_number_where_its_name_is_taken():
    add("Docker-7:2375", "unix:///other.sock")
    host = actions.bootstrap_host("tcp://docker-7:2375", now=NOW)
    assert host is not None
    assert host.name == "docker-7:2375 2"


def failure(kind: str = "refused") -> EngineError:
    return EngineError(kind, "Nothing listens there.", "Start the engine.")


def test_attempts_after_failures_come_soon_then_ever_later_up_to_the_interval():
    host = add(scan_now=False)
    host.scan_interval = 900
    waits = []
    for _ in range(7):
        host.next_scan_at = None
        actions.remember_failure(host, failure(), now=NOW)
        waits.append((host.next_scan_at - NOW).total_seconds())
    assert waits == [60, 120, 240, 480, 900, 900, 900]
    assert host.failed_attempts == 7


def test_a_failure_never_puts_off_a_scan_that_is_due_sooner():
    host = add()
    host.next_scan_at = NOW + timedelta(seconds=5)
    actions.remember_failure(host, failure(), now=NOW)
    assert host.next_scan_at == NOW + timedelta(seconds=5)


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("refused", HostState.UNREACHABLE),
        ("timeout", HostState.UNREACHABLE),
        ("denied", HostState.UNAUTHORISED),
        ("socket_denied", HostState.UNAUTHORISED),
    ],
)
def test_a_failure_is_kept_with_its_next_step_and_forgets_nothing(kind: str, state: str):
    host = register("web-1")
    scan(host, named("privileged", "reports"))
    failed_scan(host, kind=kind, now=LATER)
    host.refresh_from_db()
    assert host.state == state
    assert host.diagnosis_kind == kind
    assert host.diagnosis
    assert host.advice
    assert (host.last_success_at, host.last_attempt_at) == (NOW, LATER)
    assert host.containers_total == 1
    assert [found.name for found in queries.containers(host)] == ["reports"]


def test_a_success_ends_the_trouble():
    host = register("web-1")
    failed_scan(host)
    failed_scan(host)
    scan(host, now=LATER)
    host.refresh_from_db()
    assert host.state == HostState.OK
    assert (host.diagnosis_kind, host.diagnosis, host.advice) == ("", "", "")
    assert host.failed_attempts == 0
    assert host.engine["version"].startswith("20.10")


def test_a_containers_row_outlives_its_re_creation_and_its_end():
    host = register("web-1")
    scan(host, named("privileged", "reports"))
    first = Container.objects.get()
    scan(host, named("privileged", "reports", id="f" * 64), now=LATER)
    again = Container.objects.get()
    assert (again.pk, again.first_seen_at, again.engine_id) == (first.pk, NOW, "f" * 64)
    assert again.config_id == first.config_id
    scan(host, now=LATER + timedelta(hours=1))
    gone = Container.objects.get()
    assert gone.gone_at == LATER + timedelta(hours=1)
    assert not queries.containers(host).exists()
