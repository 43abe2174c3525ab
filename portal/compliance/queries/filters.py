"""What a list of findings is asked for: the query string and the search field, understood."""

import difflib
import re
from collections.abc import Iterable
from typing import NamedTuple

from django.db.models import Q
from django.http import QueryDict

from portal.compliance.models import Severity, State, Verdict
from portal.fleet.queries import Scope
from portal.policies.queries import FAMILIES, catalogue

SEVERITIES = {str(level.label).lower(): int(level) for level in reversed(Severity)}
KEYS = ("rule", "host", "severity", "is", "owner", "image", "container")
_IS = {**{state: ("states", state) for state in State.values}, "unknown": ("verdicts", "unknown")}
_TOKEN = re.compile(r'(?:(\w+):)?("[^"]*"?|\S+)')
_MOST = 50

# In SQL what models.state_of says.
_FIXING = (Verdict.PASS, Verdict.NOT_APPLICABLE)
_CLOSED = Q(open=False, first_failed_at__isnull=False)
STATES = {
    State.OPEN: Q(open=True),
    State.FIXED: _CLOSED & Q(verdict__in=_FIXING),
    State.GONE: _CLOSED & Q(gone_at__isnull=False, verdict__in=(Verdict.FAIL, Verdict.UNKNOWN)),
}


class Problem(NamedTuple):
    """What of a search was not understood; `instead` is a search that would be."""

    text: str
    instead: str = ""


class Filters(NamedTuple):
    """Within one field any value will do, and every field has to. Empty fields filter nothing."""

    states: frozenset[str] = frozenset()
    verdicts: frozenset[str] = frozenset()
    severities: frozenset[int] = frozenset()
    families: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    containers: frozenset[str] = frozenset()
    host_names: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()
    images: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()

    @property
    def shown_states(self) -> frozenset[str]:
        """Open findings, where neither a state nor a verdict is asked for."""
        if self.states or self.verdicts:
            return self.states
        return frozenset({State.OPEN.value})

    @property
    def of_results(self) -> bool:
        """Whether something is asked for that only the results know, and not their counts."""
        return bool(self.containers or self.images or self.words)

    def counts(self, scope: Scope, *besides: str) -> Q:
        """A condition on Tally; what is asked of the fields `besides` is left out."""
        asked = self._without(besides)
        found = asked._of_both(scope)
        if states := _all_but(besides, "states", self.shown_states):
            found &= Q(state__in=states)
        if verdicts := _all_but(besides, "verdicts", self.verdicts):
            found &= Q(verdict__in=verdicts)
        return found

    def results(self, scope: Scope, *besides: str) -> Q:
        """The same condition on Result."""
        asked = self._without(besides)
        found = asked._of_both(scope)
        if states := _all_but(besides, "states", self.shown_states):
            found &= _any(STATES[State(state)] for state in sorted(states))
        if verdicts := _all_but(besides, "verdicts", self.verdicts):
            found &= Q(verdict__in=verdicts, gone_at__isnull=True)
        if asked.containers:
            names = _any(Q(subject__iexact=name) for name in sorted(asked.containers))
            found &= Q(subject_kind="container") & names
        for image in sorted(asked.images):
            found &= Q(container__image__icontains=image) | Q(
                subject_kind="image", subject__icontains=image
            )
        for word in sorted(asked.words):
            found &= (
                Q(subject__icontains=word)
                | Q(sub_object__icontains=word)
                | Q(host__name__icontains=word)
                | Q(rule__in=_rules_with(word))
            )
        return found

    def _without(self, besides: tuple[str, ...]) -> "Filters":
        return self._replace(**dict.fromkeys(besides, frozenset()))

    def _of_both(self, scope: Scope) -> Q:
        """What holds of results and their counts alike."""
        found = scope.condition("host__")
        if self.severities:
            found &= Q(severity__in=self.severities)
        if self.families or self.rules:
            found &= Q(rule__in=self.chosen_rules)
        if self.hosts:
            found &= Q(host__slug__in=self.hosts)
        if self.host_names:
            found &= _any(Q(host__name__icontains=name) for name in sorted(self.host_names))
        if self.owners:
            found &= _any(Q(host__group__owner__iexact=owner) for owner in sorted(self.owners))
        return found

    @property
    def chosen_rules(self) -> list[str]:
        families = self.families or set(FAMILIES)
        rules = catalogue()
        within = {rule.slug for rule in rules.values() if rule.family.value in families}
        # A rule that is no longer among ours has no family, but may still have a history.
        unknown = set() if self.families else self.rules - set(rules)
        return sorted(within & self.rules | unknown if self.rules else within)


