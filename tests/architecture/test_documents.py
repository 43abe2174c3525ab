"""What the documents say of the tree is true of the tree."""

import re
import tomllib
from pathlib import Path

import pytest

from scanner.rules import RULES
from scanner.version import VERSION

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    path for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")) if path.is_file()
)
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
LINK = re.compile(r"\[[^\]]+\]\(([^)#\s]+)?(?:#([^)\s]+))?\)")
PLACE = re.compile(r"`((?:scanner|portal|templates|static|tests|benchmarks|docs|scripts)/[^`<>]*)`")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(path: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_every_link_leads_somewhere(path: Path):
    for target, anchor in LINK.findall(path.read_text()):
        if "://" in target:
            continue
        file = (path.parent / target).resolve() if target else path
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), f"{target}#{anchor}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_every_place_that_is_named_exists(path: Path):
    for place in PLACE.findall(path.read_text()):
        where = place.split(" ")[0]
        found = list(ROOT.glob(where.replace("<family>", "*"))) or (ROOT / where).exists()
        assert found, place


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_every_make_target_that_is_named_exists(path: Path):
    for words in re.findall(r"`make ([a-z -]+)`", path.read_text()):
        assert set(words.split()) <= TARGETS


def test_the_changelog_tells_of_this_version_and_of_as_many_rules_as_there_are():
    text = (ROOT / "CHANGELOG.md").read_text()
    first = re.search(r"^## (\S+)", text, re.MULTILINE)
    assert first
    assert first[1] == VERSION
    assert f"- {len(RULES)} rules for" in text


def test_decisions_are_numbered_without_a_gap():
    numbers = [int(path.name[:4]) for path in sorted((ROOT / "docs" / "adr").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))
    for path in (ROOT / "docs" / "adr").glob("*.md"):
        text = path.read_text()
        assert text.startswith(f"# {int(path.name[:4])}. ")
        assert all(f"**{part}.**" in text for part in ("Context", "Choice", "Consequence"))


def test_the_picture_of_the_layers_is_the_contract():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = contracts["contracts"][0]["layers"]
    assert "\n".join(layers) in (ROOT / "docs" / "architecture.md").read_text()


def test_what_a_build_server_runs_is_what_the_readme_says():
    assert "exec make test" in (ROOT / ".ci" / "run").read_text()
    readme = (ROOT / "README.md").read_text()
    assert "\nmake run\n" in readme
    assert "\nmake test\n" in readme
