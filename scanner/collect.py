"""Reads one engine into a Snapshot. What cannot be read becomes a gap, never a guess."""

import io
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from scanner import machine, parse, wire
from scanner.engine import Engine
from scanner.errors import AnswerError, EngineError, GoneError
from scanner.machine import Machine
from scanner.model import (
    Container,
    Gap,
    Host,
    Image,
    PartialContainer,
    Snapshot,
    Swarm,
    Unread,
    Volume,
    with_members,
)
from scanner.transport.address import DEFAULT_SOCKET

Progress = Callable[[str, int, int], None]
"""Called with a phase ("reading", "processes"), how many are done, and how many there are."""

T = TypeVar("T")

_STREAMS = 4  # process lists are asked for over so many connections; more gain nothing on one host
_PASSWD_LIMIT = 1024 * 1024
_MOST_IMAGES = 2000
_ENDED = "the container had ended before its processes could be read"  # no fault of anybody
_PS = ("-eo pid,uid,args", "-o pid,user,args")  # procps first, then what busybox understands


class Unfinished(EngineError):
    """The time for the whole scan was used up before everything had been read."""


def collect(
    engine: Engine,
    *,
    progress: Progress | None = None,
    processes: bool = True,
    budget: float = 300.0,
) -> Snapshot:
    """One listing, one inspection for each container, and what the rules need round them.

    `processes` False leaves out the process lists, which cost the host one `ps` a container; rules
    that need them then go by the configuration. `budget` bounds the whole in seconds. Raises
    EngineError where the engine as such cannot be read; then nothing is known.
    """
    report = progress or (lambda phase, done, total: None)
    ends = time.monotonic() + budget
    version = engine.version()
    gaps: list[Gap] = []
    host = _whole(lambda: parse.host(version, engine.get("/info")))
    listed = _whole(lambda: parse.listing(engine.get("/containers/json", all="1")))
    images = _part(gaps, "images", lambda: parse.images(engine.get("/images/json")))
    networks = _part(gaps, "networks", lambda: parse.networks(engine.get("/networks")))
    volumes = _part(gaps, "volumes", lambda: parse.volumes(engine.get("/volumes")))

    containers: list[Container] = []
    for number, entry in enumerate(listed):
        report("reading", number, len(listed))
        _check_time(ends, f"{number} of {len(listed)} containers")
        found = _inspect(engine, entry, host, volumes, gaps)
        if found is not None:
            containers.append(found)
    report("reading", len(listed), len(listed))
    if volumes is not None and any(_misses_a_volume(c) for c in containers):
        # It was made since they were listed, most likely.
        volumes = _part(gaps, "volumes", lambda: parse.volumes(engine.get("/volumes")))
        containers = list(_inspected_again(engine, listed, containers, host, volumes, gaps))
    if images is not None:
        images = _inspect_images(engine, images, containers, host, gaps, ends)
    swarm = _part(gaps, "swarm", lambda: _swarm(engine)) if _manages(host) else None
    if processes:
        containers = _add_processes(engine, containers, gaps, report, ends)
    else:
        containers = [_left_out(container) for container in containers]
    under = _machine(engine, host, gaps)
    containers = [_with_uid(engine, container) for container in containers]
    return Snapshot(
        host=host,
        containers=tuple(sorted(containers, key=lambda c: (c.name, c.id))),
        images=images,
        networks=with_members(networks, containers),
        volumes=volumes,
        swarm=swarm,
        machine=under,
        taken_at=datetime.now(UTC).isoformat(timespec="seconds"),
        reached=engine.reached,
        gaps=tuple(gaps),
    )


def _machine(engine: Engine, host: Host, gaps: list[Gap]) -> Machine | None:
    """What lies under the engine; None where the way to it allows no commands."""
    shell = engine.shell()
    if shell is None:
        return None
    root = msgspec.structs.asdict(host)["data_root"]
    socket = engine.way.address.path or DEFAULT_SOCKET
    found = machine.read(shell, data_root="" if root is UNSET else root, socket=socket)
    for fact in ("files", "sysctl"):  # each by a command of its own
        if fact in found.unread:
            gaps.append(Gap("host", fact, found.unread[fact]))
    return found


