import pytest

from scanner.paths import above, holds, normalise, touches, under, within


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        ("/", "/"),
        ("//etc//ssl/", "/etc/ssl"),
        ("/srv/../etc/./ssl", "/etc/ssl"),
        ("/../etc", "/etc"),
        ("/var/run/docker.sock", "/run/docker.sock"),
        ("/var/run", "/run"),
        ("/lib/modules", "/usr/lib/modules"),
        ("/lib64", "/usr/lib64"),
        ("/library", "/library"),
        ("/proc/1/root", "/"),
        ("/proc/self/root/var/run", "/run"),
        ("/proc/42/task/43/root/proc/1/root/etc", "/etc"),
        ("/proc/1/rooted", "/proc/1/rooted"),
        ("/srv/proc/1/root", "/srv/proc/1/root"),
        ("/var/running", "/var/running"),
    ],
)
def test_a_path_is_what_the_kernel_would_make_of_it(path, normal):
    assert normalise(path) == normal


def test_below_is_told_by_whole_names():
    assert under("/etc", "/etc")
    assert under("/etc/ssl", "/etc")
    assert under("/srv", "/")
    assert not under("/etcetera", "/etc")
    assert not under("/", "/etc")


def test_places_may_be_written_in_any_way():
    assert within("/run/dbus", ("/srv", "/var/run/"))
    assert not within("/srv", ("/srv/data",))
    assert not within("/srv", ())


def test_a_path_touches_what_is_above_and_below_it_and_the_root_only_itself():
    assert touches("/etc/ssl", "/etc")
    assert touches("/var", "/var/lib/docker")
    assert touches("/", "/etc")
    assert touches("/", "/")
    assert not touches("/srv", "/")
    assert not touches("/srv", "/etc")


@pytest.mark.parametrize("path", ["/", "/run", "/run/user", "/run/user/1000", "/run/user/0/x.sock"])
def test_a_file_is_held_by_itself_and_by_every_directory_above(path):
    assert holds(path, "/run/user/*/x.sock")


@pytest.mark.parametrize("path", ["/ru", "/run/user/1000/y", "/run/user/1000/x.sock/more", "/srv"])
def test_a_file_is_not_held_by_its_neighbours(path):
    assert not holds(path, "/run/user/*/x.sock")


def test_the_directories_above_go_up_to_the_root():
    assert above("/srv/data/new") == ["/srv/data", "/srv", "/"]
    assert above("/") == []
