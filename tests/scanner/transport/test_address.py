"""Addresses: what is one, how it is spelt, and what the four kinds hold."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.errors import EngineError
from scanner.transport.address import Address, canonical, parse

SPELLINGS = {
    "/var/run/docker.sock": "unix:///var/run/docker.sock",
    "unix:///var/run/docker.sock": "unix:///var/run/docker.sock",
    "unix://var/run/../run/docker.sock": "unix:///var/run/docker.sock",
    " unix:///run/docker.sock ": "unix:///run/docker.sock",
    "tcp://Web-1.Example.com": "tcp://web-1.example.com:2375",
    "http://web-1:80/": "tcp://web-1:80",
    "tcp://[::1]": "tcp://[::1]:2375",
    "https://web-1": "https://web-1:2376",
    "https://10.0.4.7:443/": "https://10.0.4.7:443",
    "https://[2001:db8::7]:2376": "https://[2001:db8::7]:2376",
    "ssh://plimsoll@web-1": "ssh://plimsoll@web-1:22",
    "ssh://plimsoll@web-1/": "ssh://plimsoll@web-1:22",
    "ssh://plimsoll@web-1:2222/run/user/1000//docker.sock": (
        "ssh://plimsoll@web-1:2222/run/user/1000/docker.sock"
    ),
    "ssh://svc_docker.1@[::1]:22": "ssh://svc_docker.1@[::1]:22",
}


@pytest.mark.parametrize(("written", "spelt"), SPELLINGS.items())
def test_an_address_has_one_spelling(written: str, spelt: str):
    assert canonical(written) == spelt
    assert canonical(spelt) == spelt


def test_the_parts_of_each_kind():
    assert parse("/run/docker.sock") == Address("unix", path="/run/docker.sock")
    assert parse("tcp://web-1") == Address("tcp", "web-1", 2375)
    assert parse("https://web-1:1") == Address("tls", "web-1", 1)
    assert parse("ssh://me@web-1") == Address("ssh", "web-1", 22, "me")
    assert parse("ssh://me@web-1/d.sock") == Address("ssh", "web-1", 22, "me", "/d.sock")


def test_what_messages_call_it():
    assert parse("/run/docker.sock").where == "/run/docker.sock"
    assert parse("ssh://me@web-1/d.sock").where == "web-1:22"


@pytest.mark.parametrize(
    "wrong",
    [
        *("", "docker.sock", "ftp://host", "unix://", "tcp://", "https://", "tcp:///run/x"),
        *("tcp://host:99999", "tcp://host:x", "tcp://host:0", "tcp://host/path", "https://host/v1"),
        *("tcp://user@host", "https://user:word@host", "tcp://host?x=1", "ssh://me@host#x"),
        *(
            "ssh://host",
            "ssh://@host",
            "ssh://a b@host",
            "ssh://-o@host",
            "ssh://me@",
            "tcp://[::1",
        ),
        *("unix:///with space", "unix:///a\tb", "/bell\a", "x" * 2000, "ssh://me:word@host"),
    ],
)
def test_what_is_no_address(wrong: str):
    with pytest.raises(EngineError) as caught:
        canonical(wrong)
    assert caught.value.kind == "bad_address"
    assert caught.value.advice


def test_a_password_is_not_repeated_in_the_message():
    for url in ("ssh://me:geheim@host", "ssh://me:geheim@host/path"):
        with pytest.raises(EngineError) as caught:
            canonical(url)
        assert "geheim" not in caught.value.message


@given(st.text(max_size=60) | st.text(max_size=40).map("ssh://me@{}".format))
def test_whatever_is_typed_is_an_address_or_is_told_to_be_none(text: str):
    with suppress(EngineError):
        assert canonical(canonical(text)) == canonical(text)
