"""Copies the named front-end files from node_modules to static/vendor, with their licences."""

import re
import sys
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "static" / "vendor"
ICONS = MODULES / "@tabler" / "icons"
SVG = "http://www.w3.org/2000/svg"
# A source map would be one file more to serve, and nobody reads it here.
SOURCE_MAP = re.compile(r"\s*/\*# sourceMappingURL=.*?\*/\s*$")
# Every icon begins with an invisible square that only sets its size.
SQUARE = "M0 0h24v24H0z"
DRAWN_WITH = ("fill", "stroke", "stroke-width", "stroke-linecap", "stroke-linejoin")


def symbol(name: str) -> ElementTree.Element:
    """`bell` is the outline, `bell-filled` the filled form."""
    folder, stem = "outline", name
    if name.endswith("-filled"):
        folder, stem = "filled", name.removesuffix("-filled")
    file = ICONS / "icons" / folder / f"{stem}.svg"
    if not file.exists():
        sys.exit(f"static/icons.txt: @tabler/icons has no icon {name!r}")
    # S314: the file is pinned by its hash in package-lock.json.
    icon = ElementTree.parse(file).getroot()  # noqa: S314
    made = ElementTree.Element(f"{{{SVG}}}symbol", id=name, viewBox=icon.attrib["viewBox"])
    made.attrib.update({key: icon.attrib[key] for key in DRAWN_WITH if key in icon.attrib})
    made.extend(part for part in icon if part.get("d") != SQUARE)
    return made


def sprite() -> bytes:
    ElementTree.register_namespace("", SVG)
    root = ElementTree.Element(f"{{{SVG}}}svg")
    names = (ROOT / "static" / "icons.txt").read_text().split()
    root.extend(symbol(name) for name in sorted(set(names)))
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def tabler_licence(css: str) -> str:
    """Its package carries no licence file; its banner names the holders, its icons the terms."""
    terms = (ICONS / "LICENSE").read_text().split("\n\n", 2)
    holders = re.findall(r"^ \* (Copyright .+)$", css, re.MULTILINE)
    return "\n\n".join([terms[0], "\n".join(holders), terms[2]])


def main() -> None:
    VENDOR.mkdir(parents=True, exist_ok=True)
    css = (MODULES / "@tabler" / "core" / "dist" / "css" / "tabler.min.css").read_text()
    htmx = MODULES / "htmx.org"
    files = {
        "tabler.min.css": SOURCE_MAP.sub("\n", css).encode(),
        "tabler.LICENSE.txt": tabler_licence(css).encode(),
        "htmx.min.js": (htmx / "dist" / "htmx.min.js").read_bytes(),
        "htmx.LICENSE.txt": (htmx / "LICENSE").read_bytes(),
        "icons.svg": sprite(),
        "icons.LICENSE.txt": (ICONS / "LICENSE").read_bytes(),
    }
    for name, content in files.items():
        (VENDOR / name).write_bytes(content)


if __name__ == "__main__":
    main()
