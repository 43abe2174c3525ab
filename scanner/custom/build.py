"""A definition into an ordinary rule, which the evaluator judges like any other. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from scanner.context import Context
from scanner.custom import kinds, values
from scanner.custom.definition import Definition
from scanner.custom.expression import Expression, Facts, TooLong, functions
from scanner.model import Container, Host, Image, Swarm
from scanner.rule import Evidence, Family, Fix, Flaw, NotApplicable, Rule, Severity, Shown
from scanner.unread import Unread

MOST_ITEMS = 500
_IN_AND_OUT = 4.0  # that is what an item's way to Python and back takes, in copies
_MOST_SHOWN = 30
_MOST_TEXT = 500
_MOST_NAME = 200

Check = Callable[[Any, Context, Any], Iterator[Flaw | Shown]]


def rule(definition: Definition, version: int = 1) -> Rule[Any, Any]:
    judge = _Judge(definition)
    return Rule(
        slug=definition.slug,
        title=definition.title,
        subject=kinds.SUBJECTS[definition.subject],
        severity=definition.severity,
        family=definition.family,
        report=definition.report,
        cis=definition.cis,
        reads=_reads(judge.facts),
        why=definition.why,
        links=definition.links,
        parameters=definition.parameters,
        check=judge.check,
        fix=Fix(
            summary=definition.summary,
            side_effects=definition.side_effects,
            commands=definition.commands,
        ),
        version=version,
    )


def unreadable(
    slug: str, title: str, subject: str, severity: Severity, reason: str, *, version: int
) -> Rule[Any, Any]:
    """Stands for a rule that was accepted once and cannot be read any more: all that it is about
    is unknown, with the reason."""

    def check(_subject: Any, _context: Context, _parameters: Any) -> Iterator[Flaw | Shown]:
        yield from ()
        raise Unread("rule", reason)

    return Rule(
        slug=slug,
        title=title,
        subject=kinds.SUBJECTS[subject],
        severity=severity,
        family=Family.CUSTOM,
        report="",
        reads=(),
        why=f"It cannot be judged: {reason}",
        check=check,
        fix=Fix(summary="Write the rule anew, so that it can be read."),
        version=version,
    )


class _Judge:
    """What the definition makes of one subject."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        deciding = (
            *(definition.applies_when, definition.for_each),
            *(definition.fails_when, definition.sub_object),
        )
        shown = definition.evidence.values()
        self.expressions = (*(found for found in deciding if found is not None), *shown)
        self.facts = {path for found in self.expressions for path in found.checked.facts}
        for found in shown:
            self.facts.update(values.whole(found.checked.kind))
        self.functions = functions(self.expressions)
        self.names = {path: _fact(path) for path in definition.evidence}
        self.plan = values.plan(path for path in self.facts if path not in {"", "item"})

    def check(self, subject: Any, context: Context, parameters: Any) -> Iterator[Flaw | Shown]:
        definition = self.definition
        roots = _roots(definition.subject, subject, context, parameters)
        facts = Facts(values.read(self.plan, roots), self.functions)
        if definition.applies_when is not None and not _holds(facts, definition.applies_when):
            raise NotApplicable(definition.otherwise)
        if definition.for_each is not None:
            yield from self._each(facts, definition.for_each)
            return
        failed = _holds(facts, definition.fails_when)
        evidence = self._evidence(facts, wanted=failed)
        yield Flaw(evidence) if failed else Shown(evidence)

    def _each(self, facts: Facts, each: Expression) -> Iterator[Flaw | Shown]:
        """One item that cannot be judged keeps none of the others from being judged."""
        items = facts.run(each)
        facts.takes(facts.copying(each) * _IN_AND_OUT)
        if len(items) > MOST_ITEMS:
            raise Unread("time", f"a list of more than {MOST_ITEMS} items is not judged")
        found: dict[str, list[Evidence]] = {}
        gap: Unread | None = None
        for item in items:
            try:
                facts.add("item", item)
                if _holds(facts, self.definition.fails_when):
                    evidence = found.setdefault(self._name(facts), [])
                    evidence += self._evidence(facts, wanted=True)
            except TooLong as missing:
                gap = missing
                break
            except Unread as missing:
                gap = gap or missing
        for name, evidence in found.items():
            yield Flaw(tuple(evidence[:_MOST_SHOWN]), name)
        if gap is not None:
            raise gap

    def _name(self, facts: Facts) -> str:
        assert self.definition.sub_object is not None  # noqa: S101 - for the type checker
        name = " ".join(str(facts.run(self.definition.sub_object)).split())
        if not name:
            raise Unread("sub_object", "the name of the part that fails is empty")
        return name[:_MOST_NAME]

    def _evidence(self, facts: Facts, *, wanted: bool) -> tuple[Evidence, ...]:
        """What cannot be told is shown as such: the verdict stands without it."""
        found: list[Evidence] = []
        for path, expression in self.definition.evidence.items():
            try:
                value = _bounded(facts.run(expression))
            except Unread:
                value = None
            says = self.definition.wanted if wanted and not found else ""
            found.append(Evidence(self.names[path], value, says))
        return tuple(found)


