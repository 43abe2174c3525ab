"""The same containers as engines of other versions tell of them: the verdicts are the same."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from scanner import parse, wire
from scanner.rule import Verdict
from tests.recorded import HERE, answer, context
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


DOCUMENTS = json.loads((HERE / "api_documents.json").read_text())
ANSWERS = {
    "/version": wire.VersionJson,
    "/info": wire.InfoJson,
    "/containers/json": wire.ListedJson,
    "/containers/{id}/json": wire.ContainerJson,
    "/containers/{id}/top": wire.TopJson,
    "/images/json": wire.ListedImageJson,
    "/images/{name}/json": wire.ImageJson,
    "/images/{name}/history": wire.LayerJson,
    "/networks": wire.NetworkJson,
    "/volumes": wire.VolumesJson,
    "/swarm": wire.SwarmJson,
    "/nodes": wire.NodeJson,
    "/services": wire.ServiceJson,
    "/secrets": wire.SecretJson,
}
PODMANS = {"Rootless"}
# What we read and the document of a version does not have: each is read as missing by design.
NOT_THERE = {
    ("1.40", "/info"): {*PODMANS, "CgroupVersion", "FirewallBackend"},
    ("1.40", "/containers/{id}/json"): {"HostConfig.CgroupnsMode"},
    ("1.40", "/networks"): {"IPAM.Config.Subnet"},  # said in words there
    ("1.41", "/info"): {*PODMANS, "FirewallBackend"},
    ("1.41", "/containers/{id}/json"): {"HostConfig.Capabilities"},
    ("1.52", "/info"): PODMANS,
    ("1.52", "/containers/{id}/json"): {"HostConfig.Capabilities"},
    ("1.52", "/images/{name}/json"): {"Config.Hostname", "Config.Image", "Config.Tty"},
}
NOT_THERE |= {
    ("1.55", call): facts for (version, call), facts in NOT_THERE.items() if version == "1.52"
}


def read_of(kind: Any, before: str = "") -> Iterator[str]:
    """What we read of an answer, without what is within what is missing."""
    for field in msgspec.structs.fields(kind):
        yield before + field.encode_name
        if (inner := struct_in(field.type)) is not None:
            yield from read_of(inner, f"{before}{field.encode_name}.")


def struct_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return annotation
    inner = (struct_in(option) for option in getattr(annotation, "__args__", ()))
    return next((found for found in inner if found is not None), None)


@pytest.mark.parametrize("call", ANSWERS)
@pytest.mark.parametrize("version", DOCUMENTS)
def test_what_we_read_is_what_the_published_document_has(version: str, call: str) -> None:
    known = set(DOCUMENTS[version][call])
    missing = {path for path in read_of(ANSWERS[call]) if path not in known}
    highest = {path for path in missing if path.rpartition(".")[0] not in missing}
    assert highest == NOT_THERE.get((version, call), set())
