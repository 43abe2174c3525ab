import pytest
from msgspec.structs import replace

from scanner.model import PartialHost, Unread
from scanner.rule import Severity
from scanner.rules.resources.sensitive_host_mount import Parameters, change, check
from tests.recorded import container, context, host, without

USUAL = Parameters()


def failing(subject, parameters=USUAL, on=None):
    flaws = check(subject, context(host=on or host()), parameters)
    return {flaw.sub_object: flaw.severity for flaw in flaws}


def bound(path, *, writable=True):
    [mount] = container("mounts_root").mounts
    mount = replace(mount, source=path, host_path=path, writable=writable)
    return replace(container("mounts_root"), mounts=(mount,))


def test_of_above_and_below_a_sensitive_path_fail_and_writing_is_critical():
    assert failing(container("mounts_sensitive")) == {
        "/etc": Severity.CRITICAL,
        "/boot/grub": None,
        "/run/dbus": Severity.CRITICAL,
        "/usr/lib/modules": None,
        "/var/lib": None,
        "/etc/timezone": Severity.CRITICAL,
    }


def test_the_whole_host_fails_even_to_read():
    assert failing(container("mounts_root")) == {"/": None}


def test_the_evidence_names_the_mount_and_the_sensitive_path():
    [flaw] = check(container("mounts_disguised"), context(), USUAL)
    assert flaw.evidence[0].wanted == "nothing of /etc"
    assert flaw.evidence[0].found == {
        "content": "/etc",
        "destination": "/data",
        "volume": "disguise",
        "writable": True,
    }


def test_a_volume_that_binds_a_host_path_is_a_host_mount():
    assert failing(container("mounts_disguised")) == {"/etc": Severity.CRITICAL}


def test_volumes_narrow_files_a_tmpfs_and_names_that_only_look_alike_pass():
    assert failing(container("mounts_harmless")) == {}


@pytest.mark.parametrize("path", ["/dev/null", "/dev/urandom"])
def test_what_every_container_has_may_be_written_to(path):
    assert failing(bound(path)) == {}


@pytest.mark.parametrize("path", ["/usr/share/zoneinfo", "/usr/share/zoneinfo/Europe/Berlin"])
def test_what_is_harmless_to_read_is_not_harmless_to_write(path):
    assert failing(bound(path, writable=False)) == {}
    assert failing(bound(path)) == {path: Severity.CRITICAL}


def test_a_path_that_is_mounted_twice_fails_once_as_the_worse_of_both():
    [flaw] = check(container("mounts_etc_twice"), context(), USUAL)
    assert (flaw.sub_object, flaw.severity) == ("/etc", Severity.CRITICAL)
    assert [fact.found["destination"] for fact in flaw.evidence] == ["/one", "/two"]


@pytest.mark.parametrize("root", ["/srv/engine-data", "/srv/engine-data/volumes/more", "/srv"])
def test_the_engines_own_data_are_sensitive_wherever_they_lie(root):
    found = failing(container("mounts_data_root"), on=replace(host(), data_root=root))
    assert found == {"/srv/engine-data/volumes": Severity.CRITICAL}
    assert failing(container("mounts_data_root")) == {}


def test_without_knowing_where_the_engines_data_lie_only_what_is_seen_is_told():
    silent = PartialHost(name="silent")
    with pytest.raises(Unread, match="DockerRootDir"):
        failing(container("mounts_data_root"), on=silent)
    with pytest.raises(Unread, match="where its data lie"):
        failing(container("mounts_data_root"), on=replace(host(), data_root=""))
    assert failing(container("mounts_root"), on=silent) == {"/": None}
    assert failing(container("resources_plain"), on=silent) == {}


def test_the_policy_names_the_paths_however_they_are_written():
    own = Parameters(sensitive=("/srv/../srv/secret", "/var/run"), harmless=())
    assert set(failing(container("mounts_sensitive"), own)) == {
        "/run/dbus",
        "/var/lib",  # holds the engine's own data, whatever the policy names
    }
    assert set(failing(bound("/srv"), own)) == {"/srv"}
    assert set(failing(container("mounts_harmless"), Parameters(harmless=()))) == {"/etc/localtime"}


def test_what_was_not_read_is_unknown():
    with pytest.raises(Unread, match="Mounts"):
        failing(without(container("mounts_root"), "mounts"))


@pytest.mark.parametrize("name", ["mounts_sensitive", "mounts_root", "mounts_disguised"])
def test_the_change_passes(name):
    assert failing(change(container(name))) == {}


def test_the_change_keeps_what_is_harmless_and_makes_narrow_files_read_only():
    assert change(container("mounts_harmless")) == container("mounts_harmless")
    [mount] = change(container("mounts_sensitive")).mounts
    assert (mount.host_path, mount.writable) == ("/etc/timezone", False)
