"""A policy as a form: every rule with its state, its severity and its parameters as typed fields.

What is wrong with it is decided by scanner.policies, as for a file; here it finds its field.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec import inspect

from scanner import Rule, policies
from scanner.policies import PLAIN, Parameter, Setting, Settings, State
from scanner.rule import Severity

STATES = {State.ON: "On", State.SHADOW: "In shadow", State.OFF: "Off"}
SEVERITIES = tuple(severity.value for severity in reversed(Severity))
_WHOLE = re.compile(r"[-+]?\d{1,18}")


class Field(NamedTuple):
    """One parameter. `kind` is "number", "switch", "text", "lines" or "pairs"; `text` is what
    stands in the field, `own` the same for the rule's own value. `least` and `most` bound a
    number, or are empty."""

    name: str
    label: str
    help: str
    kind: str
    text: str
    own: str
    least: str
    most: str
    error: str

    @property
    def id(self) -> str:
        return self.name.replace(":", "-")

    @property
    def rows(self) -> int:
        return min(max(self.text.count("\n") + 1, 2), 8)

    @property
    def set(self) -> bool:
        return self.text.split() != self.own.split()

    @property
    def own_in_words(self) -> str:
        if self.kind == "switch":
            return "yes" if self.own == "true" else "no"
        return "; ".join(self.own.split("\n")) if self.own else "none"


class Row(NamedTuple):
    """One rule of the form. `severity` is "" where it is the rule's own."""

    rule: Rule[Any, Any]
    state: str
    severity: str
    fields: list[Field]
    errors: list[str]

    @property
    def set(self) -> bool:
        """True where it is not as the rule comes."""
        return (
            self.state != State.ON.value
            or self.severity not in ("", self.rule.severity.value)
            or any(field.set for field in self.fields)
        )

    @property
    def wrong(self) -> bool:
        return bool(self.errors) or any(field.error for field in self.fields)

    @property
    def fields_set(self) -> int:
        return sum(field.set for field in self.fields)


class Family(NamedTuple):
    name: str
    label: str
    rows: list[Row]

    @property
    def set(self) -> int:
        return sum(row.set for row in self.rows)

    @property
    def open(self) -> bool:
        """Worth unfolding at once."""
        return any(row.set or row.wrong for row in self.rows)


class Mistake(NamedTuple):
    """For the list above a form; `id` is that of the field."""

    id: str
    message: str


