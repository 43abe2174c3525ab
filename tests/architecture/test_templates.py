"""What must hold of every template: the content security policy allows nothing inline."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
COMPONENTS = {path.stem for path in (ROOT / "templates" / "components").glob("*.html")}
ICONS = set((ROOT / "static" / "icons.txt").read_text().split())
FORBIDDEN = {
    "a style attribute": r"\sstyle\s*=",
    "an event handler": r"\son[a-z]+\s*=",
    "a style element": r"<style\b",
    "an inline script": r"<script(?![^>]*\ssrc=)",
    "a script address": r"javascript:",
    "hx-on": r"hx-on\b",
    "a computed htmx value": r"""["']\s*js:""",
    "a trigger filter": r"""hx-trigger\s*=\s*["'][^"']*\[""",
    "a file of another origin": r"""\b(?:src|href)\s*=\s*["'](?:https?:)?//""",
}


def faults(text: str) -> list[str]:
    """What the lint finds in a template's source."""
    return [name for name, pattern in FORBIDDEN.items() if re.search(pattern, text, re.I)]


def icons_named(text: str) -> set[str]:
    """The icons that a template names outright."""
    given = re.findall(r"components/icon\.html\" with name=\"([a-z0-9-]+)\"", text)
    passed = re.findall(r"\bicon=\"([a-z0-9-]+)\"", text)
    fallbacks = re.findall(r"icon\|default:\"([a-z0-9-]+)\"", text)
    return {*given, *passed, *fallbacks}


def named(path: Path) -> str:
    return str(path.relative_to(ROOT / "templates"))


@pytest.mark.parametrize("path", TEMPLATES, ids=named)
def test_a_template_holds_nothing_that_the_policy_forbids(path: Path) -> None:
    assert faults(path.read_text()) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=named)
def test_a_component_gets_only_what_it_is_given(path: Path) -> None:
    includes = re.findall(
        r"{%\s*include\s+\"components/([a-z_]+)\.html\"([^%]*)%}", path.read_text()
    )
    assert {name for name, _ in includes} <= COMPONENTS
    assert [name for name, rest in includes if not rest.rstrip().endswith("only")] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=named)
def test_every_icon_that_a_template_names_is_in_the_sprite(path: Path) -> None:
    assert icons_named(path.read_text()) <= ICONS


@pytest.mark.parametrize(
    "text",
    [
        '<p style="color: red">',
        "<p\nstyle='x'>",
        "<button onclick=x()>",
        "<style>p {}</style>",
        "<script>x()</script>",
        "<script type='module'>x()</script>",
        '<a href="javascript:x()">',
        '<a hx-on:click="x()">',
        "<a hx-vals='js:{x: 1}'>",
        '<input hx-trigger="keyup[key]">',
        '<script src="https://example.org/x.js"></script>',
    ],
)
def test_the_lint_sees_what_is_inline(text: str) -> None:
    assert faults(text)


def test_the_lint_lets_links_scripts_and_conditions_pass() -> None:
    text = '<script src="{% static \'js/tabs.js\' %}" defer></script><p data-on="x" hx-get="/a/">'
    assert faults(text) == []


def test_there_are_templates_to_look_at() -> None:
    assert len(TEMPLATES) > 20
