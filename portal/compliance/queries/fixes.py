"""How to mend a finding, filled in with the container's or the image's own values."""

import re
import shlex
from typing import Any, NamedTuple

from portal.fleet.models import Container, Host
from portal.fleet.queries import configuration, surroundings
from portal.policies.queries import catalogue
from scanner import advice
from scanner.model import Image
from scanner.remedy import Rendering

_COMMANDS = {"container": "docker inspect", "image": "docker image inspect"}
_FACT = re.compile(r"[A-Z]\w*(\.[A-Z]\w*)*")
_NOTES = {
    "Dockerfile": "Add this to the image's Dockerfile, build it, and start the container anew.",
    "daemon.json": "Merge this into /etc/docker/daemon.json and restart the engine. It holds for "
    "all containers of the host.",
    "Commands": "Plimsoll only reads: run these on the host yourself.",
}
_OF_AN_IMAGE = {
    True: "Change this in the Dockerfile that the image is built from: an image built on top of it "
    "keeps the flaw. Then build it anew and create its containers again.",
    False: "Build this on top of the image, or add the lines to its own Dockerfile. Then create "
    "its containers again.",
}
_VARIABLES = "Values of environment variables never leave the host, so only their names are here."


class Snippet(NamedTuple):
    """For components/snippet.html."""

    title: str
    text: str
    diff: bool
    note: str


class Remedy(NamedTuple):
    summary: str
    side_effects: str
    snippets: list[Snippet]
    verify: str
    """A command that shows the facts which decide, or ""."""
    filled_in: bool


def image(host: Host, name: str) -> Image | None:
    """The image of this name as the last scan of the host saw it; None where it did not. One query
    unless the host's surroundings are at hand."""
    seen = surroundings(host)
    images = seen.images if seen and seen.images else ()
    return next((image for image in images if image.inspected and image.name == name), None)


def remedy(
    rule_slug: str, container: Container | None, image: Image | None = None
) -> Remedy | None:
    """None for a rule that is no longer ours. Without a container, or an image for a rule about
    images, the advice shows an example."""
    rule = catalogue().get(rule_slug)
    if rule is None:
        return None
    known = configuration(container) if container else None
    given = advice(rule, known, image)
    has_variables = known is not None and "--env" in str(given.renderings)
    snippets = [
        Snippet(
            rendering.form,
            rendering.diff if rendering.form != "Commands" else rendering.text,
            rendering.form != "Commands",
            _note(rule, rendering) or (_VARIABLES if has_variables else ""),
        )
        for rendering in given.renderings
    ]
    subject = image or container
    return Remedy(
        given.summary,
        given.side_effects,
        snippets,
        _verify(rule, subject.name if subject else "NAME"),
        filled_in=known is not None or image is not None,
    )


def _note(rule: Any, rendering: Rendering) -> str:
    if rendering.form == "Dockerfile" and rule.subject_kind == "image":
        return _OF_AN_IMAGE[any(line.mark == "removed" for line in rendering.lines)]
    return _NOTES.get(rendering.form, "")


def _verify(rule: Any, name: str) -> str:
    """The engine's own answer about what the rule reads."""
    command = _COMMANDS.get(rule.subject_kind)
    facts = [fact for fact in rule.reads if _FACT.fullmatch(fact)]
    commands = []
    if command and facts:
        shown = " ".join(f"{{{{json .{fact}}}}}" for fact in facts)
        commands.append(f"{command} --format '{shown}' {shlex.quote(name)}")
    if "history: CreatedBy" in rule.reads:
        commands.append(f"docker history --no-trunc {shlex.quote(name)}")
    return "\n".join(commands)
