"""Ports and programs in what an engine answers, also in what it leaves out."""

import json

import pytest
from msgspec import UNSET

from scanner import parse
from scanner.model import Unread
from tests.recorded import answer


def parsed(name, **changes):
    """The recorded container; `changes` replace values by "Part__Key", UNSET leaves one out."""
    body = answer(name)
    for path, value in changes.items():
        part, key = path.split("__")
        if value is UNSET:
            del body[part][key]
        else:
            body[part][key] = value
    return parse.container(json.dumps(body).encode())


def ports(*arguments, **changes):
    return list(map(str, parsed(*arguments, **changes).ports))


def test_a_running_container_has_what_is_bound_by_the_names_of_what_was_asked_for():
    found = parsed("ports_running").ports
    assert [(str(port), port.choice) for port in found if ":" not in port.host_ip] == [
        ("0.0.0.0:22->22/tcp", ""),
        ("0.0.0.0:8090-8095->90/tcp", "8090-8095"),
        ("0.0.0.0:any->8080/tcp", "any"),
        ("127.0.0.1:any->8081/tcp", "any"),
    ]


@pytest.mark.parametrize("binding", [{"HostIp": "", "HostPort": port} for port in ("", "0", None)])
def test_a_port_of_zero_or_none_is_picked_by_the_engine(binding):
    changed = {"HostConfig__PortBindings": {"80/tcp": [binding]}}
    assert ports("ports_created", **changed) == ["0.0.0.0:any->80/tcp"]


def test_a_port_without_a_protocol_is_tcp_and_an_empty_binding_is_none():
    bindings = {"80": [{"HostIp": "::1", "HostPort": 8080}], "81/tcp": None, "82/tcp": []}
    assert ports("ports_created", HostConfig__PortBindings=bindings) == ["[::1]:8080->80/tcp"]
    assert parsed("net_plain", Config__ExposedPorts={"80": {}}).exposed_ports == ("80/tcp",)


@pytest.mark.parametrize("status", ["exited", "created", "restarting", "dead"])
def test_a_container_that_does_not_run_has_what_it_asks_for(status):
    stopped = {"State__Status": status, "NetworkSettings__Ports": {}}
    assert ports("net_service", **stopped) == ["0.0.0.0:8080->80/tcp"]


def test_bindings_that_are_null_are_none():
    assert ports("ports_created", HostConfig__PortBindings=None) == []
    assert ports("ports_running", NetworkSettings__Ports=None) == []


def test_a_running_container_whose_wishes_are_not_told_has_the_numbers_that_it_has():
    found = ports("ports_running", HostConfig__PortBindings=UNSET)
    assert found[:2] == ["0.0.0.0:22->22/tcp", "[::]:22->22/tcp"]
    assert all("any" not in name for name in found)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("ports_created", {"HostConfig__PortBindings": UNSET}),
        ("ports_created", {"HostConfig__PublishAllPorts": UNSET}),
        ("ports_created", {"HostConfig__PublishAllPorts": None}),
        ("ports_created", {"HostConfig__PortBindings": {"http/tcp": []}}),
        ("ports_running", {"NetworkSettings__Ports": UNSET}),
        ("ports_running", {"State__Status": UNSET}),
    ],
)
def test_what_is_left_out_is_unread_and_not_empty(name, changes):
    with pytest.raises(Unread):
        _ = parsed(name, **changes).ports


def test_publish_all_without_the_list_of_exposed_ports_is_unread():
    body = answer("publish_all_created")
    body["Config"] = None
    with pytest.raises(Unread):
        _ = parse.container(json.dumps(body).encode()).ports


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("/usr/sbin/sshd -D", "sshd"),
        ("sshd: app [priv]", "sshd"),
        ("sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups", "sshd"),
        ("busybox telnetd -F", "telnetd"),
        ("/bin/busybox /bin/telnetd", "telnetd"),
        ("{telnetd} /lib/ld.so /usr/sbin/telnetd", "telnetd"),
        ("-sh", "sh"),
        ("busybox", "busybox"),
        ("", ""),
    ],
)
def test_a_process_is_called_by_its_program_alone(line, name):
    body = {"Titles": ["PID", "UID", "COMMAND"], "Processes": [["7", "0", line]]}
    [process] = parse.processes(json.dumps(body).encode())
    assert process.name == name
