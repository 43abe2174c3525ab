"""ADD fetches and unpacks as it sees fit; where only a file is wanted, COPY does just that."""

import re
from collections.abc import Iterator

from scanner.context import Context
from scanner.model import Image, Layer, Unread
from scanner.rule import Evidence, Family, Fix, Flaw, NoParameters, Rule, Severity

FACT = "history: CreatedBy"
WANTED = "COPY, which neither fetches nor unpacks"
ARCHIVE = re.compile(r"\.(?:tar|tgz|tbz2?|txz|tzst|gz|bz2|xz|zst)$", re.IGNORECASE)
REMOTE = re.compile(r"(?:https?|ftp|git|ssh)://|git@", re.IGNORECASE)
OLD_BUILDER = re.compile(r"\b(file|dir|multi):\S+ in (.+)", re.DOTALL)


def check(image: Image, context: Context, parameters: NoParameters) -> Iterator[Flaw]:
    found: dict[str, Flaw] = {}
    unclear = None
    for number, layer in enumerate(image.history):
        untold = layer.truncated and not layer.instruction
        if not untold and (layer.keyword != "ADD" or _is_base(layer, image.history[:number])):
            continue
        copyable = None if layer.truncated else _copyable(layer)
        if copyable:
            name = OLD_BUILDER.sub(r"\1 in \2", layer.instruction)  # without the checksum
            found.setdefault(name, Flaw((Evidence(FACT, name, WANTED),), name))
        elif copyable is None:
            unclear = layer
    yield from found.values()
    if unclear:
        what = unclear.instruction or "a layer of which it says nothing"
        reason = f"the history does not tell whether this adds an archive: {what}"
        raise Unread(FACT, reason)


def _is_base(layer: Layer, before: tuple[Layer, ...]) -> bool:
    """The file system that the whole image stands on: the first that is put there, at /."""
    made = {"ADD", "COPY", "RUN", ""}
    return layer.text.split()[-1:] == ["/"] and not any(each.keyword in made for each in before)


def _copyable(layer: Layer) -> bool | None:
    """Whether COPY would do. None where the old builder tells only a checksum, and what is added
    may as well be an archive that is to be unpacked."""
    if old := OLD_BUILDER.fullmatch(layer.text):
        name = old[2].strip().rpartition("/")[2]
        return True if old[1] == "dir" or (old[1] == "file" and "." in name) else None
    *sources, _ = [word for word in layer.text.split() if not word.startswith("--")] or [""]
    return any(not ARCHIVE.search(source) and not REMOTE.match(source) for source in sources)


def rebuild(image: Image) -> Iterator[str]:
    for number, layer in enumerate(image.history):
        if layer.keyword != "ADD" or layer.truncated or _is_base(layer, image.history[:number]):
            continue
        if _copyable(layer):
            text = OLD_BUILDER.sub(r"... \2", layer.text).strip()
            yield from (f"-ADD {text}", f"+COPY {text}")


RULE = Rule(
    slug="image-add-instruction",
    title="Image is built with ADD where COPY would do",
    subject=Image,
    severity=Severity.LOW,
    family=Family.IMAGES,
    report="",
    cis=("4.9",),
    reads=(FACT,),
    why=(
        "ADD looks at what it is given: it unpacks archives and fetches addresses. A file that "
        "somebody swaps for an archive then writes where nobody meant it to."
    ),
    links=("https://docs.docker.com/build/building/best-practices/#add-or-copy",),
    check=check,
    fix=Fix(
        summary="Write COPY for files and directories of the build's own context.",
        side_effects="None, unless the program relies on an archive being unpacked.",
        bad_dockerfile="ADD app.conf /srv/app.conf\n",
        rebuild=rebuild,
    ),
)
