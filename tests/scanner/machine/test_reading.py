import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from scanner.errors import AnswerError, EngineError
from scanner.evaluate import evaluate
from scanner.machine import COMMANDS, read
from scanner.model import Snapshot
from scanner.rule import Family, Verdict
from scanner.rules import RULES
from scanner.unread import Unread
from tests.recorded import host
from tests.recorded.machines import DATA_ROOT, HERE, SOCKET, Replay, answers, machine, rootless
from tests.recorded.record_machines import CASES, SECRET

HOST_RULES = [rule for rule in RULES if rule.family is Family.HOST]


def heard(*said, data_root=DATA_ROOT, socket=SOCKET):
    return read(Replay(list(said)), data_root=data_root, socket=socket)


def record(*fields):
    return b"".join(field + b"\0" for field in fields)


def verdicts(seen):
    return evaluate(Snapshot(host=host(), machine=seen), rules=HOST_RULES)


# --- what a host is like


def test_the_recorded_hosts_are_those_of_the_list():
    assert {file.stem for file in HERE.glob("*.json")} == set(CASES)


@pytest.mark.parametrize("name", [name for name in CASES if f"{name}-busybox" in CASES])
def test_gnu_and_busybox_say_the_same(name):
    gnu, busybox = machine(name), machine(f"{name}-busybox")
    assert sorted(gnu.files) == sorted(busybox.files)
    for path, file in gnu.files.items():
        other = busybox.files[path]
        assert (file is None) == (other is None)
        if file:
            assert replace(file, changed=0) == replace(other, changed=0)
    assert (gnu.groups, gnu.sysctls, gnu.unread) == (
        busybox.groups,
        busybox.sysctls,
        busybox.unread,
    )
    assert gnu.operating_system == busybox.operating_system != ""
    assert gnu.daemon.settings == busybox.daemon.settings


def test_the_machine_says_what_it_is():
    known = machine("usual")
    assert known.user == "root 0"
    assert known.kernel.startswith("Linux ")
    assert known.operating_system.startswith("Debian")
    assert known.file("/etc/docker/daemon.json").permissions == "0644"
    assert known.file("/run/docker.sock").kind == "socket"
    assert known.daemon.program == "dockerd"


def test_settings_come_from_the_file_with_their_secrets_hidden():
    daemon = machine("settings").daemon
    assert daemon.option("icc").value is False
    assert daemon.option("icc").source == "file"
    assert daemon.option("default-ulimits").value == ("nofile=1024:4096",)
    assert daemon.option("iptables").source == "default"


@pytest.mark.parametrize("name", ["settings", "flags"])
def test_nothing_of_a_secret_is_kept(name):
    assert SECRET in repr(answers(name))
    assert SECRET not in msgspec.json.encode(machine(name)).decode()


def test_settings_come_from_flags():
    daemon = machine("flags").daemon
    assert (daemon.option("icc").value, daemon.option("icc").source) == (False, "flag")
    assert daemon.option("log-level").value == "warn"
    assert daemon.option("debug").value is True


def test_a_file_that_was_changed_after_the_start_is_not_in_force():
    assert machine("settings-changed").daemon.stale
    assert not machine("usual").daemon.stale
    with pytest.raises(Unread, match="changed after the daemon started"):
        machine("settings-changed").daemon.option("icc")


def test_a_broken_file_is_unread():
    with pytest.raises(Unread, match="no valid JSON"):
        machine("settings-broken").daemon.option("icc")


def test_a_file_that_is_no_file_does_not_hold_the_reading_up():
    """Of a named pipe, nothing is read."""
    assert machine("odd").file("/etc/docker/daemon.json").kind == "other"
    with pytest.raises(Unread, match="could not be read"):
        machine("odd").daemon.option("icc")


def test_what_a_plain_user_may_not_see_is_unread_with_what_to_do():
    known = machine("member-denied")
    with pytest.raises(Unread, match="permission denied for user 62001; as root it could be read"):
        known.file("/etc/docker/daemon.json")
    with pytest.raises(Unread, match="permission denied"):
        known.daemon.option("icc")
    with pytest.raises(Unread, match="permission denied"):
        list(known.below("/etc/docker/certs.d"))
    assert known.file("/etc/docker") is not None


