"""The worked examples of the document, on recorded answers of a real engine."""

import re
from typing import Any, NamedTuple

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from scanner import Container, Result, Snapshot, Verdict, evaluate
from scanner.custom import rules
from scanner.model import Image, Mount, Network, PartialHost
from tests import recorded
from tests.scanner.custom import examples

PAYMENTS = Image("sha256:feed", labels={"com.example.team": "payments"}, inspected=True)
LABELS = {"com.example.owner": "shop", "com.example.cost-centre": "42"}


def plain(**facts: Any) -> Container:
    return replace(recorded.container("isolation_running"), **facts)


def web(**facts: Any) -> Container:
    return plain(labels={"com.example.tier": "web"}, **facts)


def dmz(**facts: Any) -> Container:
    return plain(labels={"com.example.zone": "dmz"}, **facts)


def mount(source: str) -> Mount:
    return Mount("bind", source, "/data", writable=True, host_path=source)


def seen(*containers: Container, **snapshot: Any) -> Snapshot:
    values = {"host": recorded.host(), "images": (PAYMENTS,), "networks": (), "volumes": ()}
    return Snapshot(containers=containers, **{**values, **snapshot})


def lacking(container: Container, fact: str) -> Snapshot:
    return seen(recorded.without(container, fact))


def on_network(**facts: Any) -> Snapshot:
    return seen(networks=(Network("1", "shop_web", "bridge", **facts),))


def kernel(version: Any) -> Snapshot:
    host = recorded.host()
    values = {name: object.__getattribute__(host, name) for name in host.__struct_fields__}
    return seen(host=PartialHost(**{**values, "kernel": version}))


class Case(NamedTuple):
    good: Snapshot
    bad: Snapshot
    unread: Snapshot
    fact: str
    parts: set[str] = set()
    """The sub-objects that fail."""
    elsewhere: Snapshot | None = None
    """What the rule does not apply to."""


AGENT = {"image": "registry.example.com/agent:3"}
CASES = {
    "custom-image-registry": Case(
        seen(plain(image="registry.example.com/shop:1")),
        seen(plain(image="shop:1")),
        lacking(plain(), "image"),
        "Config.Image",
    ),
    "custom-required-labels": Case(
        seen(plain(labels=LABELS)),
        seen(plain(labels={"com.example.owner": "shop", "com.example.cost-centre": ""})),
        lacking(plain(), "labels"),
        "Config.Labels",
        {"com.example.cost-centre"},
    ),
    "custom-no-latest": Case(
        seen(plain(image="shop:1")),
        seen(plain(image="registry:5000/shop")),
        lacking(plain(), "image"),
        "Config.Image",
    ),
    "custom-web-memory": Case(
        seen(web(memory=512 * 1024**2)),
        seen(web(memory=0)),
        lacking(web(), "memory"),
        "HostConfig.Memory",
        elsewhere=seen(plain(memory=0)),
    ),
    "custom-dmz-mounts": Case(
        seen(dmz(mounts=(mount("/etc/localtime"),))),
        seen(dmz(mounts=(mount("/srv"), mount("/etc/localtime")))),
        lacking(dmz(), "mounts"),
        "Mounts",
        {"/data"},
        elsewhere=seen(plain(mounts=(mount("/srv"),))),
    ),
    "custom-log-driver": Case(
        seen(plain(log_driver="journald")),
        seen(plain(log_driver="json-file")),
        lacking(plain(), "log_driver"),
        "HostConfig.LogConfig.Type",
    ),
    "custom-named-networks": Case(
        seen(plain(networks=("shop_default",))),
        seen(plain(networks=("shop_default", "bridge"))),
        lacking(plain(), "networks"),
        "NetworkSettings.Networks",
        {"bridge"},
    ),
    "custom-sysctls": Case(
        seen(plain(sysctls={"net.core.somaxconn": "1024"})),
        seen(plain(sysctls={"net.core.somaxconn": "1024", "kernel.shm_rmid_forced": "1"})),
        lacking(plain(), "sysctls"),
        "HostConfig.Sysctls",
        {"kernel.shm_rmid_forced"},
    ),
    "custom-payments-read-only": Case(
        seen(plain(image_id="sha256:feed", read_only=True)),
        seen(plain(image_id="sha256:feed", read_only=False)),
        seen(plain(image_id="sha256:gone")),
        "image",
        elsewhere=seen(
            plain(image_id="sha256:cafe"), images=(replace(PAYMENTS, id="sha256:cafe", labels={}),)
        ),
    ),
    "custom-kernel-floor": Case(
        kernel("6.1.0-18-amd64"), kernel("4.19.0"), kernel(UNSET), "info: KernelVersion"
    ),
    "custom-subnets": Case(
        on_network(subnets=("172.18.0.0/16", "10.200.3.0/24")),
        on_network(subnets=("172.18.0.0/16", "192.168.7.0/24")),
        on_network(subnets=("not a subnet",)),
        "expression",
        {"192.168.7.0/24"},
        elsewhere=seen(networks=(Network("1", "host", "host"),)),
    ),
    "custom-agent": Case(
        seen(plain(status="exited"), plain(**AGENT)),
        seen(plain(status="exited", **AGENT)),
        seen(recorded.without(plain(), "image")),
        "Config.Image",
    ),
}
EXAMPLES = examples()
every_example = pytest.mark.parametrize("slug", sorted(EXAMPLES))


