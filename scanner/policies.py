"""A policy as people write it: what is set for single rules, checked against the catalogue. Pure.

A rule without a setting is judged, with its own severity and its own parameters.
"""

import enum
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from scanner.rule import Policy, Rule, Severity
from scanner.suggestion import suggestion

Catalogue = Mapping[str, Rule[Any, Any]]
MOST_RULES = 2000


class State(enum.Enum):
    """Shadow: judged and shown to administrators, never counted."""

    ON = "on"
    SHADOW = "shadow"
    OFF = "off"


class Setting(msgspec.Struct, frozen=True, omit_defaults=True):
    """`severity` None is the rule's own; `parameters` are only those that differ from its own, as
    plain values."""

    state: State = State.ON
    severity: Severity | None = None
    parameters: dict[str, Any] = {}


Settings = Mapping[str, Setting]
"""By slug; a rule that is left as it is has none."""
PLAIN = Setting()


class Problem(NamedTuple):
    """Something that cannot be accepted. `path` leads to it from the rules: a slug, a key, a
    parameter, and deeper; `of_key` where it is the last name of the path that is wrong."""

    path: tuple[str | int, ...]
    message: str
    of_key: bool = False


def read(raw: Mapping[Any, Any], catalogue: Catalogue) -> tuple[dict[str, Setting], list[Problem]]:
    """Plain values, as of YAML, JSON or a form, into settings. What equals the rule's own is left
    out; what is wrong is left out too, and named.

    A setting is a mapping of `state`, `severity` and `parameters`, or the state alone.
    """
    found: dict[str, Setting] = {}
    wrong: list[Problem] = []
    if len(raw) > MOST_RULES:
        return {}, [Problem((), f"has {len(raw)} rules; at most {MOST_RULES} are read")]
    for slug, value in raw.items():
        rule = catalogue.get(slug) if isinstance(slug, str) else None
        if rule is None:
            hint = suggestion(str(slug), catalogue) or "`plimsoll rules` lists them"
            message = f"there is no rule {str(slug)[:80]!r}; {hint}"
            wrong.append(Problem((str(slug),), message, of_key=True))
            continue
        setting, problems = _setting(value, rule)
        wrong += [problem._replace(path=(slug, *problem.path)) for problem in problems]
        if setting != PLAIN:
            found[slug] = setting
    return found, wrong


def _setting(raw: Any, rule: Rule[Any, Any]) -> tuple[Setting, list[Problem]]:
    if raw is None:
        return PLAIN, []
    if isinstance(raw, str | bool):
        raw = {"state": raw}
    if not isinstance(raw, Mapping):
        return PLAIN, [Problem((), "a setting has state, severity or parameters")]
    wrong = list(_unknown(raw, Setting.__struct_fields__, "a setting has no key"))
    state = _choice(State, raw, "state", wrong)
    severity = _choice(Severity, raw, "severity", wrong)
    given = raw.get("parameters")
    parameters: dict[str, Any] = {}
    if given is not None and not isinstance(given, Mapping):
        wrong.append(Problem(("parameters",), "parameters are a mapping of names to values"))
    elif given:
        parameters, problems = _parameters(given, rule)
        wrong += [problem._replace(path=("parameters", *problem.path)) for problem in problems]
    return (
        Setting(state or State.ON, None if severity is rule.severity else severity, parameters),
        wrong,
    )


def _choice(kind: Any, raw: Mapping[Any, Any], key: str, wrong: list[Problem]) -> Any:
    """None where it is not given, or is wrong."""
    value = raw.get(key)
    if value is None:
        return None
    names = [option.value for option in kind]
    text = {True: "on", False: "off"}.get(value, "") if isinstance(value, bool) else value
    if text in names:
        return kind(text)
    hint = f"{', '.join(names[:-1])} or {names[-1]}"
    wrong.append(Problem((key,), f"{_shown(value)} is no {key}; it is one of {hint}"))
    return None


def _parameters(
    given: Mapping[Any, Any], rule: Rule[Any, Any]
) -> tuple[dict[str, Any], list[Problem]]:
    fields = {field.name: field for field in msgspec.structs.fields(rule.parameters)}
    if not fields:
        return {}, [Problem((), "this rule has no parameters")]
    wrong = list(_unknown(given, fields, "this rule has no parameter"))
    own = rule.parameters()
    found = {}
    for name, field in fields.items():
        if name not in given:
            continue
        try:
            value = msgspec.convert(given[name], field.type)
        except msgspec.ValidationError as error:
            wrong.append(_told(name, str(error)))
            continue
        if value != getattr(own, name):
            found[name] = _plain(value)
    return found, wrong


def _unknown(raw: Mapping[Any, Any], known: Iterable[str], words: str) -> Iterable[Problem]:
    names = list(known)
    for key in raw:
        if key not in names:
            hint = suggestion(str(key), names) or f"there is {', '.join(names)}"
            yield Problem((str(key),), f"{words} {str(key)[:80]!r}; {hint}", of_key=True)


_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}


def _told(name: str, said: str) -> Problem:
    """A message of msgspec's, such as "Expected `int`, got `str` - at `$[0]`", in plain words."""
    message, _, place = said.partition(" - at ")
    steps: list[str | int] = [int(step) for step in re.findall(r"\[(\d+)\]", place)]
    message = re.sub(r"`(\w+)`", lambda m: _KINDS.get(m[1], m[1]), message)
    message = message.replace("`", "").replace("Expected ", "must be ", 1).replace(", got", ", not")
    return Problem((name, *steps), f"{name} {message}"[:300])


def _plain(value: Any) -> Any:
    """As JSON knows it, which has no tuples: what is stored equals what is read again."""
    return msgspec.json.decode(msgspec.json.encode(value))


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else str(value)
    return repr(text[:80])


class Parameter(NamedTuple):
    """What a rule can be set to. `own` is its value as plain values, where nothing is set."""

    name: str
    what: str
    type: Any
    own: Any


def parameters(rule: Rule[Any, Any]) -> list[Parameter]:
    own = rule.parameters()
    described = msgspec.json.schema(rule.parameters)
    reference = described.get("$ref", "").rpartition("/")[2]
    properties = described.get("$defs", {}).get(reference, described).get("properties", {})
    return [
        Parameter(
            field.name,
            properties.get(field.name, {}).get("description", ""),
            field.type,
            _plain(getattr(own, field.name)),
        )
        for field in msgspec.structs.fields(rule.parameters)
    ]


def stored(body: Mapping[str, Any]) -> dict[str, Setting]:
    """Settings that `plain` gave once, whatever the catalogue has become since."""
    return msgspec.convert(body, dict[str, Setting])


def plain(settings: Settings) -> dict[str, Any]:
    """For JSON."""
    found: dict[str, Any] = msgspec.to_builtins(dict(sorted(settings.items())))
    return found


def policy(settings: Settings) -> Policy:
    """What the evaluator takes."""
    return Policy(
        off=frozenset(slug for slug, found in settings.items() if found.state is State.OFF),
        shadow=frozenset(slug for slug, found in settings.items() if found.state is State.SHADOW),
        parameters={slug: found.parameters for slug, found in settings.items() if found.parameters},
        severities={slug: found.severity for slug, found in settings.items() if found.severity},
    )


def changed(before: Settings, after: Settings) -> frozenset[str]:
    """The rules whose setting is not the same in both."""
    return frozenset(
        slug
        for slug in before.keys() | after.keys()
        if before.get(slug, PLAIN) != after.get(slug, PLAIN)
    )
