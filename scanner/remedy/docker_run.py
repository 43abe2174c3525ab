"""A container as the command that makes it."""

import shlex
from collections.abc import Iterator

from scanner.model import Container, Image
from scanner.remedy import settings

BUILT_IN_NETWORKS = frozenset({"", "default", "bridge", "host", "none"})


def docker_run(
    container: Container, image: Image | None = None, changed: frozenset[str] = frozenset()
) -> list[str]:
    """`docker run` with one setting a line, and only what differs from the defaults.

    A variable is named without its value, which docker then takes from its own environment.
    `changed` names fields to write down even where they have the default.
    """
    parts = ["docker run --detach", *_flags(container, image, changed)]
    parts.append(" ".join([shlex.quote(container.image), *_command(container, image)]))
    text = " \\\n  ".join(parts)
    extra = [name for name in container.networks if name not in _main_networks(container)]
    for name in extra:
        text += f"\ndocker network connect {shlex.quote(name)} {shlex.quote(container.name)}"
    return text.split("\n")


def _flags(container: Container, image: Image | None, changed: frozenset[str]) -> Iterator[str]:
    yield f"--name {shlex.quote(container.name)}"
    for setting in settings.settings(container, image, changed):
        yield from setting.flags
    mode = container.network_mode
    if mode not in {"", "default", "bridge"}:
        yield f"--network {shlex.quote(mode)}"
    if entrypoint := settings.entrypoint(container, image):
        yield f"--entrypoint {shlex.quote(entrypoint[0])}"


def _command(container: Container, image: Image | None) -> list[str]:
    rest = (settings.entrypoint(container, image) or ("",))[1:]
    return [shlex.quote(word) for word in (*rest, *settings.command(container, image))]


def _main_networks(container: Container) -> set[str]:
    mode = container.network_mode
    return {mode, "bridge"} if mode in {"", "default"} else {mode}
