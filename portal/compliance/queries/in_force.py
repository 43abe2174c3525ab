"""How policies set the rules, for the pages of the rules."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from portal.core import display
from portal.policies import forms
from portal.policies import queries as policies
from portal.policies.models import PolicyVersion
from scanner import Rule
from scanner.policies import PLAIN, Setting, State
from scanner.policies import parameters as parameters_of

ON, SHADOW, OFF, CHANGED = State.ON.value, State.SHADOW.value, State.OFF.value, "changed"
STATES = {**{state.value: label for state, label in forms.STATES.items()}, CHANGED: "Changed"}
"""What a policy can do with a rule; "changed" is on with another severity or other parameters."""


class InForce(NamedTuple):
    """What one policy does with a rule, in its newest version."""

    version: PolicyVersion
    setting: Setting

    @property
    def name(self) -> str:
        return self.version.policy.name

    @property
    def slug(self) -> str:
        return self.version.policy.slug

    @property
    def default(self) -> bool:
        return self.version.policy.default

    @property
    def state(self) -> str:
        changed = self.setting.severity is not None or self.setting.parameters
        return CHANGED if self.setting.state.value == ON and changed else self.setting.state.value

    @property
    def label(self) -> str:
        return STATES[self.state]

    @property
    def severity(self) -> str:
        """The one that replaces the rule's own; "" where it stays."""
        return self.setting.severity.value if self.setting.severity else ""

    @property
    def author(self) -> str:
        return str(self.version.author) if self.version.author else "Plimsoll"

    @property
    def at(self) -> datetime:
        return self.version.at


class Settings:
    """Of every policy, the default first. One query."""

    def __init__(self) -> None:
        found = sorted(
            policies.latest().values(), key=lambda row: (not row.policy.default, row.policy.name)
        )
        self._policies = [(row, policies.settings_of(row)) for row in found]

    def of(self, slug: str) -> list[InForce]:
        return [InForce(version, settings.get(slug, PLAIN)) for version, settings in self._policies]


def summary(found: list[InForce]) -> str:
    """What all policies do with a rule in a few words, such as "Off in Baseline, in shadow in
    Edge"; "" where every one leaves it as it is."""
    other = [row for row in found if row.state != ON]
    if len(found) == 1:
        return other[0].label if other else ""
    by_state: dict[str, list[str]] = {}
    for row in other:
        by_state.setdefault(row.label, []).append(row.name)
    parts = [f"{label} in {' and '.join(names)}" for label, names in by_state.items()]
    return ", ".join(parts[:1] + [part[0].lower() + part[1:] for part in parts[1:]])


class Parameter(NamedTuple):
    """`values` are those in force, each with the names of the policies that set it so; "" stands
    for every other policy."""

    name: str
    what: str
    default: str
    values: list[tuple[str, str]]

    @property
    def changed(self) -> bool:
        return any(value != self.default for value, _ in self.values)


def parameters(rule: Rule[Any, Any], found: list[InForce]) -> list[Parameter]:
    """What the rule can be set to, with the values in force."""
    shown = []
    for parameter in parameters_of(rule):
        default = written(parameter.own)
        values = _values(parameter.name, default, found)
        shown.append(Parameter(parameter.name, parameter.what, default, values))
    return shown


def _values(name: str, default: str, found: list[InForce]) -> list[tuple[str, str]]:
    set_by: dict[str, list[str]] = {}
    for row in found:
        given: Mapping[str, Any] = row.setting.parameters
        value = written(given[name]) if name in given else default
        set_by.setdefault(value, []).append(row.name)
    if len(set_by) <= 1:
        return [(value, "") for value in set_by or {default: []}]
    return [(value, ", ".join(names)) for value, names in set_by.items()]


def written(value: Any) -> str:
    if value in ([], {}, "", ()):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(display.fact, value))
    return display.fact(value)