class RulesForm:
    """`settings` are what it begins with; `data` is what was sent, or None.

    Rules that were not sent keep what they had, so that a form that was opened before a rule was
    added does not undo what was set for it.
    """

    def __init__(
        self,
        catalogue: Mapping[str, Rule[Any, Any]],
        settings: Settings,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        self.settings: Settings = settings
        self.problems: dict[tuple[str | int, ...], str] = {}
        raw = {slug: _raw(slug, rule, settings, data) for slug, rule in catalogue.items()}
        if data is not None:
            gone = {slug: found for slug, found in settings.items() if slug not in catalogue}
            found, problems = policies.read(raw, catalogue)
            self.settings = {**gone, **found}
            self.problems = {problem.path: problem.message for problem in problems}
        self.rows = [_row(rule, raw[slug], self.problems) for slug, rule in catalogue.items()]

    @property
    def mistakes(self) -> list[Mistake]:
        """In the order of the form."""
        found = []
        for row in self.rows:
            found += [Mistake(f"state-{row.rule.slug}", error) for error in row.errors]
            found += [
                Mistake(field.id, f"{row.rule.title}: {field.error}")
                for field in row.fields
                if field.error
            ]
        return found

    def families(self) -> list[Family]:
        grouped: dict[str, Family] = {}
        for row in self.rows:
            family = row.rule.family
            grouped.setdefault(family.value, Family(family.value, family.label, [])).rows.append(
                row
            )
        return list(grouped.values())


def _raw(
    slug: str, rule: Rule[Any, Any], settings: Settings, data: Mapping[str, Any] | None
) -> dict[str, Any]:
    """A rule's setting as plain values, as `scanner.policies.read` takes them."""
    setting = settings.get(slug, PLAIN)
    parameters = {p.name: setting.parameters.get(p.name, p.own) for p in policies.parameters(rule)}
    raw: dict[str, Any] = {
        "state": setting.state.value,
        "severity": setting.severity.value if setting.severity else None,
    }
    if data is not None and f"state:{slug}" in data:
        raw = {
            "state": data[f"state:{slug}"],
            "severity": data.get(f"severity:{slug}") or None,
        }
        for parameter in policies.parameters(rule):
            text = data.get(f"set:{slug}:{parameter.name}")
            if text is not None:
                parameters[parameter.name] = parsed(parameter.type, text)
    return {**raw, "parameters": parameters} if parameters else raw


def _row(
    rule: Rule[Any, Any], raw: Mapping[str, Any], problems: Mapping[tuple[str | int, ...], str]
) -> Row:
    slug = rule.slug
    its = {path[1:]: message for path, message in problems.items() if path[:1] == (slug,)}
    fields = []
    for parameter in policies.parameters(rule):
        path = ("parameters", parameter.name)
        errors = [message for place, message in its.items() if place[:2] == path]
        fields.append(_field(slug, parameter, raw["parameters"][parameter.name], errors))
    others = [message for place, message in its.items() if place[:1] != ("parameters",)]
    return Row(rule, str(raw["state"]), str(raw["severity"] or ""), fields, others)


def _field(slug: str, parameter: Parameter, value: Any, errors: list[str]) -> Field:
    kind, bounds = _kind(parameter.type)
    return Field(
        name=f"set:{slug}:{parameter.name}",
        label=parameter.name.replace("_", " "),
        help=parameter.what,
        kind=kind,
        text=written(value),
        own=written(parameter.own),
        least="" if bounds[0] is None else str(bounds[0]),
        most="" if bounds[1] is None else str(bounds[1]),
        error="; ".join(errors),
    )


# --- values as texts


def written(value: Any) -> str:
    """A list has a line for each item; a mapping has "name: value", lists in it with commas."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "\n".join(f"{name}: {_inline(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return "\n".join(map(str, value))
    return str(value)


def _inline(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def parsed(kind: Any, text: str) -> Any:
    """The plain value that a text means for a parameter of this type. A text that is none is given
    as it is: whoever converts it says what is wrong."""
    return _parsed(inspect.type_info(kind), text.replace("\r\n", "\n"))


def _parsed(info: Any, text: str) -> Any:
    info = _bare(info)
    if isinstance(info, inspect.BoolType):
        return {"true": True, "false": False}.get(text.strip(), text)
    if isinstance(info, inspect.IntType):
        return int(text) if _WHOLE.fullmatch(text := text.strip()) else text
    if isinstance(info, inspect.DictType):
        return _pairs(info, text)
    if isinstance(info, _LISTS):
        return [_parsed(info.item_type, item) for item in _items(text, "\n")]
    return text.strip()


def _pairs(info: inspect.DictType, text: str) -> Any:
    found: dict[str, Any] = {}
    for line in _items(text, "\n"):
        # The name may hold colons itself, as an image with a port does; a value never does.
        name, colon, value = line.rpartition(":")
        if not colon:
            return text
        inner = _bare(info.value_type)
        if isinstance(inner, _LISTS):
            found[name.strip()] = [_parsed(inner.item_type, each) for each in _items(value, ",")]
        else:
            found[name.strip()] = _parsed(inner, value)
    return found


def _items(text: str, between: str) -> Iterable[str]:
    return [item.strip() for item in text.split(between) if item.strip()]


_LISTS = (
    inspect.VarTupleType,
    inspect.ListType,
    inspect.SetType,
    inspect.FrozenSetType,
)


def _bare(info: Any) -> Any:
    return info.type if isinstance(info, inspect.Metadata) else info


def _kind(kind: Any) -> tuple[str, tuple[int | None, int | None]]:
    info = _bare(inspect.type_info(kind))
    if isinstance(info, inspect.BoolType):
        return "switch", (None, None)
    if isinstance(info, inspect.IntType):
        return "number", (info.ge, info.le)
    if isinstance(info, inspect.DictType):
        return "pairs", (None, None)
    if isinstance(info, _LISTS):
        return "lines", (None, None)
    return "text", (None, None)


# --- what two versions differ in


class Difference(NamedTuple):
    """One thing that is not the same. `what` is "state", "severity" or the name of a parameter."""

    rule: str
    title: str
    what: str
    before: str
    after: str


def differences(
    before: Settings, after: Settings, catalogue: Mapping[str, Rule[Any, Any]]
) -> list[Difference]:
    """By rule, in the order of their slugs."""
    found = []
    for slug in sorted(policies.changed(before, after)):
        rule = catalogue.get(slug)
        title = rule.title if rule else slug
        old, new = before.get(slug, PLAIN), after.get(slug, PLAIN)
        pairs = [("state", STATES[old.state], STATES[new.state])]
        pairs.append(("severity", _severity(old, rule), _severity(new, rule)))
        own = {p.name: p.own for p in policies.parameters(rule)} if rule else {}
        for name in sorted({*old.parameters, *new.parameters}):
            values = [each.parameters.get(name, own.get(name)) for each in (old, new)]
            pairs.append((name, *map(_shown, values)))  # type: ignore[arg-type]
        found += [Difference(slug, title, what, was, now) for what, was, now in pairs if was != now]
    return found


def _severity(setting: Setting, rule: Rule[Any, Any] | None) -> str:
    if setting.severity:
        return setting.severity.value.capitalize()
    return f"{rule.severity.value.capitalize()} (its own)" if rule else "its own"


def _shown(value: Any) -> str:
    if value is None:
        return "its own"
    text = written(msgspec.to_builtins(value))
    return text or "none"
