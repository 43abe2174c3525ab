import pytest
from msgspec.structs import replace

from scanner.model import PartialHost, Unread
from scanner.rule import Flaw, Shown
from scanner.rules.resources.cow_storage_driver import Parameters, check
from tests.recorded import context, host

LOOP = {"Pool Name": "docker-8:1-1234-pool", "Data loop file": "/var/lib/docker/data"}
DIRECT = {"Pool Name": "docker-thinpool"}


def judged(driver, status=None, parameters=None, engine="docker"):
    known = replace(host(), storage_driver=driver, storage_status=status or {}, engine=engine)
    [found] = check(known, context(), parameters or Parameters())
    return found


def test_the_recorded_engine_passes():
    [fact] = check(host(), context(), Parameters())
    assert isinstance(fact, Shown)
    assert fact.evidence[0].found == "overlay2"


@pytest.mark.parametrize("driver", ["overlay2", "overlayfs", "btrfs", "zfs", "fuse-overlayfs"])
def test_drivers_that_copy_on_write_pass(driver):
    assert isinstance(judged(driver), Shown)


@pytest.mark.parametrize("driver", ["vfs", "native", "aufs", "overlay"])
def test_drivers_that_copy_all_or_are_deprecated_fail(driver):
    flaw = judged(driver)
    assert isinstance(flaw, Flaw)
    assert flaw.evidence[0].found == driver


def test_podman_calls_overlay_what_is_overlay2():
    assert isinstance(judged("overlay", engine="podman"), Shown)


def test_devicemapper_fails_on_loop_devices_only():
    flaw = judged("devicemapper", LOOP)
    assert isinstance(flaw, Flaw)
    assert flaw.evidence[1].found == "/var/lib/docker/data"
    assert isinstance(judged("devicemapper", DIRECT), Shown)


def test_devicemapper_without_a_word_on_its_devices_is_unknown():
    with pytest.raises(Unread, match="loop"):
        judged("devicemapper")


def test_a_driver_that_nobody_knows_is_unknown_until_the_policy_accepts_it():
    with pytest.raises(Unread, match="acme"):
        judged("acme")
    assert isinstance(judged("acme", parameters=Parameters(("acme",))), Shown)


def test_an_engine_that_does_not_say_is_unknown():
    with pytest.raises(Unread, match="info: Driver"):
        list(check(PartialHost(name="silent"), context(), Parameters()))
    with pytest.raises(Unread, match="no name"):
        judged("")