def judged(slug: str, snapshot: Snapshot) -> list[Result]:
    [rule] = rules(EXAMPLES[slug])
    return evaluate(snapshot, rules=[rule])


def test_there_are_at_least_ten_and_each_has_a_case() -> None:
    assert len(EXAMPLES) >= 10
    assert CASES.keys() == EXAMPLES.keys()


@every_example
def test_it_passes(slug: str) -> None:
    assert {result.verdict for result in judged(slug, CASES[slug].good)} == {Verdict.PASS}


@every_example
def test_it_fails_and_shows_why(slug: str) -> None:
    results = judged(slug, CASES[slug].bad)
    assert {result.verdict for result in results} == {Verdict.FAIL}
    assert {result.sub_object for result in results} == (CASES[slug].parts or {""})
    assert all(result.evidence for result in results)


@every_example
def test_it_is_unknown_where_the_fact_is_missing(slug: str) -> None:
    [result] = judged(slug, CASES[slug].unread)
    assert result.verdict is Verdict.UNKNOWN
    assert [evidence.fact for evidence in result.evidence] == [CASES[slug].fact]
    assert result.reason


@pytest.mark.parametrize("slug", sorted(s for s, case in CASES.items() if case.elsewhere))
def test_it_does_not_apply_elsewhere(slug: str) -> None:
    [result] = judged(slug, CASES[slug].elsewhere)  # type: ignore[arg-type]
    assert result.verdict is Verdict.NOT_APPLICABLE
    assert result.reason.startswith(("Only ", "The network "))


@every_example
def test_it_never_breaks_on_a_recorded_container(slug: str) -> None:
    names = ("everything", "net_pod_web", "mounts_sensitive", "ports_many", "isolation_service")
    snapshot = seen(*map(recorded.container, names), networks=recorded.networks())
    results = judged(slug, snapshot)
    assert results
    assert [r.reason for r in results if "could not be judged" in r.reason] == []


def test_what_is_asked_of_each_of_several_is_no_evidence_by_itself() -> None:
    text = re.sub(
        r"^evidence:.*\n(?:[ -].*\n)*", "", examples()["custom-agent"], flags=re.MULTILINE
    )
    [rule] = rules(text)
    assert "containers[]" in text or "containers." in text
    found = evaluate(seen(plain()), rules=[rule])
    assert found
    assert not [fact for result in found for fact in result.evidence if "[" in fact.fact]
