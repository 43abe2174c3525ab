"""Every variable that the source reads is explained, and nothing is explained that it ignores."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "configuration.md").read_text()
READ_HERE = re.compile(r"\b(?:text|number|switch|words|given)\(\s*\"([A-Z_]+)\"")


def variables_read() -> set[str]:
    readers = [ROOT / "portal" / name for name in ("settings.py", "environment.py")]
    readers.append(ROOT / "portal" / "serve" / "options.py")
    return {name for file in readers for name in READ_HERE.findall(file.read_text())}


def variables_explained() -> set[str]:
    return set(re.findall(r"^\| `PLIMSOLL_([A-Z_]+)` \|", DOCUMENT, re.MULTILINE))


def test_every_variable_is_explained_and_no_other():
    for_tests = {name for name in variables_explained() if name.startswith("TEST_")}
    assert variables_explained() - for_tests == variables_read()


@pytest.mark.parametrize("name", sorted(variables_read()))
def test_the_default_in_the_document_is_the_one_in_the_source(name: str):
    source = (ROOT / "portal" / "settings.py").read_text()
    default = re.search(rf'number\("{name}", ([\d_]+)', source)
    if default:
        assert f"| `PLIMSOLL_{name}` | `{int(default[1])}` |" in DOCUMENT
    else:
        assert re.search(rf"^\| `PLIMSOLL_{name}` \| \S", DOCUMENT, re.MULTILINE)


def test_only_one_module_and_the_launcher_read_the_environment():
    allowed = {"portal/environment.py", "portal/serve/__main__.py"}
    allowed |= {"portal/serve/healthy.py"}  # a program of its own, which imports neither
    allowed |= {"scanner/forced_command.py"}  # a program of its own, on another machine
    reads = {
        str(file.relative_to(ROOT))
        for package in ("portal", "scanner")
        for file in (ROOT / package).rglob("*.py")
        if re.search(r"os\.(environ\b(?!\.setdefault\(\"DJANGO)|getenv)", file.read_text())
    }
    assert reads - allowed == set()
