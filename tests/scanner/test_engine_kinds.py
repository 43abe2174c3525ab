"""What engines of other kinds answer becomes the same model as what Docker 20.10 answers."""

import json

import pytest
from msgspec.structs import asdict, replace

from scanner import parse
from scanner.capabilities import DEFAULT_CAPABILITIES, PODMAN_CAPABILITIES
from scanner.model import Process, Unread
from tests.recorded import HERE, answer, container, host, image, networks
from tests.recorded.record import SHAPES

PODMAN = "podman-4.3"
FACTS = (
    *("status", "user", "uid", "command", "exposed_ports", "privileged", "cap_add", "cap_drop"),
    *("security_opt", "ulimits", "userns_mode", "cgroup_parent", "memory", "memory_swap"),
    *("memory_reservation", "nano_cpus", "cpu_quota", "cpuset_cpus", "pids_limit"),
    *("oom_kill_disable", "oom_score_adj", "read_only", "mounts", "devices", "device_requests"),
    *("device_cgroup_rules", "network_mode", "networks", "ports", "publish_all", "restart_policy"),
    *("auto_remove", "init", "sysctls", "healthcheck"),
)
# Where Podman has other facts, not only other words for them: limits of its own, a smaller default
# set of capabilities, and one line for all interfaces.
PODMANS = {"pids_limit", "ulimits", "cap_drop"}
OTHERWISE = dict.fromkeys(SHAPES, PODMANS) | {
    "net_service": PODMANS | {"ports"},
    "cap_drop_all": PODMANS - {"cap_drop"},
    "cap_drop_all_add_one": PODMANS | {"cap_add"},
    "ulimits_both": PODMANS - {"ulimits"},
    "privileged": PODMANS | {"security_opt"},  # without label=disable, which Docker adds
    "healthcheck_given": PODMANS | {"healthcheck"},  # with the default times written out
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("kind", ["26.1", "28.5", PODMAN])
def test_nothing_is_missing_and_the_facts_are_those_of_20_10(kind, name):
    usual, found = container(name), container(name, kind)
    differing = {fact for fact in FACTS if getattr(usual, fact) != getattr(found, fact)}
    if found.network_mode == "bridge" and usual.network_mode == "default":
        differing.remove("network_mode")  # the same by both names
    assert differing == (OTHERWISE[name] if kind == PODMAN else set())


@pytest.mark.parametrize("kind", ["28.5", PODMAN, "20.10-remapped", "20.10-rootless"])
def test_images_are_the_same_by_what_every_engine_tells(kind):
    usual, found = image("app", "26.1"), image("app", kind)
    for fact in ("uid", "user", "exposed_ports", "command"):
        assert getattr(found, fact) == getattr(usual, fact)
    assert "app" in found.name


@pytest.mark.parametrize("kind", ["26.1", "28.5", PODMAN, "20.10-remapped", "20.10-rootless"])
def test_nothing_of_a_host_is_missing(kind):
    missing = {name for name, value in asdict(host(kind)).items() if value is parse.UNSET}
    assert missing == (set() if kind == "28.5" else {"firewall"})  # a field of 28.5


def test_remapped_and_rootless_engines_say_so():
    assert host("20.10-remapped").remaps_users
    assert not host("20.10-remapped").rootless
    assert host("20.10-rootless").remaps_users
    assert host("20.10-rootless").rootless
    assert not host().remaps_users


def test_podman_is_known_by_its_version():
    assert host(PODMAN).podman == (4, 3)
    assert replace(host(PODMAN), version="odd").podman == (0, 0)
    assert host("28.5").podman is None


def test_podman_calls_its_default_network_bridge_as_docker_does():
    assert "bridge" in [network.name for network in networks(engine=PODMAN)]
    assert answer("net_running", PODMAN)["NetworkSettings"]["Networks"].keys() == {"podman"}
    assert container("net_running", PODMAN).networks == ("bridge",)
    assert answer("net_own", PODMAN)["HostConfig"]["NetworkMode"] == "bridge"
    assert container("net_own", PODMAN).network_mode == "shop"


def read(document, version="4.3.1"):
    on = replace(host(PODMAN), version=version)
    return parse.container(json.dumps(document).encode(), (), on)


def dropping(*names, version, added=()):
    document = answer("net_running", PODMAN)
    document["HostConfig"] |= {"CapDrop": list(names), "CapAdd": list(added)}
    return read(document, version)


def test_podman_counts_what_is_dropped_from_a_default_set():
    assert dropping(*DEFAULT_CAPABILITIES, version="4.3.1").cap_drop == ("ALL",)
    assert dropping(*PODMAN_CAPABILITIES, version="4.3.1").cap_drop != ("ALL",)
    assert dropping(*PODMAN_CAPABILITIES, version="5.4.2").cap_drop == ("ALL",)
    one_back = dropping(*PODMAN_CAPABILITIES - {"CHOWN"}, version="5.4.2")
    assert one_back.effective_capabilities == {"CHOWN"}


def test_what_podman_does_not_give_is_not_there():
    assert container("net_running", PODMAN).effective_capabilities == PODMAN_CAPABILITIES
    assert dropping(version="5.4.2").effective_capabilities == PODMAN_CAPABILITIES
    pinging = dropping(version="5.4.2", added=("CAP_NET_RAW",))
    assert pinging.effective_capabilities == PODMAN_CAPABILITIES | {"NET_RAW"}


def test_podmans_facts_that_are_missing_stay_missing():
    document = answer("net_running", PODMAN)
    del document["HostConfig"]["CapDrop"], document["NetworkSettings"]["Networks"]
    found = read(document)
    for fact in ("cap_drop", "networks"):
        with pytest.raises(Unread):
            getattr(found, fact)
    assert found.network_mode == "bridge"


def test_podman_lists_a_process_in_one_column():
    assert answer("_top", PODMAN)["Titles"] == ["PID   USER     COMMAND"]
    body = (HERE / PODMAN / "_top.json").read_bytes()
    assert parse.processes(body) == (Process(0, "sleep"),)
    remapped = (HERE / "20.10-remapped" / "_top.json").read_bytes()
    assert parse.processes(remapped) == (Process(500000, "sleep"),)


def test_a_rootless_podman_says_so_apart():
    info = answer("_info", PODMAN) | {"Rootless": True}
    version = json.dumps(answer("_version", PODMAN)).encode()
    found = parse.host(version, json.dumps(info).encode())
    assert found.rootless
    assert not host(PODMAN).rootless


def test_a_rootless_podman_does_not_tell_of_devices():
    document = json.dumps(answer("net_running", PODMAN)).encode()
    rootless = replace(host(PODMAN), security_options=("name=rootless",))
    with pytest.raises(Unread, match="rootless"):
        _ = parse.container(document, (), rootless).devices
    assert parse.container(document, (), host(PODMAN)).devices == ()


def test_what_podman_calls_private_is_the_default():
    raw = answer("net_running", PODMAN)["HostConfig"]
    assert (raw["PidMode"], raw["UTSMode"], raw["Runtime"]) == ("private", "private", "oci")
    found = container("net_running", PODMAN)
    assert (found.pid_mode, found.uts_mode, found.runtime) == ("", "", "")


def test_older_podmans_do_not_tell_whether_selinux_is_on():
    with pytest.raises(Unread, match=r"before 4\.6"):
        _ = host(PODMAN).has_selinux
    assert not replace(host(PODMAN), version="4.6.0").has_selinux
    apparmor = (*host(PODMAN).security_options, "name=apparmor")
    assert not replace(host(PODMAN), security_options=apparmor).has_selinux
    assert replace(host(PODMAN), security_options=("name=selinux",)).has_selinux
