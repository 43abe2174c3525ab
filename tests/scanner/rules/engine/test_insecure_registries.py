import json

import pytest
from msgspec.structs import replace

from scanner import parse
from scanner.model import Unread
from scanner.rules.engine.insecure_registries import Parameters, check
from tests.recorded import answer, host
from tests.scanner.rules.engine.hosts import PODMAN, lacking, seen

OPEN = Parameters()


def objects(known, parameters=OPEN):
    return [flaw.sub_object for flaw in seen(check, known, parameters)]


def test_the_engine_as_it_comes_passes():
    assert objects(host()) == []


def test_registries_and_ranges_without_tls_fail_one_by_one():
    known = replace(
        host(),
        registries={"docker.io": True, "registry.example:5000": False, "b.example": False},
        insecure_ranges=("127.0.0.0/8", "10.0.0.0/8", "::1/128", "fd00::/8"),
    )
    assert objects(known) == ["b.example", "registry.example:5000", "10.0.0.0/8", "fd00::/8"]


def test_what_is_on_the_host_itself_is_no_matter():
    registries = {"localhost:5000": False, "127.0.0.1:5000": False, "[::1]:5000": False}
    known = replace(host(), registries=registries, insecure_ranges=("127.0.0.1/32", "::1/128"))
    assert objects(known) == []
    lookalike = {"localhost.example:5000": False, "127.0.0.1.example": False}
    assert len(objects(replace(host(), registries=lookalike))) == 2


def test_a_range_that_holds_more_than_loopback_fails():
    assert objects(replace(host(), insecure_ranges=("0.0.0.0/0", "126.0.0.0/7"))) != []


def test_the_policy_may_allow_some():
    known = replace(host(), registries={"a.example": False}, insecure_ranges=("10.0.0.0/8",))
    assert objects(known, Parameters(("a.example",))) == ["10.0.0.0/8"]
    assert objects(known, Parameters(("a.example", "10.0.0.0/8"))) == []


def test_an_engine_that_does_not_even_name_loopback_hides_them():
    with pytest.raises(Unread, match="none"):
        objects(replace(host(), insecure_ranges=(), registries={}))


@pytest.mark.parametrize("fact", ["registries", "insecure_ranges"])
def test_what_was_not_read_is_unknown(fact):
    with pytest.raises(Unread):
        objects(lacking(fact))


def test_a_registry_that_does_not_say_whether_it_is_secure_spoils_the_list():
    info = answer("_info")
    del info["RegistryConfig"]["IndexConfigs"]["docker.io"]["Secure"]
    known = parse.host(json.dumps(answer("_version")).encode(), json.dumps(info).encode())
    with pytest.raises(Unread, match="IndexConfigs"):
        objects(known)


def test_podman_does_not_tell():
    with pytest.raises(Unread, match="Podman"):
        objects(PODMAN)