def _holds(facts: Facts, expression: Expression) -> bool:
    """Only what is really false is no; anything but true and false is unknown."""
    answer = facts.run(expression)
    if isinstance(answer, bool):
        return answer
    raise Unread("expression", f"the answer is neither true nor false: {str(answer)[:80]}")


def _roots(
    kind: str, subject: Any, context: Context, parameters: Any
) -> dict[str, Callable[[], Any]]:
    """What the names stand for; each is read only where the rule asks for it."""
    found: dict[str, Callable[[], Any]] = {
        kind: lambda: subject,
        "host": lambda: context.host,
        "params": lambda: parameters,
        "taken_at": lambda: context.taken_at,
        "reached": lambda: context.reached,
    }
    if kind == "container":
        found["image"] = lambda: context.image(subject.image_id)
        found["networks"] = lambda: [n for n in context.networks if n.name in subject.networks]
    elif kind == "image":
        found["containers"] = lambda: [c for c in context.containers if c.image_id == subject.id]
    elif kind == "network":
        found["containers"] = lambda: [c for c in context.containers if c.name in subject.members]
    else:
        for name in ("containers", "images", "networks", "volumes", "swarm", "machine"):
            found[name] = lambda name=name: getattr(context, name)  # type: ignore[misc]
    return found


def _bounded(value: Any) -> Any:
    """Short enough to be stored and shown with every result."""
    if isinstance(value, str):
        return value if len(value) <= _MOST_TEXT else f"{value[:_MOST_TEXT]}…"
    if isinstance(value, Mapping):
        items = sorted(value.items())[:_MOST_SHOWN]
        return {key: _bounded(item) for key, item in items}
    if isinstance(value, list):
        more = [f"… and {len(value) - _MOST_SHOWN} more"] if len(value) > _MOST_SHOWN else []
        return [_bounded(item) for item in value[:_MOST_SHOWN]] + more
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)


def _fact(path: str) -> str:
    """The engine's own name for what stands at this path, as far as there is one."""
    root, _, rest = path.partition(".")
    field = rest.partition(".")[0].partition("[")[0]
    facts = FACTS.get(root.removesuffix("[]"), {})
    if field not in facts:
        return path
    name = facts[field] + rest.removeprefix(field)
    return f"image: {name}" if root in {"image", "images[]"} else name


def _reads(paths: Iterable[str]) -> tuple[str, ...]:
    """The facts of the engine's among them."""
    found = set()
    for path in paths:
        root, _, rest = path.partition(".")
        if root not in {"params", "item", ""}:
            field = rest.partition(".")[0].partition("[")[0]
            found.add(_fact(f"{root}.{field}") if field else root)
    return tuple(sorted(found - FACTS.keys()))


FACTS: Mapping[str, Mapping[str, str]] = {
    "container": Container.FACTS,
    "containers": Container.FACTS,
    "host": Host.FACTS,
    "image": Image.FACTS,
    "images": Image.FACTS,
    "swarm": Swarm.FACTS,
}
