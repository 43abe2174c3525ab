"""The ladder where no engine is: it ends in time, at the right rung, with a next step."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanner.probe import FAILED, NOT_REACHED, OK, Probe, probe
from tests.support.hostile import BEHAVIOURS, HostileServer, Peer, Server

ANSWERS = "A Docker engine answers"
KINDS = {
    "not_an_engine": "not_an_engine",
    "web_page": "not_an_engine",
    "garbage": "not_an_engine",
    "bad_json": "not_an_engine",
    "wrong_types": "garbage",
    "server_error": "server_error",
    "half_body": "cut_off",
    "never": "timeout",
    "slow_drip": "timeout",
    "huge": "too_large",
    "deep": "not_an_engine",
    "closes": "closed",
    "redirect": "not_an_engine",
    "tls_only": "closed",
}


def failed_at(done: Probe, text: str, kind: str) -> None:
    """One rung failed, all before it held, and none after it was tried."""
    states = [step.state for step in done.steps]
    at = states.index(FAILED)
    assert states == [OK] * at + [FAILED] + [NOT_REACHED] * (len(states) - at - 1)
    step = done.steps[at]
    assert done.failure is step
    assert step.text == text
    assert step.kind == kind
    assert step.message
    assert step.next
    assert not done.ok
    assert done.containers is None
    assert (done.name, done.engine_id, done.rules, done.judged) == ("", "", 0, 0)


@pytest.fixture
def refused_port() -> Iterator[int]:
    """Bound, so that nobody else gets it, but nothing listens there."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_what_is_no_address_is_the_first_rung():
    done = probe("ftp://host")
    failed_at(done, "The address can be used", "bad_address")
    assert done.steps[0].milliseconds is None


def test_a_socket_that_does_not_exist(tmp_path: Path):
    path = tmp_path / "docker.sock"
    failed_at(probe(f"unix://{path}"), f"{path} takes connections", "socket_missing")


def test_a_path_that_is_no_socket(tmp_path: Path):
    path = tmp_path / "docker.sock"
    path.write_text("not a socket")
    failed_at(probe(f"unix://{path}"), f"{path} takes connections", "not_a_socket")


def test_a_socket_that_nobody_listens_on_any_more(tmp_path: Path):
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    failed_at(probe(f"unix://{path}"), f"{path} takes connections", "refused")


def test_a_port_that_nothing_listens_on(refused_port: int):
    done = probe(f"tcp://127.0.0.1:{refused_port}")
    failed_at(done, f"Port {refused_port} answers", "refused")


def test_an_address_in_numbers_is_no_name_to_look_up(refused_port: int):
    texts = [step.text for step in probe(f"tcp://127.0.0.1:{refused_port}").steps]
    assert not any("name" in text for text in texts)
    texts = [step.text for step in probe(f"tcp://[::1]:{refused_port}").steps]
    assert not any("name" in text for text in texts)


def test_a_name_that_is_unknown():
    done = probe("tcp://no-such-host.invalid:2375")
    failed_at(done, "The name no-such-host.invalid is known", "dns")


@pytest.mark.parametrize("host", ["a" * 64 + ".invalid", "xn--\N{SNOWMAN}"])
def test_a_name_that_cannot_be_one(host: str):
    failed_at(probe(f"tcp://{host}:2375"), f"The name {host} is known", "dns")


def test_a_name_that_is_known_is_a_rung(refused_port: int):
    done = probe(f"tcp://localhost:{refused_port}")
    assert done.steps[0].text == "The name localhost is known"
    failed_at(done, f"Port {refused_port} answers", "refused")


def test_name_servers_that_do_not_answer_take_no_more_than_the_time_of_a_step(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(1.5))
    began = time.monotonic()
    done = probe("tcp://db7.corp:2375", timeout=0.5)
    assert time.monotonic() - began < 1.4
    failed_at(done, "The name db7.corp is known", "dns")
    assert "No name server" in done.steps[0].message


def test_every_behaviour_is_tried():
    assert set(KINDS) == {*BEHAVIOURS, "tls_only"}


@pytest.mark.parametrize("tcp", [False, True], ids=["unix", "tcp"])
@pytest.mark.parametrize(("behaviour", "kind"), KINDS.items())
def test_whatever_answers_in_an_engines_place(behaviour: str, kind: str, tcp: bool):
    with HostileServer(behaviour, tcp=tcp) as server:
        began = time.monotonic()
        done = probe(server.url, timeout=1.0)
        assert time.monotonic() - began < 4
        assert {method for method, _ in server.calls} <= {"GET"}
    # This one speaks well at first.
    failed_at(done, "The engine tells about itself" if kind == "garbage" else ANSWERS, kind)


class Slow(Server):
    """Answers everything correctly, but each time only after two thirds of a second."""

    def serve(self, peer: Peer) -> None:
        while request := peer.request():
            peer.rest(0.65)
            bodies = {
                "/version": b'{"ApiVersion":"1.41","Version":"20.10"}',
                "/info": b'{"ID":"A","Name":"slow"}',
            }
            peer.answer(200, bodies.get(request.resource, b"[]"))


def test_all_rungs_together_are_bounded_too():
    with Slow() as server:
        began = time.monotonic()
        done = probe(server.url, timeout=5.0, budget=1.0)
        assert time.monotonic() - began < 4
    assert done.failure is not None
    assert done.failure.kind == "timeout"
