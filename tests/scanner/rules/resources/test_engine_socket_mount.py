import pytest
from msgspec.structs import replace

from scanner.model import PartialHost, Unread
from scanner.rules.resources.engine_socket_mount import Parameters, change, check
from tests.recorded import container, context, host, without

USUAL = Parameters()
ROOTLESS = replace(host(), security_options=("name=seccomp,profile=default", "name=rootless"))


def failing(subject, parameters=USUAL, on=None):
    return [flaw.sub_object for flaw in check(subject, context(host=on or host()), parameters)]


def bound(*places):
    [mount] = container("mounts_root").mounts
    mounts = tuple(replace(mount, source=path, host_path=path) for path in places)
    return replace(container("mounts_root"), mounts=mounts)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("socket_docker", "/run/docker.sock"),
        ("socket_docker_read_only", "/run/docker.sock"),
        ("socket_containerd", "/run/containerd/containerd.sock"),
        ("socket_podman", "/run/podman/podman.sock"),
        ("socket_moved", "/srv/rooms/docker.sock"),
    ],
)
def test_the_socket_of_any_engine_fails_to_read_too(name, path):
    assert failing(container(name)) == [path]


@pytest.mark.parametrize(
    ("name", "path"),
    [("socket_directory", "/run"), ("socket_crio", "/run/crio"), ("mounts_root", "/")],
)
def test_a_directory_that_holds_one_fails(name, path):
    assert failing(container(name)) == [path]


def test_a_volume_that_binds_the_directory_fails():
    [mount] = container("mounts_disguised").mounts
    disguised = replace(mount, host_path="/run")
    assert failing(replace(container("mounts_disguised"), mounts=(disguised,))) == ["/run"]


@pytest.mark.parametrize("path", ["/var", "/run/dbus", "/run/docker.sock.old", "/run/docker-sock"])
def test_directories_without_one_and_names_that_look_alike_pass(path):
    assert failing(bound(path)) == []


def test_a_directory_with_docker_sock_in_its_name_passes():
    assert failing(container("mounts_harmless")) == []


def test_a_users_directory_holds_one_only_where_the_engine_runs_without_root():
    assert failing(container("socket_rootless")) == []
    assert failing(container("socket_rootless"), on=ROOTLESS) == ["/run/user/1000"]
    assert failing(bound("/run/user/1000/pulse"), on=ROOTLESS) == []
    assert failing(bound("/run/user/1000/docker.sock")) == ["/run/user/1000/docker.sock"]


def test_where_the_engine_does_not_say_how_it_runs_what_is_seen_is_told_first():
    silent = context(host=PartialHost(name="silent"))
    checking = check(bound("/run/user/1000", "/run/docker.sock"), silent, USUAL)
    assert next(checking).sub_object == "/run/docker.sock"
    with pytest.raises(Unread, match="SecurityOptions"):
        next(checking)


def test_a_path_that_is_mounted_twice_fails_once():
    assert failing(bound("/run/docker.sock", "/run/docker.sock")) == ["/run/docker.sock"]


def test_the_policy_names_the_sockets_however_they_are_written():
    own = Parameters(("/var/run/acme/engine.sock",))
    assert failing(bound("/run/acme"), own) == ["/run/acme"]
    assert failing(container("socket_docker"), own) == []


def test_what_was_not_read_is_unknown():
    with pytest.raises(Unread, match="Mounts"):
        failing(without(container("socket_docker"), "mounts"))


@pytest.mark.parametrize("name", ["socket_docker", "socket_directory", "mounts_root"])
def test_the_change_passes(name):
    assert failing(change(container(name))) == []


def test_the_change_keeps_all_other_mounts():
    assert change(container("mounts_harmless")) == container("mounts_harmless")
