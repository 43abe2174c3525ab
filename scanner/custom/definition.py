"""A custom rule as it is written, read from YAML and held to what a rule must have. Pure."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
import yaml

from scanner.custom import document, kinds, syntax
from scanner.custom.expression import Expression
from scanner.custom.kinds import BOOL, INT, STRING, Kind
from scanner.custom.parts import Reader
from scanner.custom.problem import Problem, Refused, Wrong
from scanner.rule import Family, NoParameters, Severity

MOST_CHARACTERS = 16_384
MOST_RULES = 200
MOST_EVIDENCE = 10
MOST_PARAMETERS = 20
PREFIX = "custom-"

_SLUG = re.compile(PREFIX + r"[a-z0-9]+(-[a-z0-9]+)*")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
KEYS = {
    # name: whether it is needed
    "slug": True,
    "title": True,
    "subject": True,
    "severity": True,
    "family": False,
    "why": True,
    "fix": True,
    "links": False,
    "report": False,
    "cis": False,
    "parameters": False,
    "applies_when": False,
    "otherwise": False,
    "for_each": False,
    "fails_when": True,
    "sub_object": False,
    "evidence": False,
    "wanted": False,
}
PARAMETER_TYPES: Mapping[str, tuple[Any, str]] = {
    "string": (str, "a text"),
    "int": (int, "a whole number"),
    "bool": (bool, "true or false"),
    "list(string)": (tuple[str, ...], "a list of texts"),
    "list(int)": (tuple[int, ...], "a list of whole numbers"),
}


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """What the document says, checked. `evidence` by the path that is shown."""

    slug: str
    title: str
    subject: str
    severity: Severity
    family: Family = Family.CUSTOM
    why: str
    summary: str
    side_effects: str = ""
    commands: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    report: str = ""
    cis: tuple[str, ...] = ()
    parameters: type[msgspec.Struct] = NoParameters
    applies_when: Expression | None = None
    otherwise: str = ""
    for_each: Expression | None = None
    fails_when: Expression
    sub_object: Expression | None = None
    evidence: Mapping[str, Expression] = {}
    wanted: str = ""


def read(text: str) -> list[Definition]:
    """All the rules of a text, divided by "---". Raises Refused with all that is wrong."""
    if len(text) > MOST_CHARACTERS * MOST_RULES:
        raise Refused([Problem(1, 1, f"has {len(text)} characters, which is too many")])
    roots = document.documents(text)
    if not roots:
        raise Refused([Problem(1, 1, "holds no rule")])
    if len(roots) > MOST_RULES:
        raise Refused([Problem(1, 1, f"holds more than {MOST_RULES} rules")])
    reader = Reader(text)
    found: dict[str, Definition] = {}
    for root in roots:
        definition = _definition(root, reader)
        if definition is not None and definition.slug in found:
            reader.wrong(root, f"there are two rules {definition.slug!r}")
        elif definition is not None:
            found[definition.slug] = definition
    if reader.problems:
        raise Refused(reader.problems)
    return list(found.values())


def _definition(root: yaml.Node, reader: Reader) -> Definition | None:
    before = len(reader.problems)
    if root.end_mark.index - root.start_mark.index > MOST_CHARACTERS:
        reader.wrong(root, f"a rule has at most {MOST_CHARACTERS} characters")
        return None
    nodes = reader.mapping(root, "a rule", KEYS)
    for name, needed in KEYS.items():
        if needed and name not in nodes and isinstance(root, yaml.MappingNode):
            reader.wrong(root, f"{name!r} is missing")
    told = {
        **_said(nodes, reader),
        **_references(nodes, reader),
        **_fix(nodes, reader),
        **_judging(nodes, reader),
    }
    if len(reader.problems) > before:
        return None
    return Definition(**told)


def _said(nodes: Mapping[str, yaml.Node], reader: Reader) -> dict[str, Any]:
    """What people read."""
    found: dict[str, Any] = {}
    for name, most in (("title", 70), ("why", 1_000), ("wanted", 200), ("otherwise", 300)):
        if name in nodes:
            found[name] = reader.written(nodes[name], name, most)
    if "slug" in nodes:
        found["slug"] = slug = reader.written(nodes["slug"], "slug", 60)
        if slug is not None and not _SLUG.fullmatch(slug):
            reader.wrong(nodes["slug"], "a slug is custom- and small letters, digits and hyphens")
    if "severity" in nodes:
        options = [severity.value for severity in reversed(Severity)]
        severity = reader.choice(nodes["severity"], "severity", options)
        found["severity"] = severity and Severity(severity)
    if "family" in nodes:
        family = reader.choice(nodes["family"], "family", [family.value for family in Family])
        found["family"] = family and Family(family)
    return found


def _references(nodes: Mapping[str, yaml.Node], reader: Reader) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "report" in nodes:
        found["report"] = report = reader.written(nodes["report"], "report", 60)
        if report is not None and not re.fullmatch(r"[0-9.(), ]+", report):
            reader.wrong(nodes["report"], "report names sections, like 1.2(3)")
    if "cis" in nodes:
        found["cis"] = cis = reader.texts(nodes["cis"], "cis", 10, 10)
        if not all(re.fullmatch(r"\d+(\.\d+)*", control) for control in cis):
            reader.wrong(nodes["cis"], 'cis names controls, like "5.28"')
    if "links" in nodes:
        found["links"] = links = reader.texts(nodes["links"], "links", 10, 300)
        if not all(re.fullmatch(r"https?://[^\s<>\"']+", link) for link in links):
            reader.wrong(nodes["links"], "a link begins with https:// or http://")
    return found


def _fix(nodes: Mapping[str, yaml.Node], reader: Reader) -> dict[str, Any]:
    if "fix" not in nodes:
        return {}
    node = nodes["fix"]
    if isinstance(node, yaml.ScalarNode):
        return {"summary": reader.written(node, "fix", 600)}
    parts = reader.mapping(node, "fix", ("summary", "side_effects", "commands"))
    found: dict[str, Any] = {}
    if "summary" in parts:
        found["summary"] = reader.written(parts["summary"], "summary", 600)
    elif isinstance(node, yaml.MappingNode):
        reader.wrong(node, "'summary' is missing")
    if "side_effects" in parts:
        found["side_effects"] = reader.written(parts["side_effects"], "side_effects", 600)
    if "commands" in parts:
        found["commands"] = reader.texts(parts["commands"], "commands", 10, 300)
    return found


def _judging(nodes: Mapping[str, yaml.Node], reader: Reader) -> dict[str, Any]:
    """What decides."""
    if "subject" not in nodes:
        return {}
    subject = reader.choice(nodes["subject"], "subject", kinds.SUBJECTS)
    found: dict[str, Any] = {"subject": subject, "parameters": _parameters(nodes, reader)}
    if subject is None:
        return found
    roots = {**kinds.roots(subject), "params": Kind("model", None, found["parameters"], "params")}
    if "applies_when" in nodes:
        found["applies_when"] = _expression(nodes, "applies_when", roots, reader, BOOL)
        if "otherwise" not in nodes:
            reader.wrong(nodes["applies_when"], "'otherwise' is missing: why it does not apply")
    elif "otherwise" in nodes:
        reader.wrong(nodes["otherwise"], "'otherwise' belongs to 'applies_when', which is missing")
    if "for_each" in nodes:
        found["for_each"] = each = _expression(nodes, "for_each", roots, reader, Kind("list"))
        if "sub_object" not in nodes:
            reader.wrong(nodes["for_each"], "'sub_object' is missing: what an item is called")
        if each is None:
            return found
        assert each.checked.kind.item is not None  # noqa: S101 - for the type checker
        roots["item"] = each.checked.kind.item
    found["fails_when"] = _expression(nodes, "fails_when", roots, reader, BOOL)
    if "sub_object" in nodes:
        found["sub_object"] = _expression(nodes, "sub_object", roots, reader, STRING, INT)
        if "for_each" not in nodes:
            reader.wrong(
                nodes["sub_object"], "'sub_object' belongs to 'for_each', which is missing"
            )
    found["evidence"] = _evidence(nodes, roots, reader, found["fails_when"])
    return found


def _expression(
    nodes: Mapping[str, yaml.Node],
    name: str,
    roots: Mapping[str, Kind],
    reader: Reader,
    *wanted: Kind,
) -> Expression | None:
    def compiled(text: str) -> Expression:
        expression = Expression(text, roots)
        kind = expression.checked.kind
        if kind.name not in {option.name for option in wanted}:
            raise Wrong(f"must be {' or '.join(option.name for option in wanted)} and is {kind}")
        if kind.name == "list" and not (kind.path and kind.path[0] != "#"):
            raise Wrong("must be a list of facts")
        return expression

    return reader.expression(nodes[name], name, compiled) if name in nodes else None


def _evidence(
    nodes: Mapping[str, yaml.Node],
    roots: Mapping[str, Kind],
    reader: Reader,
    decides: Expression | None,
) -> dict[str, Expression]:
    """Without any, the facts that decide."""
    if "evidence" not in nodes:
        paths = decides.checked.facts if decides else ()
        # What is asked of each of several, as of "containers[].image", has no one value to show.
        plain = [path for path in paths if "[" not in path and not path.startswith("params")]
        shown = [path for path in plain if path.count(".") == 1]
        shown += [path for path in paths if path == "item"]
        return {path: Expression(path, roots) for path in sorted(shown)[:MOST_EVIDENCE]}
    node = nodes["evidence"]
    items = node.value if isinstance(node, yaml.SequenceNode) else [node]
    if len(items) > MOST_EVIDENCE:
        reader.wrong(node, f"at most {MOST_EVIDENCE} facts are shown")
        return {}

    def named(text: str) -> Expression:
        tree = syntax.parse(text)
        if tree.data not in {"name", "select", "index"}:
            raise Wrong("names a fact, like container.memory")
        return Expression(text, roots)

    found = {}
    for item in items:
        expression = reader.expression(item, "evidence", named)
        if expression is not None:
            found[expression.text.strip()] = expression
    return found


def _parameters(nodes: Mapping[str, yaml.Node], reader: Reader) -> type[msgspec.Struct]:
    if "parameters" not in nodes:
        return NoParameters
    parts = reader.mapping(nodes["parameters"], "parameters", ())
    if len(parts) > MOST_PARAMETERS:
        reader.wrong(nodes["parameters"], f"there are at most {MOST_PARAMETERS} parameters")
        return NoParameters
    fields = []
    for name, node in parts.items():
        if not _NAME.fullmatch(name) or len(name) > 40:
            reader.wrong(node, "a parameter's name is small letters, digits and underscores")
        elif (field := _parameter(node, reader)) is not None:
            fields.append((name, *field))
    return msgspec.defstruct("Parameters", fields, frozen=True)


def _parameter(node: yaml.Node, reader: Reader) -> tuple[Any, Any] | None:
    parts = reader.mapping(node, "a parameter", ("type", "default", "help"))
    for name in ("type", "default"):
        if name not in parts and isinstance(node, yaml.MappingNode):
            reader.wrong(node, f"{name!r} is missing")
    if "type" not in parts or "default" not in parts:
        return None
    chosen = reader.choice(parts["type"], "type", PARAMETER_TYPES)
    help_text = reader.written(parts["help"], "help", 200) if "help" in parts else ""
    if chosen is None or help_text is None:
        return None
    kind, says = PARAMETER_TYPES[chosen]
    default = reader.value(parts["default"], "default", kind, says)
    if default is None:
        return None
    return Annotated[kind, msgspec.Meta(description=help_text)], default
