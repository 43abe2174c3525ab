import pytest
from msgspec.structs import replace

from scanner.model import DeviceRequest, Unread
from scanner.rule import Severity
from scanner.rules.resources.host_devices import Parameters, change, check
from tests.recorded import container, context, without

USUAL = Parameters()
RAISED = Severity.CRITICAL


def failing(subject, parameters=USUAL):
    return {flaw.sub_object: flaw.severity for flaw in check(subject, context(), parameters)}


def asking(*requests):
    return replace(container("devices_gpu"), device_requests=requests)


def test_each_device_fails_and_more_than_reading_raises_it():
    assert failing(container("devices_given")) == {"/dev/fuse": RAISED, "/dev/kvm": None}


@pytest.mark.parametrize(("rights", "severity"), [("w", RAISED), ("m", RAISED), ("", RAISED)])
def test_to_write_to_make_and_to_leave_it_open_are_all_more_than_reading(rights, severity):
    [device, *_] = container("devices_given").devices
    subject = replace(container("devices_given"), devices=(replace(device, permissions=rights),))
    assert failing(subject) == {"/dev/fuse": severity}


def test_a_device_that_is_given_twice_fails_once_as_the_worse_of_both():
    [flaw] = check(container("devices_same_twice"), context(), USUAL)
    assert (flaw.sub_object, flaw.severity) == ("/dev/kvm", RAISED)
    assert [fact.found["rights"] for fact in flaw.evidence] == ["r", "rw"]


def test_a_rootless_podman_does_not_tell_of_devices_and_what_else_is_seen_stands():
    found = check(without(container("devices_mounted"), "devices"), context(), USUAL)
    assert next(found).sub_object == "/dev"
    with pytest.raises(Unread):
        next(found)


def test_device_cgroup_rules_fail():
    assert failing(container("devices_rules")) == {"c 10:* r": None, "b 8:* rwm": RAISED}


def test_a_mount_of_dev_or_of_a_part_of_it_fails():
    assert failing(container("devices_mounted")) == {"/dev": RAISED}
    assert failing(container("devices_mounted_narrowly")) == {"/dev/snd": None}


def test_gpus_fail_unless_the_policy_allows_them():
    assert failing(container("devices_gpu")) == {"gpu": None}
    assert failing(container("devices_gpu"), Parameters(gpus=True)) == {}


@pytest.mark.parametrize(
    ("request_", "names", "gpu"),
    [
        (DeviceRequest("nvidia", 1, (), ()), ["gpu"], True),
        (DeviceRequest("", -1, (), ("compute,gpu", "video")), ["gpu"], True),
        (DeviceRequest("cdi", 0, ("acme.com/gpu=0",), ()), ["acme.com/gpu=0"], True),
        (DeviceRequest("cdi", 0, ("a/net=x", "b/gpux=0"), ()), ["a/net=x", "b/gpux=0"], False),
        (DeviceRequest("acme", 1, (), ("tpu",)), ["acme"], False),
        (DeviceRequest("", 1, (), ("tpu",)), ["tpu"], False),
        (DeviceRequest("", 1, (), ()), ["any"], False),
    ],
)
def test_requests_are_told_by_what_they_ask_for(request_, names, gpu):
    assert list(failing(asking(request_))) == names
    assert list(failing(asking(request_), Parameters(gpus=True))) == ([] if gpu else names)
    allowed = Parameters(allowed_requests=tuple(names))
    assert list(failing(asking(request_), allowed)) == (names if gpu else [])


def test_a_container_without_devices_passes():
    assert failing(container("resources_plain")) == {}
    assert failing(container("mounts_harmless")) == {}


def test_the_policy_allows_devices_directories_and_rules():
    assert failing(container("devices_given"), Parameters(allowed=("/dev",))) == {}
    assert failing(container("devices_given"), Parameters(allowed=("/dev/fuse",))) == {
        "/dev/kvm": None,
        "/dev/null": RAISED,
    }
    assert failing(container("devices_rules"), Parameters(allowed_rules=("b 8:* rwm",))) == {
        "c 10:* r": None
    }
    assert failing(container("devices_mounted_narrowly"), Parameters(allowed=("/dev/snd",))) == {
        "/dev/shm": RAISED,
        "/dev/log": RAISED,
    }


@pytest.mark.parametrize("fact", ["devices", "device_requests", "device_cgroup_rules", "mounts"])
def test_what_was_not_read_is_unknown(fact):
    with pytest.raises(Unread):
        failing(without(container("resources_plain"), fact))


@pytest.mark.parametrize(
    "name", ["devices_given", "devices_rules", "devices_gpu", "devices_mounted"]
)
def test_the_change_passes(name):
    assert failing(change(container(name))) == {}


def test_the_change_keeps_what_is_no_device_of_the_host():
    assert [d.host_path for d in change(container("devices_given")).devices] == ["/dev/null"]
    kept = change(container("devices_mounted_narrowly")).mounts
    assert {mount.host_path for mount in kept} == {"/dev/shm", "/dev/log"}
