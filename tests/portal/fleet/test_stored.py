"""What is kept of a scan gives the same verdicts as the scan itself, or says that it cannot."""

import json
import zlib

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from msgspec.structs import replace

from portal.compliance import actions
from portal.fleet import queries, stored
from portal.fleet.models import ConfigVersion, Container, Host
from scanner import Snapshot, Unread, Verdict, evaluate
from scanner.machine import Machine
from scanner.model import Health, Image, Network, Swarm, Volume
from tests import recorded
from tests.fleet import NOW, begin, named, register, scan

pytestmark = pytest.mark.django_db

CASES = sorted(
    file.stem
    for file in (recorded.HERE / recorded.ENGINE).glob("*.json")
    if not file.stem.startswith("_")
)
SWARM = Swarm(autolock=False, certificate_lifetime=7_776_000, unread={"nodes": "no answer"})


def whole(host: Host) -> Snapshot:
    """Every recorded container on one host, with all that can surround them."""
    containers = [named(case) for case in CASES]
    networks = (*recorded.networks(), *recorded.networks("_networks_network"))
    return Snapshot(
        host=replace(recorded.host(), name=host.name),
        containers=tuple(sorted(containers, key=lambda each: (each.name, each.id))),
        images=(
            Image(id="sha256:" + "a" * 64, tags=("plimsoll/busybox:1",)),
            Image(id="sha256:" + "b" * 64, created="2020-01-01T00:00:00Z", unread={"user": "no"}),
        ),
        networks=tuple({network.name: network for network in networks}.values()),
        volumes=(Volume("data", "local", {"o": "bind"}),),
        swarm=SWARM,
        taken_at="2026-11-24T11:59:58+00:00",
        reached="unix",
    )


def keep(host: Host, snapshot: Snapshot) -> Snapshot:
    actions.assess(begin(host), snapshot, now=NOW)
    found = queries.stored_snapshot(host)
    assert found is not None
    return found


def test_every_recorded_container_gives_the_same_results_again():
    host = register("web-1")
    seen = whole(host)
    kept = keep(host, seen)
    assert len(CASES) > 100
    assert [each.name for each in kept.containers] == [each.name for each in seen.containers]
    assert evaluate(kept) == evaluate(seen)


def test_it_surrounds_them_with_the_same():
    host = register("web-1")
    seen = whole(host)
    kept = keep(host, seen)
    assert (kept.host, kept.images, kept.volumes, kept.swarm, kept.taken_at, kept.reached) == (
        *(seen.host, seen.images, seen.volumes),
        *(SWARM, "2026-11-24T11:59:58+00:00", "unix"),
    )
    assert kept.machine is None


def test_what_was_not_listed_is_not_an_empty_list():
    host = register("web-1")
    bare = Snapshot(host=recorded.host())
    kept = keep(host, bare)
    assert (kept.images, kept.networks, kept.volumes) == (None, None, None)


def test_networks_have_their_members_again():
    host = register("web-1")
    web = named("isolation_plain", "web", networks=("shop",))
    network = Network(id="1", name="shop", driver="bridge", members=("web",))
    seen = replace(whole(host), containers=(web,), networks=(network,))
    assert keep(host, seen).networks == (network,)


def test_a_fact_that_was_unread_is_unread_for_the_same_reason():
    whole_one = named("privileged", "reports")
    reasons = {"memory": "the engine gave no number"}
    partial = replace(recorded.without(whole_one, "memory"), unread=reasons)
    kept = keep(register("web-1"), Snapshot(host=recorded.host(), containers=(partial,)))
    with pytest.raises(Unread, match="the engine gave no number"):
        _ = kept.containers[0].memory


def test_what_is_not_kept_of_a_probe_is_unread_and_no_empty_text():
    well = named("healthcheck_starting", "web", health=Health("healthy", 0, "took 12 ms"))
    ill = named("healthcheck_starting", "db", health=Health("unhealthy", 3, "refused"))
    snapshot = Snapshot(host=recorded.host(), containers=(ill, well))
    db, web = keep(register("web-1"), snapshot).containers
    assert db.health == ill.health
    assert web.health is not None
    assert web.health.status == "healthy"
    with pytest.raises(Unread, match="unhealthy containers only"):
        _ = web.health.output