def _whole(read: Callable[[], T]) -> T:
    """Something without which there is no scan at all."""
    try:
        return read()
    except wire.Malformed as error:
        raise EngineError(
            "garbage",
            f"The engine answered something that cannot be understood: {error}",
            "Check the address; a proxy on the way may spoil the answers.",
        ) from error


def _part(gaps: list[Gap], fact: str, read: Callable[[], T]) -> T | None:
    """Something that a scan can do without: what needs it will be unknown."""
    try:
        return read()
    except (AnswerError, wire.Malformed) as error:
        gaps.append(Gap("host", fact, str(error)))
        return None


def _check_time(ends: float, done: str) -> None:
    if time.monotonic() > ends:
        raise Unfinished(
            "timeout",
            f"The host is too slow: the scan's time was used up after {done}.",
            "Look at the load of the host and its engine.",
        )


def _inspect(
    engine: Engine,
    entry: wire.ListedJson,
    host: Host,
    volumes: tuple[Volume, ...] | None,
    gaps: list[Gap],
) -> Container | None:
    """None where the container disappeared since it was listed: no error and no finding."""
    try:
        return parse.container(engine.get(f"/containers/{_segment(entry.Id)}/json"), volumes, host)
    except GoneError:
        return None
    except (AnswerError, wire.Malformed) as error:
        container = parse.listed(entry, f"it could not be inspected: {error}")
        gaps.append(Gap(container.name, "inspect", str(error)))
        return container


def _misses_a_volume(container: Container) -> bool:
    return container.unread.get("mounts") == parse.UNLISTED


def _inspected_again(
    engine: Engine,
    listed: Iterable[wire.ListedJson],
    containers: Iterable[Container],
    host: Host,
    volumes: tuple[Volume, ...] | None,
    gaps: list[Gap],
) -> Iterator[Container]:
    """Those that miss a volume, once more; the others as they are."""
    entries = {entry.Id: entry for entry in listed}
    for container in containers:
        if not _misses_a_volume(container):
            yield container
        elif found := _inspect(engine, entries[container.id], host, volumes, gaps):
            yield found


def _segment(text: str) -> str:
    """An id of the engine's as one segment of a path: it may not lead anywhere else."""
    if not text.replace(":", "").replace("_", "").replace("-", "").replace(".", "").isalnum():
        raise wire.Malformed(f"{text[:80]!r} is no id")
    return text


def _manages(host: Host) -> bool:
    try:
        return host.swarm_state == "active" and host.swarm_manager
    except Unread:
        return False  # the swarm's rules say unknown


def _swarm(engine: Engine) -> Swarm:
    return parse.swarm(*map(engine.get, ("/swarm", "/nodes", "/services", "/secrets")))


def _inspect_images(
    engine: Engine,
    images: tuple[Image, ...],
    containers: Iterable[Container],
    host: Host,
    gaps: list[Gap],
    ends: float,
) -> tuple[Image, ...]:
    """Adds configuration and history of what is judged: images that have a name or run. The rest
    stays as listed."""
    used = {image_id for c in containers if (image_id := c.known_image_id)}
    known = {image.id: image for image in images}
    wanted = sorted(used | {image.id for image in images if image.named})
    for number, image_id in enumerate(wanted):
        _check_time(ends, "the containers, before the images")
        if number == _MOST_IMAGES:
            reason = f"only {_MOST_IMAGES} of {len(wanted)} images were read"
            gaps.append(Gap("host", "images", reason))
            break
        try:
            found = parse.image(engine.get(f"/images/{_segment(image_id)}/json"), host)
            known[found.id] = _with_history(engine, found, gaps)
        except GoneError:
            continue  # removed by force under a running container: rules that need it say unknown
        except (AnswerError, wire.Malformed) as error:
            gaps.append(Gap(image_id[:19], "image", str(error)))
    # Engines list images of one age in any order.
    return tuple(sorted(known.values(), key=lambda image: (image.name, image.id)))


