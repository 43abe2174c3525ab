"""A policy as a YAML file: read with the line of all that is wrong with it, and written. Pure."""

import re
import textwrap
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from scanner import policies
from scanner.custom import Problem, Refused, document
from scanner.policies import Catalogue, Setting, Settings, State
from scanner.suggestion import suggestion

SCHEMA = 1
MOST_CHARACTERS = 256 * 1024
_MOST_PARTS = 40_000
_KEYS = ("policy", "name", "description", "rules")
_TEXTS = {"name": 100, "description": 500}
_STANDARD = "tag:yaml.org,2002:"
_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")


class PolicyFile(NamedTuple):
    name: str
    description: str
    settings: dict[str, Setting]


def read(text: str, catalogue: Catalogue) -> PolicyFile:
    """Raises Refused with all that is wrong, each with its line and column."""
    if len(text) > MOST_CHARACTERS:
        raise Refused([Problem(1, 1, f"has {len(text)} characters; at most {MOST_CHARACTERS}")])
    roots = document.documents(text, most_parts=_MOST_PARTS)
    if len(roots) != 1:
        raise Refused([Problem(1, 1, f"a file holds one policy, not {len(roots) or 'none'}")])
    problems: list[Problem] = []
    nodes = _mapping(roots[0], problems)
    if nodes is None:
        raise Refused([_at(roots[0], "a policy is a mapping of policy, name and rules")])
    for key, (node, _) in nodes.items():
        if key not in _KEYS:
            hint = suggestion(key, _KEYS) or f"there is {', '.join(_KEYS)}"
            problems.append(_at(node, f"a policy has no key {key[:80]!r}; {hint}"))
    schema = _value(nodes["policy"][1], problems) if "policy" in nodes else None
    if schema != SCHEMA:
        place = nodes["policy"][1] if "policy" in nodes else roots[0]
        problems.append(_at(place, f"a policy begins with `policy: {SCHEMA}`"))
    texts = {key: _text(key, nodes, roots[0], problems) for key in _TEXTS}
    settings = _rules(nodes["rules"][1], catalogue, problems) if "rules" in nodes else {}
    if problems:
        raise Refused(problems)
    return PolicyFile(texts["name"], texts["description"], settings)


def _text(key: str, nodes: Any, root: yaml.Node, problems: list[Problem]) -> str:
    if key not in nodes:
        if key == "name":
            problems.append(_at(root, "'name' is missing"))
        return ""
    node = nodes[key][1]
    if not isinstance(node, yaml.ScalarNode):
        problems.append(_at(node, f"{key} is a text"))
        return ""
    found = " ".join(str(node.value).split())
    if len(found) > _TEXTS[key] or not found.isprintable() or (key == "name" and not found):
        problems.append(_at(node, f"{key} has at most {_TEXTS[key]} printable characters"))
    return found


def _rules(node: yaml.Node, catalogue: Catalogue, problems: list[Problem]) -> dict[str, Setting]:
    raw = _value(node, problems)
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        problems.append(_at(node, "rules are a mapping of slugs to settings"))
        return {}
    settings, wrong = policies.read(raw, catalogue)
    problems += [_at(_find(node, problem), problem.message) for problem in wrong]
    return settings


def _find(node: yaml.Node, problem: policies.Problem) -> yaml.Node:
    """The node that the problem is about, as near as the path leads."""
    for place, step in enumerate(problem.path):
        last = place == len(problem.path) - 1
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == step), None)
            if pair is None:
                return node
            node = pair[0] if last and problem.of_key else pair[1]
        elif (
            isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value)
        ):
            node = node.value[step]
    return node


def _mapping(
    node: yaml.Node, problems: list[Problem]
) -> dict[str, tuple[yaml.Node, yaml.Node]] | None:
    """Key and value by the key's text; None where it is no mapping."""
    if not isinstance(node, yaml.MappingNode):
        return None
    found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            problems.append(_at(key, "a key is a text"))
        elif key.value in found:
            first = found[key.value][0].start_mark.line + 1
            problems.append(
                _at(key, f"{key.value[:80]!r} stands here twice, first in line {first}")
            )
        else:
            found[key.value] = (key, value)
    return found


def _value(node: yaml.Node, problems: list[Problem]) -> Any:
    """Plain values. Words like yes and off stay texts: only true and false are anything else."""
    if not str(node.tag).startswith(_STANDARD) or "python" in str(node.tag):
        problems.append(_at(node, f"the tag {str(node.tag)[:80]!r} is not read"))
        return None
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, problems) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        pairs = _mapping(node, problems) or {}
        return {key: _value(value, problems) for key, (_, value) in pairs.items()}
    return _scalar(str(node.value), str(node.tag).removeprefix(_STANDARD))


def _scalar(text: str, kind: str) -> Any:
    if kind == "null":
        return None
    if kind == "bool" and text.lower() in {"true", "false"}:
        return text.lower() == "true"
    if kind == "int" and _NUMBER.fullmatch(text):
        return int(text)
    return text


def _at(node: yaml.Node, message: str) -> Problem:
    return Problem(node.start_mark.line + 1, node.start_mark.column + 1, message)


def write(
    name: str,
    description: str,
    settings: Settings,
    catalogue: Catalogue,
    *,
    full: bool = False,
) -> str:
    """YAML that `read` takes, always the same for the same policy. What is not in it is as each
    rule comes; `full` writes that too, with what each parameter means."""
    head = {"policy": SCHEMA, "name": name}
    if description:
        head["description"] = description
    rules = _full(settings, catalogue) if full else _set(settings, catalogue)
    body = "".join(rules)
    return _yaml(head) + (f"rules:\n{body}" if body else "rules: {}\n")


def _set(settings: Settings, catalogue: Catalogue) -> Iterator[str]:
    for slug, found in sorted(settings.items()):
        if slug in catalogue:
            yield f"  # {catalogue[slug].title}\n"
        yield f"  {slug}:\n"
        if found.state is not State.ON:
            yield f"    state: {found.state.value}\n"
        if found.severity:
            yield f"    severity: {found.severity.value}\n"
        if found.parameters:
            yield textwrap.indent(_yaml({"parameters": found.parameters}), "    ")


def _full(settings: Settings, catalogue: Catalogue) -> Iterator[str]:
    for slug, rule in catalogue.items():
        found = settings.get(slug, policies.PLAIN)
        yield f"  # {rule.title}\n  {slug}:\n"
        yield f"    state: {found.state.value}\n"
        yield f"    severity: {(found.severity or rule.severity).value}\n"
        parameters = policies.parameters(rule)
        if parameters:
            yield "    parameters:\n"
        for parameter in parameters:
            yield textwrap.indent(textwrap.fill(parameter.what, 80), "      # ") + "\n"
            value = found.parameters.get(parameter.name, parameter.own)
            yield textwrap.indent(_yaml({parameter.name: value}), "      ")


def _yaml(value: Any) -> str:
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=88))
