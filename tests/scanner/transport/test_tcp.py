"""Names with several addresses, and bounds on the way to a port."""

import socket
import time
from typing import Any

import pytest

from scanner.errors import EngineError
from scanner.transport.address import Address
from scanner.transport.tcp import Dialler, Tcp, is_number


def test_numbers_are_told_from_names():
    assert is_number("10.0.4.7")
    assert is_number("::1")
    assert not is_number("web-1")
    assert not is_number("10.0.4")


def answers(*places: tuple[str, int]) -> list[Any]:
    """What a name server says of a name with these addresses."""
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in places]


def test_every_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as silent, socket.create_server(("127.0.0.1", 0)) as listener:
        silent.bind(("127.0.0.1", 0))
        places = answers(silent.getsockname(), listener.getsockname())
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: places)
        way = Tcp(Address("tcp", "web-1", 2375))
        with way.connect(1.0) as opened:
            assert opened.getpeername() == listener.getsockname()
        way.close()


def test_all_addresses_of_a_name_share_the_time(monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        for _ in range(4):
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(listener.getsockname())
        places = answers(*[listener.getsockname()] * 8)
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: places)
        began = time.monotonic()
        with pytest.raises(EngineError) as caught:
            Dialler(Address("tcp", "web-1", 2375)).dial(0.5)
        assert time.monotonic() - began < 2
        for one in waiting:
            one.close()
    assert caught.value.kind == "timeout"


def test_a_name_is_looked_up_once(monkeypatch: pytest.MonkeyPatch):
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer(*arguments: Any, **_: Any) -> list[Any]:
            asked.append(arguments)
            return answers(listener.getsockname())

        monkeypatch.setattr(socket, "getaddrinfo", answer)
        way = Tcp(Address("tcp", "web-1", 2375))
        for _ in range(3):
            way.connect(1.0).close()
    assert len(asked) == 1


def test_what_is_held_is_closed_at_last():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        way = Tcp(Address("tcp", "127.0.0.1", listener.getsockname()[1]))
        [rung] = way.rungs()
        assert rung.act is not None
        rung.act(1.0)
        way.close()
        listener.settimeout(1)
        with listener.accept()[0] as other:
            assert other.recv(1) == b""
