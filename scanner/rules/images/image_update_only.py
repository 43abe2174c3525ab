"""An index that was fetched in a layer of its own is stale whenever the next layer is built."""

from collections.abc import Iterator

from scanner import packages, programs
from scanner.context import Context
from scanner.model import Image, Unread
from scanner.rule import Evidence, Family, Fix, Flaw, NoParameters, Rule, Severity

FACT = "history: CreatedBy"
WANTED = "the update and what it is for in one instruction"
# What may stand beside an update and installs nothing of its own.
HARMLESS = {
    *("set", "true", ":", "echo", "printf", "cd", "rm", "mkdir", "cp", "mv", "ln", "ls", "cat"),
    *("sed", "grep", "awk", "find", "chmod", "chown", "touch", "tee", "test", "[", "sleep"),
    *("export", "fi", "done", "}", "apt-key", "gpg", "curl", "wget", "install"),
}


def check(image: Image, context: Context, parameters: NoParameters) -> Iterator[Flaw]:
    found: dict[str, Flaw] = {}
    unclear = None
    for layer in image.history:
        if layer.keyword not in {"RUN", ""} or not (layer.text or layer.truncated):
            continue
        alone = None if layer.truncated else _updates_alone(layer.text)
        if alone:
            name = layer.instruction
            found.setdefault(name, Flaw((Evidence(FACT, name, WANTED),), name))
        elif alone is None:
            unclear = layer
    yield from found.values()
    if unclear:
        what = unclear.instruction or "a layer of which it says nothing"
        raise Unread(FACT, f"the history does not tell what all of this does: {what}")


def _updates_alone(script: str) -> bool | None:
    """None where programs run beside the update that may install something."""
    updates = installs = others = False
    for name, *words in programs.commands(script):
        updates = updates or packages.updates(name, words)
        installs = installs or packages.installs(name, words)
        others = others or not (name in packages.INSTALLATION or name in HARMLESS)
    if not updates or installs:
        return False
    return None if others else True


def rebuild(image: Image) -> Iterator[str]:
    for layer in image.history:
        if layer.keyword in {"RUN", ""} and not layer.truncated and _updates_alone(layer.text):
            text = "; ".join(layer.text.splitlines())
            run = {name for name, *_ in programs.commands(layer.text)}
            name = min(run & packages.INSTALLATION.keys())
            yield from (f"-RUN {text}", f"+RUN {text} && {packages.INSTALLATION[name]}")


RULE = Rule(
    slug="image-update-only",
    title="Image updates its package index in a layer of its own",
    subject=Image,
    severity=Severity.LOW,
    family=Family.IMAGES,
    report="",
    cis=("4.7",),
    reads=(FACT,),
    why=(
        "The builder keeps that layer and never runs it again while the line stays the same. What "
        "is installed later comes from an old index: packages with known holes, or none at all."
    ),
    links=("https://docs.docker.com/build/building/best-practices/#apt-get",),
    check=check,
    fix=Fix(
        summary="Write the update and the installation into one RUN, and remove the index there.",
        side_effects="The layer is built again whenever its list of packages changes.",
        bad_dockerfile="RUN apk update\n",
        rebuild=rebuild,
    ),
)
