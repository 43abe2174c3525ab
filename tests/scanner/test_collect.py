"""What changes on a host while it is read."""

import json
from typing import Any, Self

import pytest

from scanner import parse
from scanner.collect import collect
from scanner.errors import AnswerError, EngineError, GoneError
from scanner.model import Unread
from tests.recorded import answer

BIND = {"type": "none", "o": "bind", "device": "/etc"}


class Engine:
    """Answers as the recorded engine; `listings` are its answers about volumes, in turn."""

    def __init__(self, *listings: dict[str, dict[str, str]], top: EngineError | None = None):
        self.listings = [*listings]
        self.top = top
        self.calls: list[str] = []
        self.document = answer("mounts_harmless")

    reached = "unix"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing is open."""

    def another(self) -> Self:
        return self

    def shell(self) -> None:
        """A socket runs no commands."""

    def version(self) -> bytes:
        return json.dumps(answer("_version")).encode()

    def get(self, path: str, **query: str) -> bytes:
        self.calls.append(path)
        return json.dumps(self._answer(path)).encode()

    def _answer(self, path: str) -> Any:
        if path == "/info":
            return answer("_info")
        if path == "/containers/json":
            return [{"Id": self.document["Id"], "Names": ["/web"]}]
        if path == "/volumes":
            listed = self.listings.pop(0)
            return {"Volumes": [{"Name": n, "Options": o} for n, o in listed.items()]}
        if path.endswith("/top") and self.top is not None:
            raise self.top
        if path.startswith("/containers/"):
            return self.document
        if path.endswith("/history"):
            return []
        return answer("_images")[0] if path.startswith("/images/sha256") else []


def named() -> list[str]:
    return [m["Name"] for m in answer("mounts_harmless")["Mounts"] if m["Type"] == "volume"]


def read(engine: Any) -> Any:
    [container] = collect(engine, processes=False).containers
    return container


def test_a_volume_made_meanwhile_is_found_by_listing_once_more() -> None:
    first, *others = named()
    engine = Engine({}, {first: BIND} | {name: {} for name in others})
    assert "/etc" in read(engine).host_mounts
    assert engine.calls.count("/volumes") == 2


def test_one_listing_is_enough_where_it_holds_all() -> None:
    engine = Engine({name: {} for name in named()})
    assert read(engine).mounts
    assert engine.calls.count("/volumes") == 1


def test_a_volume_that_is_never_listed_leaves_the_mounts_unread() -> None:
    container = read(Engine({}, {}))
    with pytest.raises(Unread, match="did not list"):
        _ = container.mounts


@pytest.mark.parametrize(
    ("status", "error", "gaps"),
    [
        ("running", AnswerError("conflict", "Container 1 is restarting"), 0),
        ("running", GoneError("gone", "No such container: 1"), 0),
        ("paused", AnswerError("conflict", "Container 1 is paused"), 1),
        ("running", AnswerError("denied", "not by this plugin"), 1),
    ],
)
def test_a_container_that_ends_before_its_processes_are_read_leaves_no_gap(
    status: str, error: EngineError, gaps: int
) -> None:
    engine: Any = Engine(top=error)
    engine.document = answer("isolation_running")
    engine.document["State"]["Status"] = status
    engine.listings = [{}]
    snapshot = collect(engine)
    assert len(snapshot.gaps) == gaps
    with pytest.raises(Unread, match="gave no list" if gaps else "had ended"):
        _ = snapshot.containers[0].processes


def test_networks_come_in_one_order_however_the_engine_lists_them() -> None:
    body = json.dumps(answer("_networks_network")).encode()
    backwards = json.dumps(answer("_networks_network")[::-1]).encode()
    assert len(parse.networks(body)) > 3
    assert parse.networks(body) == parse.networks(backwards)


def test_images_come_in_one_order_however_the_engine_lists_them() -> None:
    """Else a scan that finds nothing new would write all its results again."""

    class Reversed(Engine):
        def _answer(self, path: str) -> Any:
            images = list(reversed(answer("_images")))
            return images if path == "/images/json" else super()._answer(path)

    class Listed(Engine):
        def _answer(self, path: str) -> Any:
            return answer("_images") if path == "/images/json" else super()._answer(path)

    volumes: dict[str, dict[str, str]] = {name: {} for name in named()}
    engines: list[Any] = [Listed(volumes), Reversed(volumes)]
    one, other = (collect(engine, processes=False).images for engine in engines)
    assert one == other
    assert one
