import msgspec
import pytest
from msgspec.structs import replace

from scanner.machine import Daemon, File, Machine
from scanner.machine.options import OPTIONS
from scanner.unread import Unread
from tests.recorded.machines import machine


def daemon(**facts):
    return Daemon(config_file="/etc/docker/daemon.json", **facts)


def test_an_option_says_where_it_stands():
    told = daemon(flags={"icc": False}, settings={"iptables": False})
    assert [
        (o.value, o.source, o.fact) for o in map(told.option, ("icc", "iptables", "debug"))
    ] == [
        (False, "flag", "dockerd --icc"),
        (False, "file", "/etc/docker/daemon.json: iptables"),
        (False, "default", "default: debug"),
    ]
    assert daemon(flags={"hosts": ("fd://",)}).option("hosts").fact == "dockerd --host"


def test_an_option_of_a_file_that_could_not_be_read_is_unread_unless_a_flag_says_it():
    told = daemon(flags={"icc": False}, unread="permission denied")
    assert told.option("icc").value is False
    with pytest.raises(Unread, match=r"/etc/docker/daemon\.json: iptables: permission denied"):
        told.option("iptables")


def test_an_option_of_a_file_that_was_changed_since_is_unread():
    """What is in force is what stood there when the daemon started."""
    told = daemon(settings={"icc": False}, stale=True)
    for name in ("icc", "iptables"):
        with pytest.raises(Unread, match="changed after the daemon started"):
            told.option(name)
    assert told.told("icc") is False


def test_every_option_can_be_asked_for():
    for name, kind in OPTIONS.items():
        assert daemon().option(name).value == kind.default
        assert daemon().told(name) == kind.default
    with pytest.raises(KeyError):
        daemon().option("no-such-option")


def test_the_sockets_are_those_of_the_flags_the_file_and_the_asked_one():
    assert daemon().sockets == ("/run/docker.sock",)
    assert daemon(flags={"hosts": ("fd://", "tcp://0.0.0.0:2376")}).sockets == ("/run/docker.sock",)
    assert daemon(flags={"hosts": ("tcp://0.0.0.0:2376",)}).sockets == ()
    told = daemon(settings={"hosts": ("unix:///var/run/own.sock",)}, socket="/run/asked.sock")
    assert told.sockets == ("/run/asked.sock", "/run/own.sock")


def test_a_file_by_another_path_to_it():
    known = machine("usual")
    assert known.file("/var/run/docker.sock") == known.file("/run/docker.sock")
    assert known.file("/lib/systemd/system/docker.service") is not None


def test_what_was_not_looked_at_is_unread_and_what_is_not_there_is_none():
    assert machine("usual").file("/etc/sysconfig/docker") is None
    with pytest.raises(Unread, match="not looked at"):
        machine("usual").file("/etc/shadow")


def test_a_machine_of_which_nothing_was_read_says_so():
    nothing = Machine(unread=dict.fromkeys(("files", "dockerd", "sysctl", "audit"), "cut off"))
    for ask in (
        lambda: nothing.file("/etc/docker"),
        lambda: list(nothing.below("/etc/docker")),
        lambda: nothing.daemon,
        lambda: nothing.sysctl("kernel.kptr_restrict"),
        lambda: nothing.audit_rules,
    ):
        with pytest.raises(Unread, match="cut off"):
            ask()
    with pytest.raises(Unread, match="its process was not seen"):
        Machine().daemon  # noqa: B018 - the asking is what is tested


def test_files_below_a_folder_come_once_however_many_links_lead_to_them():
    known = machine("usual")
    unit = known.file("/usr/lib/systemd/system/docker.service")
    linked = replace(unit, path="/usr/lib/systemd/system/alias.service")
    more = replace(known, files={**known.files, linked.path: linked})
    found = [file.real_path for file in more.below("/usr/lib/systemd/system")]
    assert found.count(unit.path) == 1


def test_a_mode_exceeds_another_by_any_bit():
    file = File("/x", "file", 0o640, 0, 0)
    assert not file.exceeds(0o644)
    assert file.exceeds(0o600)
    assert replace(file, mode=0o4600).exceeds(0o644)
    assert (file.permissions, file.ownership) == ("0640", "0:0")


def test_a_machine_can_be_kept_and_read_back():
    known = machine("open")
    assert msgspec.json.decode(msgspec.json.encode(known), type=Machine) == known
