"""What an engine leaves out of an image, or answers with null, never makes a rule pass: each
recorded image with one thing missing, as older, newer or broken engines send it."""

import functools
import json
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from scanner import parse, wire
from scanner.evaluate import evaluate
from scanner.model import Image, Snapshot
from scanner.rule import Verdict
from scanner.rules import RULES
from tests.recorded import answer, host
from tests.recorded.cases_images import IMAGES

JUDGED = tuple(rule for rule in RULES if rule.subject is Image)
# The engine leaves out what is empty, and says null for it: absent is empty, and may pass.
OMITTED = {
    "Config.Cmd",
    "Config.Entrypoint",
    "Config.Env",
    "Config.ExposedPorts",
    "Config.Healthcheck",
    "Config.User",
}
CREATED_BY = "history: CreatedBy"
LATER = "2030-01-01T00:00:00+00:00"

Verdicts = dict[tuple[str, str], set[Verdict]]


def fields(kind: Any, before: str = "") -> Iterator[str]:
    for field in msgspec.structs.fields(kind):
        if field.name not in ("Id", "RepoTags"):
            yield f"{before}{field.name}"
        if field.name == "Config":
            yield from fields(wire.ConfigJson, "Config.")


FIELDS = (*fields(wire.ImageJson), CREATED_BY)


def image(name: str, change: Callable[[Any], None]) -> Image:
    document = answer(f"_image_{name}")
    change(document)
    found = parse.image(json.dumps(document["inspect"]).encode())
    return replace(found, history=parse.history(json.dumps(document["history"]).encode()))


def judged(change: Callable[[Any], None]) -> Verdicts:
    images = tuple(image(name, change) for name in IMAGES)
    verdicts: Verdicts = {}
    for taken_at in ("2026-11-26T00:00:00+00:00", LATER):
        snapshot = Snapshot(host=host(), images=images, taken_at=taken_at)
        for result in evaluate(snapshot, rules=JUDGED):
            assert "could not be judged" not in result.reason, result
            unit = (f"{result.subject.name} {taken_at}", result.rule)
            verdicts.setdefault(unit, set()).add(result.verdict)
    return verdicts


@functools.cache
def usual() -> Verdicts:
    return judged(lambda document: None)


def changed(field: str, *, null: bool) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        *parents, name = field.removeprefix("history: ").split(".")
        for whole in document["history"] if field == CREATED_BY else [document["inspect"]]:
            inside = whole[parents[0]] if parents else whole
            if null:
                inside[name] = None
            else:
                inside.pop(name, None)

    return change


def test_the_recordings_show_a_pass_and_a_fail_of_every_rule() -> None:
    shown = {(rule, verdict) for (_, rule), found in usual().items() for verdict in found}
    for rule in JUDGED:
        assert {(rule.slug, Verdict.PASS), (rule.slug, Verdict.FAIL)} <= shown


@pytest.mark.parametrize("null", [False, True], ids=["missing", "null"])
@pytest.mark.parametrize("field", FIELDS)
def test_what_is_missing_makes_nothing_pass(field: str, null: bool) -> None:
    if field in OMITTED:
        return
    turned = {
        unit
        for unit, verdicts in judged(changed(field, null=null)).items()
        if verdicts == {Verdict.PASS} and usual()[unit] != {Verdict.PASS}
    }
    assert turned == set()


@pytest.mark.parametrize("null", [False, True], ids=["missing", "null"])
@pytest.mark.parametrize(
    ("slug", "fact"), [(rule.slug, fact) for rule in JUDGED for fact in rule.reads]
)
def test_what_a_rule_reads_is_unknown_where_it_is_missing(slug: str, fact: str, null: bool) -> None:
    if fact in OMITTED or fact.startswith("info: "):  # the latter in test_missing_facts.py
        fact = "Config"
    found = judged(changed(fact, null=null))
    assert all(Verdict.UNKNOWN in found[unit] for unit in found if unit[1] == slug)
