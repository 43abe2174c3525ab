import json

import pytest

from scanner.machine.options import OPTIONS, flags, settings


def test_flags_are_known_in_every_way_to_write_them():
    words = ["--icc=false", "--log-level", "debug", "-D", "-l=warn", "-Htcp://0.0.0.0:2375"]
    assert flags(words) == {
        "icc": False,
        "log-level": "warn",
        "debug": True,
        "hosts": ("tcp://0.0.0.0:2375",),
    }


def test_a_switch_takes_no_word_and_anything_but_true_is_off():
    assert flags(["--iptables", "false"])["iptables"] is True
    assert flags(["--userland-proxy=0"])["userland-proxy"] is False
    assert flags(["--live-restore=T"])["live-restore"] is True


def test_a_list_is_what_all_of_its_flags_say():
    words = ["--insecure-registry", "a:5000", "--insecure-registry=b:5000"]
    assert flags(words)["insecure-registries"] == ("a:5000", "b:5000")


def test_the_older_name_of_the_data_is_known():
    assert flags(["-g", "/srv/docker"]) == flags(["--graph=/srv/docker"])
    assert settings(b'{"graph": "/srv/docker"}') == {"data-root": "/srv/docker"}


def test_flags_that_are_not_in_the_table_are_dropped_with_their_values():
    words = ["--http-proxy=http://me:hunter2@proxy", "--some-secret", "hunter2", "--debug"]
    assert flags(words) == {"debug": True}


def test_what_comes_after_the_last_flag_is_no_flag():
    assert flags(["--debug", "--", "--icc=false"]) == {"debug": True}
    assert flags(["--log-level"]) == {"log-level": ""}


def test_the_file_and_the_command_line_say_the_same_in_the_same_way():
    document = {
        "default-ulimits": {"nofile": {"Name": "nofile", "Soft": 1024, "Hard": 4096}},
        "hosts": ["unix:///var/run/docker.sock"],
        "tlsverify": True,
        "log-opts": {"max-size": "10m"},
        "runtimes": {"kata": {"path": "/usr/bin/kata"}},
    }
    words = ["--default-ulimit", "nofile=1024:4096", "-H", "unix:///var/run/docker.sock"]
    words += ["--tlsverify", "--log-opt", "max-size=10m", "--add-runtime=kata=/usr/bin/kata"]
    assert settings(json.dumps(document).encode()) == flags(words)


def test_secrets_in_either_are_hidden():
    file = settings(
        b'{"log-opts": {"splunk-token": "hunter2hunter2", "url": "https://me:hunter2@logs"},'
        b' "proxies": {"http-proxy": "http://me:hunter2@proxy"}}'
    )
    line = flags(["--log-opt", "splunk-token=hunter2hunter2", "--log-opt=x=https://me:hunter2@l"])
    assert "hunter2" not in repr(file) + repr(line)
    assert "splunk-token=[hidden]" in file["log-opts"]
    assert "splunk-token=[hidden]" in line["log-opts"]


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b'{"icc": }', b"[" * 100_000])
def test_what_is_no_configuration_is_said_to_be_none(content):
    with pytest.raises(ValueError, match="it"):
        settings(content)


@pytest.mark.parametrize("content", [b"", b"\n", b"{}", b'\xef\xbb\xbf{"unheard-of": 1}'])
def test_a_configuration_may_say_nothing(content):
    assert settings(content) == {}


def test_values_of_a_wrong_type_are_no_crash_and_never_a_switch():
    odd = {name: [{"a": None}] for name in OPTIONS}
    found = settings(json.dumps(odd).encode())
    assert found["icc"] == "[{'a': None}]"
    assert settings(b'{"icc": "false", "hosts": "unix:///x"}') == {
        "icc": "false",
        "hosts": ("unix:///x",),
    }


def test_huge_values_are_bounded():
    """As long as the most that is read of a file or a command line."""
    found = settings(json.dumps({"hosts": ["x" * 3000] * 20 + ["y"] * 10_000}).encode())
    assert len(found["hosts"]) == 500
    assert max(map(len, found["hosts"])) < 600
    assert len(flags(["--host=" + "x" * 3000] * 20 + ["--host=y"] * 10_000)["hosts"]) == 500