def test_root_is_not_told_to_become_root():
    said = [part.replace(b"absent", b"denied") for part in answers("usual")]
    with pytest.raises(Unread, match="permission denied for user root, as to everybody"):
        heard(*said).file("/etc/sysconfig/docker")


def test_mounts_of_containers_are_not_kept():
    assert {mount.mount_point for mount in machine("usual").mounts} == {"/", "/var/lib/docker"}


def test_a_mount_point_with_a_space():
    said = answers("usual")
    said[0] = said[0].replace(b" /var/lib/docker ", rb" /var/lib/my\040data ")
    own = heard(*said, data_root="/var/lib/my data").mount_of("/var/lib/my data")
    assert own.mount_point == "/var/lib/my data"


# --- the engine that was asked


def test_of_two_engines_on_a_machine_the_asked_one_is_told_by_its_data():
    first = machine("two")
    assert first.daemon.config_file == "/etc/docker/daemon.json"
    second = machine("two", data_root="/run/second/data", socket="/run/second/docker.sock")
    assert second.daemon.config_file == "/run/second/daemon.json"
    assert second.daemon.option("iptables").value is False
    assert "/run/second/docker.sock" in second.daemon.sockets


def test_an_engine_that_none_of_the_processes_can_be_is_not_guessed():
    seen = machine("two", data_root="/srv/elsewhere")
    with pytest.raises(Unread, match="2 processes called dockerd"):
        _ = seen.daemon
    assert {r.verdict for r in verdicts(seen) if r.rule == "socket-permissions"} == {
        Verdict.UNKNOWN
    }


def test_a_single_process_is_not_taken_for_the_asked_engine_either():
    with pytest.raises(Unread, match="none can be told to be the engine that was asked"):
        _ = machine("usual", data_root="/srv/elsewhere").daemon


def test_a_process_whose_file_is_out_of_sight_is_told_by_the_socket_of_its_flags():
    known = machine("member-denied")
    assert SOCKET in known.daemon.sockets
    with pytest.raises(Unread, match="none can be told"):
        _ = machine("member-denied", socket="/run/other.sock").daemon


def test_an_engine_that_remaps_users_is_known_by_its_data():
    root = f"{DATA_ROOT}/500000.500000"
    assert machine("remapped", data_root=root).daemon.option("userns-remap").value == "default"
    with pytest.raises(Unread):
        _ = machine("remapped", data_root=f"{DATA_ROOT}/containers").daemon


@pytest.mark.parametrize("name", ["rootless", "rootless-own"])
def test_a_rootless_engine_has_folders_of_its_own(name):
    daemon = rootless(name).daemon
    assert daemon.rootless
    assert daemon.folder == "/srv/engine/data/.config/docker"
    assert daemon.runtime_folder == "/run/user/61000"


def test_an_engine_in_a_container_is_not_taken_for_the_hosts():
    """Its process is seen too, one PID namespace further down, and may have the same paths."""
    said = answers("two")
    configs = [field for field in said[1].split(b"\0") if field.endswith(b"/daemon.json")]
    first_is_the_hosts = configs.index(b"/etc/docker/daemon.json") < configs.index(
        b"/run/second/daemon.json"
    )
    same = said[1].replace(b"/run/second/data", DATA_ROOT.encode())
    nested = nest(same, process=1 if first_is_the_hosts else 0)
    assert heard(said[0], nested).daemon.config_file == "/etc/docker/daemon.json"


def test_the_only_engine_running_in_a_container_leaves_the_hosts_files_out():
    said = answers("usual")
    with pytest.raises(Unread, match="in a container"):
        _ = heard(said[0], nest(said[1], process=0)).daemon


def nest(said, process):
    """As if one of the processes were in a PID namespace below the reader's."""
    fields = said.split(b"\0")
    lines = [at for at, field in enumerate(fields) if field.startswith(b"NSpid:")]
    fields[lines[1 + process]] = fields[lines[1 + process]].rstrip() + b"\t1\n"
    return b"\0".join(fields)


