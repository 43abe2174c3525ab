import pytest
from msgspec.structs import replace

from scanner.model import PartialHost, Unread
from scanner.rule import Flaw, NotApplicable, Shown
from scanner.rules.resources.storage_quota import Parameters, change, check
from tests.recorded import container, context, host, without

USUAL = Parameters()
PLAIN = container("resources_plain")
SIZED = replace(PLAIN, storage_options={"size": "5G"})


def judged(subject=PLAIN, driver="btrfs", parameters=USUAL, engine="docker", **status):
    status = {name.replace("_", " "): value for name, value in status.items()}
    on = replace(host(), storage_driver=driver, storage_status=status, engine=engine)
    [found] = check(subject, context(host=on), parameters)
    return found


@pytest.mark.parametrize("driver", ["btrfs", "zfs", "windowsfilter", "devicemapper"])
def test_no_size_fails_where_the_driver_can_limit_it(driver):
    flaw = judged(driver=driver)
    assert isinstance(flaw, Flaw)
    assert [fact.found for fact in flaw.evidence] == [{}, driver]


def test_a_size_passes_and_is_shown():
    fact = judged(SIZED)
    assert isinstance(fact, Shown)
    assert fact.evidence[0].found == "5G"


@pytest.mark.parametrize("options", [{"size": "0"}, {"size": ""}, {"acme": "5"}])
def test_a_size_of_nothing_and_other_options_are_no_limit(options):
    assert isinstance(judged(replace(PLAIN, storage_options=options)), Flaw)


def test_devicemapper_limits_every_layer_by_itself():
    fact = judged(driver="devicemapper", Base_Device_Size="10.74GB")
    assert isinstance(fact, Shown)
    assert fact.evidence[1].found == "10.74GB"


@pytest.mark.parametrize("driver", ["vfs", "aufs", "overlay", "overlayfs", "fuse-overlayfs"])
def test_it_has_no_meaning_where_the_driver_cannot(driver):
    with pytest.raises(NotApplicable, match=driver):
        judged(driver=driver)


def test_overlay2_can_only_on_xfs():
    with pytest.raises(NotApplicable, match=r"only on xfs .* not on extfs"):
        list(check(PLAIN, context(), USUAL))


@pytest.mark.parametrize(("driver", "engine"), [("overlay2", "docker"), ("overlay", "podman")])
def test_on_xfs_the_policy_must_say_whether_quotas_are_on(driver, engine):
    with pytest.raises(Unread, match="pquota"):
        judged(driver=driver, engine=engine, Backing_Filesystem="xfs")
    known = Parameters(project_quotas=True)
    flaw = judged(driver=driver, engine=engine, parameters=known, Backing_Filesystem="xfs")
    assert isinstance(flaw, Flaw)
    assert flaw.evidence[2].found == "xfs"


def test_what_was_not_read_is_unknown():
    with pytest.raises(Unread, match="StorageOpt"):
        judged(without(SIZED, "storage_options"))
    with pytest.raises(Unread, match="on what overlay2 lies"):
        judged(driver="overlay2")
    with pytest.raises(Unread, match="info: Driver"):
        list(check(PLAIN, context(host=PartialHost(name="silent")), USUAL))


def test_the_change_passes():
    assert isinstance(judged(change(PLAIN)), Shown)
