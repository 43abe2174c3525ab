"""What is wrong with a socket on this machine is told from its file, and from who listens."""

import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from scanner.errors import EngineError
from scanner.transport.address import parse
from scanner.transport.unix import Unix


def refused(path: Path | str) -> EngineError:
    way = Unix(parse(str(path)))
    with pytest.raises(EngineError) as caught:
        way.connect(0.5)
    assert str(path) in caught.value.message
    assert caught.value.advice
    return caught.value


def test_what_is_held_is_given_out_once_and_closed_at_last(tmp_path: Path):
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        way = Unix(parse(str(path)))
        [rung] = way.rungs()
        assert rung.act is not None
        rung.act(1.0)
        first = way.connect(1.0)
        second = way.connect(1.0)
        assert first is not second
        first.close()
        second.close()
        rung.act(1.0)
        way.close()
        way.close()


def test_a_path_that_cannot_be_one(tmp_path: Path):
    assert refused(tmp_path / ("x" * 300)).kind == "socket_missing"
    assert refused(tmp_path / "file" / "docker.sock").kind == "socket_missing"
    (tmp_path / "file").touch()
    assert refused(tmp_path / "file" / "docker.sock").kind == "socket_missing"


def test_a_path_that_is_too_long_for_a_socket(tmp_path: Path):
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        (tmp_path / "s").rename(deep / "docker.sock")
        assert refused(deep / "docker.sock").kind == "unreachable"


def test_an_engine_that_takes_no_connection(tmp_path: Path):
    path = tmp_path / "docker.sock"
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(path))
        listener.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
            waiting.setblocking(False)
            waiting.connect_ex(str(path))
        error = refused(path)
    assert error.kind == "timeout"
    assert "docker ps" in error.advice