def test_no_process_is_to_be_seen():
    """As where /proc hides the processes of others."""
    said = answers("usual")
    none = said[1].partition(b"words\0")[0] + record(b"end", b"", b"read", b"")
    with pytest.raises(Unread, match="no process called dockerd is to be seen by user root"):
        _ = heard(said[0], none).daemon


# --- shells that fail


class Refusing:
    def __init__(self, error):
        self.error = error

    def run(self, command):
        raise self.error


def test_a_command_that_is_not_run_to_its_end_leaves_all_unread_with_the_reason():
    seen = read(Refusing(AnswerError("timeout", "it took longer than 10 s")), data_root=DATA_ROOT)
    assert {r.verdict for r in verdicts(seen)} == {Verdict.UNKNOWN}
    assert {r.reason for r in verdicts(seen)} == {"it took longer than 10 s"}


def test_a_lost_connection_is_the_callers_business():
    with pytest.raises(EngineError, match="lost"):
        read(Refusing(EngineError("closed", "lost")))


@pytest.mark.parametrize(
    "output",
    [
        b"",
        b"This account is currently not available.\n",
        b"\0" * 1000,
        b"a\0b\0c\0",
        bytes(range(256)) * 100,
        record(b"file", b"/etc/docker", b"read", b"zz 0 0 0 root:root\n/etc/docker"),
    ],
)
def test_what_is_no_answer_leaves_all_unread(output):
    seen = heard(output, output)
    assert {r.verdict for r in verdicts(seen)} == {Verdict.UNKNOWN}
    assert {r.reason for r in verdicts(seen)} <= {
        "the host's shell did not run the reading command (exit status 0)",
        "the answer of the host's shell was cut off",
    }


@pytest.mark.parametrize(
    "said",
    [
        b"41ed 0 0 1 root:root",
        b"41ed 0 0",
        b"xyz 0 0 1 root:root\n/x",
        b"41ed -1 0 1 root:root\n/x",
        b"41ed 99999999999 0 1 root:root\n/x",
        b"fffffffff 0 0 1 root:root\n/x",
        b"\xff\xfe",
        b"",
    ],
)
def test_a_file_of_which_odd_things_are_said(said):
    end = record(b"end", b"", b"read", b"")
    seen = heard(end, record(b"file", b"/etc/docker", b"read", said) + end)
    if said.startswith(b"41ed 0 0 1"):
        assert seen.file("/etc/docker").kind == "directory"
    else:
        with pytest.raises(Unread, match="could not be understood"):
            seen.file("/etc/docker")


def test_a_file_whose_name_holds_a_secret_is_unread_under_a_name_without_it():
    end = record(b"end", b"", b"read", b"")
    path = b"/etc/docker/certs.d/token=hunter2hunter2/ca.crt"
    known = heard(end, record(b"file", path, b"read", b"81a4 0 0 1 root:root\n" + path) + end)
    assert "hunter2" not in repr(known)
    with pytest.raises(Unread, match="looks like a secret"):
        list(known.below("/etc/docker/certs.d"))


def test_too_long_an_audit_or_list_of_mounts_is_unread():
    end = record(b"end", b"", b"read", b"")
    long = b"x\n" * 200_000
    seen = heard(
        record(b"mounts", b"/proc/self/mountinfo", b"read", long)
        + record(b"audit", b"loaded", b"read", long)
        + end,
        end,
    )
    with pytest.raises(Unread, match="too long"):
        seen.mount_of("/")
    with pytest.raises(Unread, match="too long"):
        _ = seen.audit_rules


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_an_answer_that_is_cut_or_spoiled_is_never_an_error_and_never_a_pass_by_that(data):
    name = data.draw(st.sampled_from(["open", "odd", "member", "audit", "two"]))
    said = answers(name)
    which = data.draw(st.integers(0, len(COMMANDS) - 1))
    at = data.draw(st.integers(0, len(said[which])))
    rest = b"" if data.draw(st.booleans()) else data.draw(st.binary(max_size=20)) + said[which][at:]
    said[which] = said[which][:at] + rest
    cut = not rest
    for result in verdicts(heard(*said)):
        assert "could not be judged" not in result.reason
        if cut and which == 1 and result.rule.endswith("-permissions"):
            assert result.verdict is Verdict.UNKNOWN or at == len(answers(name)[1])