def test_what_a_healthy_probe_says_writes_no_row():
    host = register("web-1")
    scan(host, named("healthcheck_starting", "web", health=Health("healthy", 0, "took 12 ms")))
    before = list(Container.objects.values())
    scan(host, named("healthcheck_starting", "web", health=Health("healthy", 0, "took 13 ms")))
    assert list(Container.objects.values()) == before


def test_a_host_name_that_the_engine_made_up_is_there_and_no_configuration():
    first = named("privileged", "web", id="a" * 64, hostname="a" * 12)
    again = named("privileged", "web", id="b" * 64, hostname="b" * 12)
    assert stored.kept(first).digest == stored.kept(again).digest
    kept = keep(register("web-1"), Snapshot(host=recorded.host(), containers=(again,)))
    assert kept.containers[0].hostname == "b" * 12


def test_a_fact_that_vanished_from_what_is_stored_is_unknown_and_never_a_pass():
    host = register("web-1")
    keep(host, Snapshot(host=recorded.host(), containers=(named("isolation_plain", "web"),)))
    row = Container.objects.select_related("config").get()
    facts = json.loads(zlib.decompress(row.config.body))
    del facts["privileged"]
    body = zlib.compress(json.dumps(facts).encode())
    ConfigVersion.objects.filter(digest=row.config_id).update(body=body)
    kept = queries.stored_snapshot(host)
    assert kept is not None
    [found] = [result for result in evaluate(kept) if result.rule == "privileged"]
    assert found.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("body", [b"", b"no zlib", zlib.compress(b'{"memory": "much"}')])
def test_what_cannot_be_understood_is_no_snapshot(body: bytes):
    host = register("web-1")
    keep(host, Snapshot(host=recorded.host(), containers=(named("privileged", "web"),)))
    ConfigVersion.objects.filter(digest=Container.objects.get().config_id).update(body=body)
    [(found, kept)] = queries.stored_snapshots(Host.objects.all())
    assert (found, kept) == (host, None)


def test_a_host_that_was_never_read_has_none():
    host = register("web-1")
    assert queries.stored_snapshot(host) is None
    assert list(queries.stored_snapshots(Host.objects.all())) == []


def test_each_host_has_its_own_containers_and_no_gone_ones():
    hosts = [register(f"web-{number}") for number in range(5)]
    for host in hosts:
        scan(host, named("privileged", f"of {host.name}"), named("privileged", "both"))
    scan(hosts[2], named("privileged", "both"))
    scan(hosts[4])
    found = {
        host.name: [each.name for each in snapshot.containers]
        for host, snapshot in queries.stored_snapshots(Host.objects.all())
        if snapshot
    }
    assert found == {
        "web-0": ["both", "of web-0"],
        "web-1": ["both", "of web-1"],
        "web-2": ["both"],
        "web-3": ["both", "of web-3"],
        "web-4": [],
    }
    [(only, kept)] = queries.stored_snapshots(Host.objects.filter(name="web-3"))
    assert (only.name, kept is not None and len(kept.containers)) == ("web-3", 2)


def test_it_takes_two_queries_however_many_hosts_there_are():
    counts = []
    for number in (2, 9):
        for place in range(number):
            scan(register(f"web-{number}-{place}"), named("privileged", "reports"))
        with CaptureQueriesContext(connection) as queried:
            list(queries.stored_snapshots(Host.objects.all()))
        counts.append(len(queried))
    assert counts[0] == counts[1] <= 2


def test_a_machine_that_was_read_is_stored_with_it():
    host = register("web-1")
    seen = replace(whole(host), machine=Machine(), reached="ssh")
    assert keep(host, seen).machine == Machine()
