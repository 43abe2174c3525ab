"""How to mend a finding, filled in with the container's own values."""

import re
import shlex
from typing import Any, NamedTuple

from portal.fleet.models import Container
from portal.fleet.queries import configuration
from portal.policies.queries import catalogue
from scanner import advice

_FACT = re.compile(r"[A-Z]\w*(\.[A-Z]\w*)*")
_NOTES = {
    "Dockerfile": "Add this to the image's Dockerfile, build it, and start the container anew.",
    "daemon.json": "Merge this into /etc/docker/daemon.json and restart the engine. It holds for "
    "all containers of the host.",
    "Commands": "Plimsoll only reads: run these on the host yourself.",
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


def remedy(rule_slug: str, container: Container | None) -> Remedy | None:
    """None for a rule that is no longer ours. Without a container, the advice shows an example."""
    rule = catalogue().get(rule_slug)
    if rule is None:
        return None
    known = configuration(container) if container else None
    given = advice(rule, known)
    has_variables = known is not None and "--env" in str(given.renderings)
    snippets = [
        Snippet(
            rendering.form,
            rendering.diff if rendering.form != "Commands" else rendering.text,
            rendering.form != "Commands",
            _NOTES.get(rendering.form, _VARIABLES if has_variables else ""),
        )
        for rendering in given.renderings
    ]
    name = container.name if container else "NAME"
    return Remedy(
        given.summary, given.side_effects, snippets, _verify(rule, name), known is not None
    )


def _verify(rule: Any, name: str) -> str:
    """The engine's own answer about what the rule reads."""
    if rule.subject_kind != "container":
        return ""
    facts = [fact for fact in rule.reads if _FACT.fullmatch(fact)]
    if not facts:
        return ""
    shown = " ".join(f"{{{{json .{fact}}}}}" for fact in facts)
    return f"docker inspect --format '{shown}' {shlex.quote(name)}"
