"""What an engine's answers mean; recorded ones, with one thing changed."""

import json

import pytest

from scanner import parse
from scanner.model import Unread, Volume
from tests.recorded import answer, volumes

BIND = {"type": "none", "o": "bind", "device": "/etc"}


def mounts(document, listed=()):
    return parse.container(json.dumps(document).encode(), listed).mounts


def path_of(options, document=None):
    """Where a volume with these options really lies."""
    [mount] = mounts(
        document or answer("mounts_disguised"), (Volume("disguise", "local", options),)
    )
    return mount.host_path


@pytest.mark.parametrize(
    ("options", "path"),
    [
        (BIND, "/etc"),
        ({**BIND, "o": "ro,rbind", "device": "/srv/../var/run"}, "/run"),
        ({"type": "bind", "device": "/etc"}, "/etc"),
        ({}, None),
        ({"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}, None),
        ({"type": "nfs", "device": ":/etc", "o": "addr=192.0.2.1"}, None),
        ({"type": "cifs", "device": "//server/etc", "o": "username=app"}, None),
    ],
)
def test_a_volume_lies_where_its_options_bind_it(options, path):
    assert path_of(options) == path


def test_a_volume_that_was_not_listed_yet_is_what_the_container_asked_for():
    document = answer("mounts_disguised")
    document["HostConfig"]["Mounts"][0]["Target"] += "/"
    [mount] = mounts(document)
    assert mount.host_path == "/etc"


def test_what_is_known_of_a_volume_counts_and_not_what_was_asked_for():
    assert path_of({}) is None
    assert path_of({**BIND, "device": "/srv"}) == "/srv"


def test_a_volume_of_which_nothing_is_known_may_lie_anywhere():
    document = answer("mounts_harmless")
    assert mounts(document, volumes(document))
    with pytest.raises(Unread, match="did not list"):
        mounts(document)


def test_another_drivers_volume_that_is_not_listed_binds_nothing():
    document = answer("mounts_harmless")
    for mount in document["Mounts"]:
        mount["Driver"] = "rexray"
    assert mounts(document)


def test_volumes_that_could_not_be_listed_leave_the_mounts_unread():
    with pytest.raises(Unread, match="did not list its volumes"):
        mounts(answer("mounts_disguised"), None)
    assert mounts(answer("mounts_root"), None)


@pytest.mark.parametrize("field", ["Type", "RW", "Destination", "Source"])
@pytest.mark.parametrize("value", ["null", "absent"])
def test_a_mount_of_which_something_is_missing_is_not_guessed(field, value):
    document = answer("mounts_root")
    document["Mounts"][0][field] = None
    if value == "absent":
        del document["Mounts"][0][field]
    with pytest.raises(Unread, match="Mounts"):
        mounts(document)


@pytest.mark.parametrize("value", [None, "nonsense"])
def test_a_list_of_mounts_that_is_none_is_unread(value):
    with pytest.raises(Unread, match="Mounts"):
        mounts({**answer("mounts_root"), "Mounts": value})


@pytest.mark.parametrize("field", ["Devices", "DeviceRequests", "DeviceCgroupRules"])
def test_null_where_a_list_of_devices_was_is_none_of_them(field):
    document = answer("resources_plain")
    document["HostConfig"][field] = None
    subject = parse.container(json.dumps(document).encode())
    assert (subject.devices, subject.device_requests, subject.device_cgroup_rules) == ((), (), ())


def test_the_ways_to_say_no_limit_for_processes_stay_apart_from_not_said():
    document = answer("pids_limit")
    document["HostConfig"]["PidsLimit"] = None
    assert parse.container(json.dumps(document).encode()).pids_limit is None
    del document["HostConfig"]["PidsLimit"]
    with pytest.raises(Unread, match="PidsLimit"):
        _ = parse.container(json.dumps(document).encode()).pids_limit
