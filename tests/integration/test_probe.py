"""The ladder against real engines: whole, stopped, denied in part, and over TLS."""

import time
from collections.abc import Callable

import pytest

from scanner.calls import UNKNOWN_PATH
from scanner.probe import FAILED, NOT_REACHED, OK, Probe, probe
from scanner.rules import RULES
from tests.support.engines import Engine
from tests.support.hostile import RecordingProxy

LISTS = "Its images, networks and volumes may be listed"
EVENTS = "Its events may be read"


def states(done: Probe) -> dict[str, str]:
    return {step.text: step.state for step in done.steps}


def test_an_engine_on_its_socket(empty_engine: Engine):
    empty_engine.docker_run(name="one")
    empty_engine.docker_run(name="stopped", create_only=True)
    done = probe(empty_engine.url)
    assert set(states(done).values()) == {OK}
    assert done.ok
    assert done.failure is None
    assert done.containers == 2
    assert done.name == empty_engine.name
    assert done.engine_id == empty_engine.client.info()["ID"]
    assert done.rules == len(RULES)
    assert done.judged == done.rules - done.need_ssh
    assert done.need_ssh > 0
    assert done.power is not None
    assert done.power.kind == "everything"
    assert all(step.milliseconds is not None for step in done.steps)


def test_an_engine_on_a_port_and_one_that_is_stopped(fresh_engine: Callable[..., Engine]):
    engine = fresh_engine("by-port", tcp=True, images=False)
    done = probe(engine.tcp_url)
    assert done.ok
    assert done.steps[0].text == f"Port {engine.port} answers"
    engine.kill()
    done = probe(engine.tcp_url)
    assert done.failure is not None
    assert done.failure.kind == "refused"
    done = probe(engine.url)
    assert done.failure is not None
    assert done.failure.kind == "socket_missing"


def test_an_engine_that_wants_tls(fresh_engine: Callable[..., Engine]):
    engine = fresh_engine("secure", tls=True, images=False)
    done = probe(engine.tcp_url)
    assert done.failure is not None
    assert done.failure.kind == "tls_needed"
    assert states(done)[f"Port {engine.port} answers"] == OK


@pytest.mark.parametrize(
    ("denied", "text"),
    [("/images/json", LISTS), ("/networks", LISTS), ("/volumes", LISTS), ("/events", EVENTS)],
)
def test_what_a_scan_can_do_without_does_not_end_the_ladder(
    empty_engine: Engine, denied: str, text: str
):
    with RecordingProxy(empty_engine.socket) as proxy:
        proxy.fail(denied, status=403)
        done = probe(proxy.url)
    assert done.ok
    assert [name for name, state in states(done).items() if state != OK] == [text]
    assert done.failure is not None
    assert done.failure.kind == "denied"
    assert done.failure.next
    assert (done.judged < done.rules - done.need_ssh) == (text == LISTS)
    assert len(done.unread) == done.rules - done.judged


@pytest.mark.parametrize("denied", ["/info", "/containers/json"])
def test_without_these_there_is_no_scan(empty_engine: Engine, denied: str):
    with RecordingProxy(empty_engine.socket) as proxy:
        proxy.fail(denied, status=403)
        done = probe(proxy.url)
    assert not done.ok
    assert done.failure is not None
    assert done.failure.kind == "denied"
    assert states(done)[EVENTS] == NOT_REACHED


def test_events_that_never_end_cost_no_more_than_their_step(empty_engine: Engine):
    with RecordingProxy(empty_engine.socket) as proxy:
        proxy.delay("/events", 600)
        began = time.monotonic()
        done = probe(proxy.url, timeout=1.0)
        assert time.monotonic() - began < 4
    assert done.ok
    assert states(done)[EVENTS] == FAILED


def test_it_only_reads(empty_engine: Engine):
    with RecordingProxy(empty_engine.socket) as proxy:
        probe(proxy.url)
        assert {method for method, _ in proxy.calls} == {"GET"}
        assert len(proxy.calls) == 8


@pytest.mark.parametrize(("status", "kind"), [(403, "filtered"), (500, "unknown")])
def test_what_the_connection_could_do_is_told(empty_engine: Engine, status: int, kind: str):
    with RecordingProxy(empty_engine.socket) as proxy:
        proxy.fail(UNKNOWN_PATH, status=status)
        done = probe(proxy.url)
    assert done.ok
    assert done.power is not None
    assert done.power.kind == kind
    assert done.power.text


def test_what_the_connection_could_do_is_not_told_of_what_does_not_answer(empty_engine: Engine):
    with RecordingProxy(empty_engine.socket) as proxy:
        proxy.delay(UNKNOWN_PATH, 60)
        done = probe(proxy.url, timeout=1.0)
    assert done.ok
    assert done.power is not None
    assert done.power.kind == "unknown"
