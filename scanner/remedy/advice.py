"""What to change, as lines that stay, go and come: one rendering for each way to say it."""

import difflib
import json
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from scanner.model import Container, EnvironmentName, Image, Layer, PartialContainer
from scanner.remedy.compose import compose
from scanner.remedy.docker_run import docker_run
from scanner.remedy.settings import written
from scanner.rule import Rule

SAME, REMOVED, ADDED = "same", "removed", "added"
_SIGNS = {SAME: " ", REMOVED: "-", ADDED: "+"}
_EXAMPLE = PartialContainer(
    id="", name="app", image="registry.example/app:1.0", image_id="sha256:" + 8 * "0f1e2d3c"
)

_EXAMPLE_IMAGE = Image(
    id=_EXAMPLE.image_id,
    tags=(_EXAMPLE.image,),
    exposed_ports=("22/tcp", "8080/tcp"),
    environment=(EnvironmentName("DATABASE_PASSWORD", "the name says that it is a credential"),),
    entrypoint=(),
    command=("/usr/sbin/sshd", "-D"),
    history=(Layer("ADD", "app.conf /etc/app.conf"), Layer("RUN", "apt-get update")),
)


class Line(msgspec.Struct, frozen=True):
    """`mark` is "same", "removed" or "added"."""

    mark: str
    text: str


class Rendering(msgspec.Struct, frozen=True):
    """`form` is "docker run", "Compose", "Dockerfile", "daemon.json" or "Commands"."""

    form: str
    lines: tuple[Line, ...]

    @property
    def diff(self) -> str:
        """As a unified diff writes it, without headers."""
        return "\n".join(_SIGNS[line.mark] + line.text for line in self.lines)

    @property
    def text(self) -> str:
        """As it is afterwards, to be copied."""
        return "\n".join(line.text for line in self.lines if line.mark != REMOVED)


class Advice(msgspec.Struct, frozen=True):
    """Only the renderings that have something to say are there."""

    summary: str
    side_effects: str
    renderings: tuple[Rendering, ...]


def advice(
    rule: Rule[Any, Any], container: Container | None = None, image: Image | None = None
) -> Advice:
    """`image` is the container's own, and what it sets by itself is then not repeated; for a rule
    for images it is the image to mend.

    Without a container the advice is for an example that was run with the flags of `fix.bad`.
    """
    return Advice(
        rule.fix.summary,
        rule.fix.side_effects,
        tuple(_renderings(rule, container, image)),
    )


def _renderings(
    rule: Rule[Any, Any], container: Container | None, image: Image | None
) -> Iterator[Rendering]:
    fix = rule.fix
    before = written(container or _EXAMPLE)
    if fix.change is not None:
        after = fix.change(before)
        changed = _changed(before, after)
        command = docker_run(before, image)
        if container is None:
            command[2:2] = [f"  {shlex.quote(flag)} \\" for flag in fix.bad]
        for form, lines in (
            ("docker run", _compared(command, docker_run(after, image, changed))),
            ("Compose", _compared(compose(before, image), compose(after, image, changed))),
        ):
            if any(line.mark != SAME for line in lines):
                yield Rendering(form, lines)
    if dockerfile := tuple(_dockerfile(rule, image)):
        yield Rendering("Dockerfile", dockerfile)
    if fix.daemon is not None:
        yield Rendering("daemon.json", _all(ADDED, json.dumps(fix.daemon, indent=2).split("\n")))
    if fix.commands:
        name = shlex.quote(before.name)
        its_image = (image or _EXAMPLE_IMAGE).name if rule.subject is Image else before.image
        reference = shlex.quote(its_image)
        lines = _all(SAME, [c.replace("{name}", name) for c in fix.commands])
        yield Rendering(
            "Commands",
            tuple(Line(line.mark, line.text.replace("{image}", reference)) for line in lines),
        )


def _dockerfile(rule: Rule[Any, Any], image: Image | None) -> Iterator[Line]:
    fix, known = rule.fix, image or _EXAMPLE_IMAGE
    if fix.rebuild is not None:
        for line in fix.rebuild(known):
            yield Line(REMOVED if line.startswith("-") else ADDED, line[1:])
    if fix.dockerfile:
        if rule.subject is Image:
            yield Line(SAME, f"FROM {known.name}")
        yield from _all(ADDED, fix.dockerfile.rstrip("\n").split("\n"))


def _changed(before: Container, after: Container) -> frozenset[str]:
    return frozenset(
        name
        for name in Container.__struct_fields__
        if getattr(before, name) != getattr(after, name)
    )


def _all(mark: str, texts: Sequence[str]) -> tuple[Line, ...]:
    return tuple(Line(mark, text) for text in texts)


def _compared(before: list[str], after: list[str]) -> tuple[Line, ...]:
    lines: list[Line] = []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for what, start, end, new_start, new_end in matcher.get_opcodes():
        if what == "equal":
            lines += _all(SAME, before[start:end])
        else:
            lines += _all(REMOVED, before[start:end])
            lines += _all(ADDED, after[new_start:new_end])
    return tuple(lines)
