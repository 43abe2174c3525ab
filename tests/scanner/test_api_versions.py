"""The same containers as engines of other versions tell of them: the verdicts are the same."""

import json
from typing import Any

import pytest

from scanner import parse
from scanner.rule import Verdict
from tests.recorded import answer, context
from tests.scanner.test_missing_facts import container, host, judged, usual


def as_19_03(document: Any) -> None:
    """API 1.40: no choice of the cgroup namespace yet, and a set of capabilities, mostly null."""
    del document["HostConfig"]["CgroupnsMode"]
    document["HostConfig"] |= {"Capabilities": None, "KernelMemory": 0, "KernelMemoryTCP": 0}


def host_of_19_03(document: Any) -> None:
    document["version"] |= {"Version": "19.03.15", "ApiVersion": "1.40"}
    info = document["info"]
    for name in ("CgroupVersion", "DefaultAddressPools"):
        info.pop(name, None)
    info |= {"Warnings": None, "ServerVersion": "19.03.15"}


def as_29(document: Any) -> None:
    """API 1.52: what is deprecated is gone, what is new is there, lists are null where empty."""
    for name in ("Bridge", "HairpinMode", "LinkLocalIPv6Address", "LinkLocalIPv6PrefixLen"):
        document["NetworkSettings"].pop(name, None)
    for name in ("IPAddress", "Gateway", "MacAddress", "SecondaryIPAddresses", "EndpointID"):
        document["NetworkSettings"].pop(name, None)
    document["Config"].pop("MacAddress", None)
    document["HostConfig"].pop("KernelMemory", None)
    document["HostConfig"].pop("KernelMemoryTCP", None)
    document["HostConfig"]["ConsoleSize"] = [0, 0]
    for name, value in document["HostConfig"].items():
        if value == []:
            document["HostConfig"][name] = None
    document["ImageManifestDescriptor"] = {"mediaType": "application/vnd.oci.image.manifest.v1"}
    document["GraphDriver"] = {"Name": "overlayfs", "Data": None}


def host_of_29(document: Any) -> None:
    document["version"] |= {"Version": "29.1.0", "ApiVersion": "1.52", "MinAPIVersion": "1.44"}
    info = document["info"]
    modules = [o.replace("=default", "=builtin") for o in info["SecurityOptions"]]
    info |= {"SecurityOptions": [*modules, "name=cgroupns"], "Driver": "overlayfs"}
    info |= {"FirewallBackend": {"Driver": "iptables"}, "Warnings": None}
    for name in ("BridgeNfIptables", "BridgeNfIp6tables", "ClusterStore"):
        info.pop(name, None)


@pytest.mark.parametrize(
    ("change", "host_change", "differs"),
    [
        (as_19_03, host_of_19_03, {"host-cgroup-namespace"}),
        (as_29, host_of_29, {"engine-version"}),
    ],
    ids=["19.03", "29"],
)
def test_verdicts_are_the_same(change: Any, host_change: Any, differs: set[str]) -> None:
    found = judged(change, host=host(host_change))
    changed = {unit for unit, verdicts in usual().items() if found[unit] != verdicts}
    assert {rule for _, rule in changed} == differs


def test_an_engine_without_the_choice_has_no_cgroup_namespace_to_judge() -> None:
    found = judged(as_19_03, host=host(host_of_19_03))
    assert found["cgroupns_host", "host-cgroup-namespace"] == {Verdict.NOT_APPLICABLE}
    found = judged(as_19_03, ("cgroup_parent",), host=host(host_of_19_03))
    assert found["cgroup_parent", "host-cgroup-namespace"] == {Verdict.FAIL}


def test_capabilities_of_api_1_40_are_all_that_there_are() -> None:
    def change(document: Any) -> None:
        document["HostConfig"] |= {"Capabilities": ["CAP_CHOWN", "sys_admin"], "CapAdd": None}

    found = container("isolation_plain", change)
    assert found.effective_capabilities == {"CHOWN", "SYS_ADMIN"}
    assert found.cap_drop == ("ALL",)


def test_an_image_of_which_empty_fields_are_left_out() -> None:
    found = parse.image(json.dumps({"Id": "sha256:1", "Config": {"Cmd": ["sh"]}}).encode())
    assert found.inspected
    assert (found.user, found.exposed_ports, found.healthcheck) == ("", (), None)


def test_ports_that_a_newer_engine_gives_as_numbers_or_without_an_address() -> None:
    document = answer("ports_running")
    for bindings in document["NetworkSettings"]["Ports"].values():
        for binding in bindings or ():
            binding["HostPort"] = int(binding["HostPort"])
            binding.pop("HostIp") if binding["HostIp"] == "0.0.0.0" else None
    found = parse.container(json.dumps(document).encode(), ())
    usual_ones = parse.container(json.dumps(answer("ports_running")).encode(), ())
    assert [str(port) for _, port in context(found).published_ports(found)] == [
        str(port) for _, port in context(usual_ones).published_ports(usual_ones)
    ]
