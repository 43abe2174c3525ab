"""What a host was, and what people did to it: for the tab History of its page."""

import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from portal.compliance.queries.finding import Entry
from portal.core import display
from portal.core.models import AuditEntry
from portal.fleet import queries as fleet
from portal.fleet.models import ConfigVersion, Group, Host
from portal.overview.queries.engine import LABELS, plain

SHOWN = 30
_NAMES_SHOWN = 5
_ACTS = {
    "fleet.add_host": "registered the host",
    "fleet.edit_host": "edited the host",
    "fleet.set_credentials": "set other credentials",
    "fleet.forget_credentials": "removed the credentials",
    "schedules.choose": "chose another schedule",
}
_LISTED = {"networks": "network", "volumes": "volume", "images": "image"}


def history(host: Host) -> list[Entry]:
    """The newest first: what scans saw to change, and acts of people; the last SHOWN of each. At
    most three queries."""
    return sorted([*_seen(host), *_done(host)], key=lambda entry: entry.at, reverse=True)


def _seen(host: Host) -> list[Entry]:
    versions = fleet.host_versions(host, SHOWN + 1)
    found = []
    for new, old in itertools.pairwise(versions):
        said = [
            *_said(_engine, old.engine, new.engine),
            *_said(_around, old.surroundings, new.surroundings),
        ]
        text = "The engine or what surrounds its containers changed"
        found.append(Entry(new.at, text, "history", "na", "; ".join(said)))
    if versions and len(versions) <= SHOWN:
        found.append(Entry(versions[-1].at, "First read", "eye", "na"))
    return found


def _said(
    compare: Callable[[Mapping[str, Any], Mapping[str, Any]], list[str]],
    old: ConfigVersion,
    new: ConfigVersion,
) -> list[str]:
    before, after = fleet.decoded(old), fleet.decoded(new)
    if before is None or after is None:
        return ["what is stored of it cannot be understood any more"]
    return compare(before, after)


def _engine(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [
        f"{LABELS.get(name, name)}: {_words(name, old)} → {_words(name, new)}"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def _words(name: str, engine: Mapping[str, Any]) -> str:
    if name not in engine:
        return "not read"
    if name == "memory" and isinstance(engine[name], int):
        return display.iec_bytes(engine[name])
    return _short(plain(engine[name]))


def _short(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:119]}…"


def _around(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    said = []
    for part, noun in _LISTED.items():
        before, after = _names(part, old), _names(part, new)
        if before is None or after is None:
            if before is not after:
                what = "could not be read any more" if after is None else "could be read again"
                said.append(f"{noun}s {what}")
            continue
        if before == after and old.get(part) != new.get(part):
            said.append(f"details of {noun}s changed")
        said += _counted(noun, "new", after - before)
        said += _counted(noun, "gone", before - after)
    said += [
        f"{words} changed"
        for part, words in (("machine", "what was read of the machine"), ("swarm", "the swarm"))
        if old.get(part) != new.get(part)
    ]
    if old.get("reached") != new.get("reached"):
        said.append(f"reached over {new.get('reached') or 'another way'}")
    return said


def _names(part: str, around: Mapping[str, Any]) -> set[str] | None:
    rows = around.get(part)
    if not isinstance(rows, list):
        return None
    return {_name(row) for row in rows}


def _name(row: Mapping[str, Any]) -> str:
    tags = row.get("tags") or row.get("digests") or ()
    return str(row.get("name") or (min(tags) if tags else row.get("id", "")))


def _counted(noun: str, what: str, names: Iterable[str]) -> list[str]:
    names = sorted(names)
    if not names:
        return []
    shown = ", ".join(map(_short, names[:_NAMES_SHOWN]))
    more = len(names) - _NAMES_SHOWN
    rest = f" and {display.integer(more)} more" if more > 0 else ""
    return [f"{display.counted(len(names), noun)} {what}: {shown}{rest}"]


def _done(host: Host) -> list[Entry]:
    found = AuditEntry.objects.filter(kind="fleet.host", object_id=str(host.pk))
    found = found.exclude(verb__startswith="compliance.")  # scans have their own tab
    acts = list(found.select_related("actor").order_by("-at", "-id")[:SHOWN])
    groups: dict[Any, str] = {}
    if any("group" in side for act in acts for side in _sides(act)):
        groups = dict(Group.objects.values_list("id", "name"))
    return [_act(act, groups) for act in acts]


def _sides(act: AuditEntry) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    sides = (act.details.get("before"), act.details.get("after"))
    before, after = (side if isinstance(side, dict) else {} for side in sides)
    return before, after


def _act(act: AuditEntry, groups: Mapping[Any, str]) -> Entry:
    before, after = _sides(act)
    if act.details.keys() >= {"before", "after"} and not before and not after:
        before = {"": act.details["before"]}
        after = {"": act.details["after"]}
    said = []
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name), after.get(name)
        if name == "group":
            old, new = groups.get(old, "a removed group"), groups.get(new, "a removed group")
        if old != new:
            label = f"{name}: ".replace("_", " ") if name else ""
            said.append(f"{label}{_value(old)} → {_value(new)}")
    text = _ACTS.get(act.verb, act.verb.partition(".")[2].replace("_", " "))
    actor = str(act.actor) if act.actor else "Plimsoll"
    return Entry(act.at, text, "user-circle", "na", "; ".join(said), actor=actor)


def _value(value: Any) -> str:
    return "none" if value in (None, "", {}, []) else _short(plain(value))