def _with_history(engine: Engine, image: Image, gaps: list[Gap]) -> Image:
    try:
        history = parse.history(engine.get(f"/images/{_segment(image.id)}/history"))
        if history:
            return replace(image, history=history)
        reason = "its builder left none"
    except (AnswerError, wire.Malformed) as error:
        reason = str(error)
        gaps.append(Gap(image.name, "history", reason))
    return replace(image, unread={**image.unread, "history": reason})


def _add_processes(
    engine: Engine,
    containers: list[Container],
    gaps: list[Gap],
    report: Progress,
    ends: float,
) -> list[Container]:
    running = [c for c in containers if c.known_to_run]
    if not running:
        return containers
    streams = [running[start::_STREAMS] for start in range(min(_STREAMS, len(running)))]
    done = 0

    def read(share: list[Container]) -> list[Container]:
        nonlocal done
        # The engine's own connection is one of the streams: over SSH there are no more (R23).
        first = share is streams[0]
        with nullcontext(engine) if first else engine.another() as own:
            found = []
            for container in share:
                _check_time(ends, "the containers, while asking for process lists")
                found.append(_with_processes(own, container))
                done += 1
                if first:
                    report("processes", done, len(running))
            return found

    with ThreadPoolExecutor(len(streams)) as pool:
        read_ones = {c.id: c for part in pool.map(read, streams) for c in part}
    gaps += [
        Gap(c.name, "top", c.unread["processes"])
        for c in read_ones.values()
        if c.unread.get("processes", _ENDED) != _ENDED
    ]
    return [read_ones.get(container.id, container) for container in containers]


def _left_out(container: Container) -> Container:
    if not container.known_to_run:
        return container  # it has none, and says so already
    reason = "process lists were left out of this scan"
    return replace(container, unread={**container.unread, "processes": reason})


def _with_processes(engine: Engine, container: Container) -> Container:
    reason = ""
    for arguments in _PS:
        try:
            body = engine.get(f"/containers/{_segment(container.id)}/top", ps_args=arguments)
            return _remade(container, processes=parse.processes(body))
        except AnswerError as error:
            if error.kind in ("gone", "conflict") and container.status != "paused":
                reason = _ENDED
                break
            reason = f"the engine gave no list: {error}"
        except wire.Malformed as error:
            reason = f"the engine gave no list: {error}"
    return replace(container, unread={**container.unread, "processes": reason})


def _with_uid(engine: Engine, container: Container) -> Container:
    """Looks a user's name up in the container's own /etc/passwd, where nothing else tells."""
    if "uid" not in container.unread or not isinstance(container, PartialContainer):
        return container
    try:
        user = parse.user_name(container.user)
        body = engine.get(f"/containers/{_segment(container.id)}/archive", path="/etc/passwd")
    except (AnswerError, Unread):
        return container  # the reason is in `unread` already
    uid = parse.passwd_uid(_first_file(body), user)
    return container if uid is None else _remade(container, uid=uid)


def _first_file(archive: bytes) -> str:
    """The text of the first regular file in a tar archive; "" where there is none."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            for member in tar:
                if member.isfile() and (file := tar.extractfile(member)) is not None:
                    return file.read(_PASSWD_LIMIT).decode("utf-8", "replace")
    except tarfile.TarError:
        return ""
    return ""


def _remade(container: Container, **found: object) -> Container:
    values = {
        name: object.__getattribute__(container, name) for name in container.__struct_fields__
    }
    unread = {name: why for name, why in container.unread.items() if name not in found}
    return parse.make(**{**values, **found, "unread": unread})
