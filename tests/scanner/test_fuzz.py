"""Recorded answers, spoilt at random: the parser refuses them as malformed or takes them, and no
rule breaks on what it takes.

`make fuzz` runs the same with 100,000 examples.
"""

import functools
import json
import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from scanner import image_history, parse, wire
from scanner.evaluate import evaluate
from scanner.model import Container, Snapshot
from scanner.rule import Verdict
from tests.recorded import ENGINE, HERE, answer, host, networks, swarm, volumes
from tests.recorded import container as recorded
from tests.recorded.cases_images import IMAGES
from tests.recorded.machines import machine

KINDS = sorted(path.name for path in HERE.iterdir() if (path / "_version.json").exists())
NAMES = sorted(
    (kind, file.stem)
    for kind in KINDS
    for file in (HERE / kind).glob("*.json")
    if not file.stem.startswith("_")
)
PIECES = (
    "/bin/sh -c ",
    "#(nop) ",
    "RUN ",
    "ADD ",
    "ENV ",
    "ARG ",
    "|1 ",
    "|2 ",
    "A=b ",
    "TOKEN=x ",
)
PIECES += (
    "apt-get ",
    "update ",
    "install ",
    "; ",
    "&& ",
    "'",
    '"',
    "\n",
    "\\\n",
    "<<EOF",
    "EOF",
    "sudo ",
)
PIECES += (
    "file:0f1e in / ",
    "a.tar ",
    "https://u:p@h ",
    "# buildkit",
    "…",
    "pacman -Sy ",
    "sh -c ",
    "|",
)
NETWORKS = networks("_networks_network")
HOSTS = (*((kind, "_info") for kind in KINDS), (ENGINE, "_swarm_info"))
WORDS = ("", "0", "-1", "host", "container:", "container:pid_host", "none", "ALL", "\0", "80/tcp")
WORDS += ("/", "..", "seccomp={", "no-new-privileges:", "a:b=c", "🐳", "65536", "-", "NONE", "CMD")
ATOMS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(WORDS)
    | st.text(max_size=8)
)
VALUES = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
PARSERS: tuple[Callable[[bytes], object], ...] = (
    *(parse.container, parse.listing, parse.networks, parse.processes),
    *(parse.image, parse.history),
)
# What no engine answers, but something that calls itself one could.
HUGE = (f'"{"x" * 100_000}"', f"[{'0,' * 9_999}0]", "[" * 400 + "]" * 400)
FUZZ = settings(
    max_examples=int(os.environ.get("PLIMSOLL_TEST_FUZZ_EXAMPLES", "80")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    database=None,
)


@functools.cache
def neighbours() -> tuple[Container, ...]:
    names = ("pid_host", "ipc_shareable", "net_host", "net_service", "shared_writer", "pod_pause")
    return tuple(map(recorded, names))


def places(document: Any) -> list[tuple[Any, Any]]:
    """Every object and list with each of its keys."""
    keys = list(document) if isinstance(document, dict) else []
    keys = keys or (list(range(len(document))) if isinstance(document, list) else [])
    found = [(document, key) for key in keys]
    return found + [place for key in keys for place in places(document[key])]


def spoil(document: Any, data: st.DataObject) -> Any:
    for _ in range(data.draw(st.integers(1, 4))):
        found = places(document)
        if not found:
            break
        inside, key = data.draw(st.sampled_from(found))
        how = data.draw(st.sampled_from(("replace", "remove", "twice", "list", "rename", "huge")))
        if how == "remove":
            del inside[key]
        elif how == "twice" and isinstance(inside, list):
            inside.append(inside[key])
        elif how == "list":
            inside[key] = [inside[key]]
        elif how == "huge":
            inside[key] = json.loads(data.draw(st.sampled_from(HUGE)))
        elif how == "rename" and isinstance(inside, dict):
            inside[data.draw(st.sampled_from(WORDS))] = inside.pop(key)
        else:
            inside[key] = data.draw(VALUES)
    return document


def judged(snapshot: Snapshot) -> None:
    for result in evaluate(snapshot):
        assert "could not be judged" not in result.reason, result
        assert result.reason or result.verdict in (Verdict.PASS, Verdict.FAIL)
        assert result.evidence or result.verdict is not Verdict.FAIL


@FUZZ
@given(st.sampled_from(NAMES), st.data())
def test_a_spoilt_container_breaks_nothing(case: tuple[str, str], data: st.DataObject) -> None:
    kind, name = case
    document = answer(name, kind)
    listed = data.draw(st.sampled_from((volumes(document), (), None)))
    body = json.dumps(spoil(document, data)).encode()
    try:
        found = parse.container(body, listed)
    except wire.Malformed:
        return
    others = tuple(c for c in neighbours() if c.id != found.id)
    judged(
        Snapshot(
            host=host(kind),
            containers=(found, *others),
            networks=NETWORKS,
            images=data.draw(st.sampled_from(((), None))),
            volumes=listed,
        )
    )


@FUZZ
@given(st.sampled_from(HOSTS), st.data())
def test_a_spoilt_host_breaks_nothing(case: tuple[str, str], data: st.DataObject) -> None:
    kind, name = case
    documents = {each: answer(each, kind) for each in ("_version", name)}
    spoilt = data.draw(st.sampled_from(("_version", name)))
    documents[spoilt] = spoil(documents[spoilt], data)
    try:
        found = parse.host(*(json.dumps(document).encode() for document in documents.values()))
    except wire.Malformed:
        return
    judged(
        Snapshot(
            host=found,
            containers=neighbours(),
            networks=NETWORKS,
            images=(),
            volumes=(),
            swarm=data.draw(st.sampled_from((swarm(), None))),
            machine=data.draw(st.sampled_from((machine("settings"), None))),
            taken_at=data.draw(st.sampled_from(("2026-11-25T02:00:00+00:00", "soon"))),
            reached=data.draw(st.sampled_from(("unix", "tcp", ""))),
        )
    )


SWARM = ("_swarm", "_swarm_nodes", "_swarm_services", "_swarm_secrets")


@FUZZ
@given(st.sampled_from(SWARM), st.data())
def test_a_spoilt_swarm_breaks_nothing(name: str, data: st.DataObject) -> None:
    documents = {each: answer(each) for each in SWARM}
    documents[name] = spoil(documents[name], data)
    try:
        found = parse.swarm(*(json.dumps(document).encode() for document in documents.values()))
    except wire.Malformed:
        return
    judged(
        Snapshot(
            host=host(info="_swarm_info"),
            containers=(recorded("_swarm_task"), *neighbours()),
            networks=networks("_swarm_networks"),
            images=(),
            volumes=(),
            swarm=found,
        )
    )


@FUZZ
@given(st.sampled_from(sorted(IMAGES)), st.data())
def test_a_spoilt_image_breaks_nothing_and_keeps_no_secret(name: str, data: st.DataObject) -> None:
    document = spoil(answer(f"_image_{name}"), data)
    if not isinstance(document, dict):
        return
    try:
        found = parse.image(json.dumps(document.get("inspect")).encode())
        found = replace(found, history=parse.history(json.dumps(document.get("history")).encode()))
    except wire.Malformed:
        return
    assert "for-the-tests-only" not in repr(found)
    judged(Snapshot(host=host(), images=(found,), taken_at="2026-11-26T00:00:00+00:00"))


@FUZZ
@given(st.lists(st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=12), max_size=4))
def test_any_history_can_be_judged(instructions: list[list[str]]) -> None:
    layers = tuple(image_history.layer("".join(pieces)) for pieces in instructions)
    known = parse.image(json.dumps(answer("_image_right")["inspect"]).encode())
    judged(
        Snapshot(
            host=host(),
            images=(replace(known, history=layers),),
            taken_at="2026-11-26T00:00:00+00:00",
        )
    )


