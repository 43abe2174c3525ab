"""Snapshot + policy -> results. A function of its arguments and nothing else."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from scanner.context import Context
from scanner.model import Container, Host, Image, Network, Snapshot, Unread
from scanner.rule import (
    Evidence,
    Flaw,
    NotApplicable,
    Policy,
    Result,
    Rule,
    Severity,
    Subject,
    Verdict,
)
from scanner.rules import RULES

AnyRule = Rule[Any, Any]


def evaluate(
    snapshot: Snapshot, policy: Policy | None = None, rules: Iterable[AnyRule] = RULES
) -> list[Result]:
    """Judges every subject by every rule that is on or in shadow.

    A rule that fails to run, or is set to what it cannot be, makes the verdict unknown with its
    message, never a pass.
    """
    policy = policy or Policy()
    context = Context(snapshot)
    subjects = _subjects(snapshot, context)
    results: list[Result] = []
    for rule in rules:
        if rule.slug not in policy.off:
            results += _results(rule, policy, context, subjects[rule.subject])
    return results


def _results(
    rule: AnyRule, policy: Policy, context: Context, subjects: Iterable[tuple[Subject, Any]]
) -> list[Result]:
    check, slug = rule.check, rule.slug
    severity = policy.severities.get(slug, rule.severity)
    try:
        parameters = msgspec.convert(policy.parameters.get(slug, {}), rule.parameters)
    except msgspec.ValidationError as error:
        return [_broken(slug, severity, subject, error) for subject, _ in subjects]
    results: list[Result] = []
    for subject, value in subjects:
        try:
            found = list(check(value, context, parameters))
        except (Unread, NotApplicable):
            results += _unfinished(rule, severity, subject, value, context, parameters)
        except Exception as error:  # noqa: BLE001 - a rule's own fault is an unknown, never a pass
            results.append(_broken(slug, severity, subject, error))
        else:
            if not found:
                results.append(Result(slug, subject, "", Verdict.PASS, severity))
            else:
                results += _judged(slug, severity, subject, found)
    if slug in policy.severities:  # what people decided goes before what the rule distinguishes
        return [msgspec.structs.replace(result, severity=severity) for result in results]
    return results


def _subjects(snapshot: Snapshot, context: Context) -> dict[type, list[tuple[Subject, Any]]]:
    host = snapshot.host
    name = msgspec.structs.asdict(host)["name"] or "host"
    return {
        Container: [
            (Subject("container", c.name, c.id, c.known_workload), c) for c in snapshot.containers
        ],
        Host: [(Subject("host", str(name), "", "host"), host)],
        Image: [
            (Subject("image", image.name, image.id, f"image/{image.name}"), image)
            for image in context.judged_images
        ],
        Network: [
            (Subject("network", n.name, n.id, f"network/{n.name}"), n)
            for n in snapshot.networks or ()
        ],
    }


def _judged(
    slug: str, severity: Severity, subject: Subject, found: Sequence[Any]
) -> Iterator[Result]:
    flaws = [item for item in found if isinstance(item, Flaw)]
    if not flaws:
        evidence = tuple(fact for item in found for fact in item.evidence)
        yield Result(slug, subject, "", Verdict.PASS, severity, evidence)
    for flaw in flaws:
        yield Result(
            slug, subject, flaw.sub_object, Verdict.FAIL, flaw.severity or severity, flaw.evidence
        )


def _unfinished(
    rule: AnyRule,
    severity: Severity,
    subject: Subject,
    value: Any,
    context: Context,
    parameters: msgspec.Struct,
) -> Iterator[Result]:
    """Runs the check again up to where it stopped: what it had found by then stands."""
    found: list[Any] = []
    checking = rule.check(value, context, parameters)
    try:
        for item in checking:
            found.append(item)
    except NotApplicable as outcome:
        yield Result(rule.slug, subject, "", Verdict.NOT_APPLICABLE, severity, reason=str(outcome))
        return
    except Unread as outcome:
        if any(isinstance(item, Flaw) for item in found):
            yield from _judged(rule.slug, severity, subject, found)
        yield Result(
            rule.slug,
            subject,
            "",
            Verdict.UNKNOWN,
            severity,
            (Evidence(outcome.fact, None),),
            reason=outcome.reason,
        )


def _broken(slug: str, severity: Severity, subject: Subject, error: Exception) -> Result:
    reason = f"the rule could not be judged: {type(error).__name__}: {error}"[:500]
    return Result(slug, subject, "", Verdict.UNKNOWN, severity, reason=reason)