class Asked(NamedTuple):
    """`filters` are what the whole query string asks for, `search` is the text of its field."""

    filters: Filters
    search: str = ""
    problems: tuple[Problem, ...] = ()


def asked(query: QueryDict) -> Asked:
    """Values that are none of a short list are left out; of names, they match nothing."""
    search = _clean(query.get("q", ""), 500)
    found: dict[str, set[object]] = {name: set() for name in Filters._fields}
    for name, known in (
        ("states", State.values),
        ("verdicts", Verdict.values),
        ("families", FAMILIES),
    ):
        found[name] |= _values(query, _PARAMETERS[name]) & set(known)
    found["severities"] |= {
        SEVERITIES[value] for value in _values(query, "severity") if value in SEVERITIES
    }
    for name in ("rules", "hosts", "containers"):
        found[name] |= _values(query, _PARAMETERS[name])
    problems = [problem for key, value in _tokens(search) for problem in _put(found, key, value)]
    filters = Filters(**{name: frozenset(values) for name, values in found.items()})  # type: ignore[arg-type]
    return Asked(filters, search, tuple(problems))


_PARAMETERS = {
    "states": "state",
    "verdicts": "verdict",
    "severities": "severity",
    "families": "family",
    "rules": "rule",
    "hosts": "host",
    "containers": "container",
}
PARAMETERS = (*_PARAMETERS.values(), "q")


def _put(found: dict[str, set[object]], key: str, value: str) -> list[Problem]:
    """One word of the search field."""
    if not key:
        found["words"].add(value)
    elif key == "rule":
        return _put_rule(found, value)
    elif key in ("severity", "is"):
        known = SEVERITIES if key == "severity" else _IS
        if value.lower() not in known:
            return [_no_value(key, value, known)]
        if key == "severity":
            found["severities"].add(SEVERITIES[value.lower()])
        else:
            field, meant = _IS[value.lower()]
            found[field].add(meant)
    elif key in KEYS:
        field = {"host": "host_names"}.get(key, f"{key}s")
        found[field].add(value)
    elif close := difflib.get_close_matches(key, KEYS, n=1, cutoff=0.6):
        return [Problem(f"There is no search key “{key}:”.", f"{close[0]}:{_quoted(value)}")]
    else:
        found["words"].add(f"{key}:{value}")
        keys = ", ".join(f"{name}:" for name in KEYS)
        return [Problem(f"“{key}:” is no search key and was looked for as text. Keys are {keys}")]
    return []


def _put_rule(found: dict[str, set[object]], value: str) -> list[Problem]:
    rules = catalogue()
    slugs = {value} if value in rules else {slug for slug in rules if value.lower() in slug}
    found["rules"] |= slugs or {value}
    if slugs:
        return []
    close = difflib.get_close_matches(value.lower(), rules, n=1)
    return [Problem(f"There is no rule “{value}”.", f"rule:{close[0]}" if close else "")]


def _no_value(key: str, value: str, known: Iterable[str]) -> Problem:
    values = list(known)
    close = difflib.get_close_matches(value.lower(), values, n=1)
    listed = f"{', '.join(values[:-1])} or {values[-1]}"
    instead = f"{key}:{close[0]}" if close else ""
    return Problem(f"“{key}:” takes {listed}, not “{value}”.", instead)


def _tokens(search: str) -> list[tuple[str, str]]:
    found = []
    for key, value in _TOKEN.findall(search)[:_MOST]:
        value = value.strip('"').strip()
        if value:
            found.append((key.lower(), value))
    return found


def without(search: str, *keys: str) -> str:
    """The search without its words of these keys."""
    words = [(key, value) for key, value in _tokens(search) if key not in keys]
    return " ".join(f"{key}:{_quoted(value)}" if key else _quoted(value) for key, value in words)


def _quoted(value: str) -> str:
    return f'"{value}"' if " " in value else value


def _values(query: QueryDict, name: str) -> set[str]:
    return {_clean(value, 300) for value in query.getlist(name)[:_MOST]} - {""}


def _clean(value: str, most: int) -> str:
    """Without what PostgreSQL's text cannot hold."""
    kept = value[:most].replace("\0", "").encode("utf-8", "ignore").decode()
    return kept.strip()


def _rules_with(word: str) -> list[str]:
    word = word.lower()
    rules = catalogue().values()
    return [rule.slug for rule in rules if word in rule.slug or word in rule.title.lower()]


def _any(conditions: Iterable[Q]) -> Q:
    found = Q()
    for condition in conditions:
        found |= condition
    return found


def _all_but(besides: tuple[str, ...], name: str, values: frozenset[str]) -> frozenset[str]:
    return frozenset() if name in besides else values