@FUZZ
@given(st.sampled_from(("_networks_network", "_images", "_volumes")), st.data())
def test_a_spoilt_list_breaks_nothing(name: str, data: st.DataObject) -> None:
    body = json.dumps(spoil(answer(name), data)).encode()
    read = {
        "_networks_network": ("networks", parse.networks),
        "_images": ("images", parse.images),
        "_volumes": ("volumes", parse.volumes),
    }
    kind, function = read[name]
    try:
        found = function(body)  # type: ignore[operator]
    except wire.Malformed:
        return
    values: dict[str, Any] = {"networks": NETWORKS, "images": (), "volumes": ()}
    judged(Snapshot(host=host(), containers=neighbours(), **{**values, kind: found}))


@FUZZ
@given(st.recursive(ATOMS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_any_json_at_all_is_malformed_or_taken(document: Any) -> None:
    body = json.dumps(document).encode()
    for function in PARSERS:
        try:
            function(body)
        except wire.Malformed:
            continue


@FUZZ
@given(st.binary(max_size=200) | st.binary(max_size=50).map(lambda text: b'"%b"' % text))
@example(b'"\x80"')
@example(b'{"Id": "\x80"}')
def test_any_bytes_at_all_are_malformed_or_taken(body: bytes) -> None:
    for function in PARSERS:
        try:
            function(body)
        except wire.Malformed:
            continue
