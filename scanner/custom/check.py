"""What an expression means before it runs: the kinds of its parts, the facts that it asks for, and
a bound on the time that it can take. Pure.

The CEL library can neither be interrupted nor told to stop after so many steps. So nothing is run
whose time is not bounded before, by the lengths of the lists that it goes through.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from lark import Token

from scanner.custom import kinds, pattern
from scanner.custom.functions import FUNCTIONS
from scanner.custom.kinds import ANY, BOOL, DOUBLE, INT, NULL, STRING, Kind
from scanner.custom.problem import Wrong
from scanner.custom.syntax import Node, nodes, start, words
from scanner.suggestion import suggestion

MOST_LOOPS = 4
MOST_LOOPS_WITHIN = 2
MOST_JOINS = 16

_STEP = 0.25  # microseconds for one operation, as measured; so are all below
_TURN = 1.0  # of a loop, without what is done in it
_KEEP = 0.4  # map and filter copy all that they have, for every item
_KEEP_WHOLE = 1.5
_EQUAL = 0.1
_CONVERT = 1.0
_MACROS = {"all", "exists", "exists_one", "filter", "map"}
_TEXT = "text"

Cost = Mapping[tuple[str, ...], float]
"""Microseconds for each product of lengths. The keys are paths of lists and maps; with "*" before
it, what it takes to copy all that is within; or "text" for the longest text."""


class Checked(NamedTuple):
    """`facts` are paths like "container.mounts[].source"; `names` all names that it uses."""

    kind: Kind
    facts: frozenset[str]
    names: frozenset[str]
    cost: Cost


def check(tree: Node, roots: Mapping[str, Kind], constant: Callable[[str], Any]) -> Checked:
    """`constant` runs an expression without facts. Raises Wrong where something does not fit."""
    checker = _Checker(roots, constant)
    kind = checker.kind(tree)
    return Checked(kind, frozenset(checker.facts), frozenset(checker.names), dict(checker.cost))


class _Checker:
    def __init__(self, roots: Mapping[str, Kind], constant: Callable[[str], Any]) -> None:
        self.roots = roots
        self.constant = constant
        self.bound: dict[str, Kind] = {}
        self.facts: set[str] = set()
        self.names: set[str] = set()
        self.cost: defaultdict[tuple[str, ...], float] = defaultdict(float)
        self.within: list[str] = []
        self.loops = 0
        self.joins = 0

    def kind(self, node: Node) -> Kind:
        self._takes(_STEP)
        found: Kind = getattr(self, f"_{node.data}")(node)
        return found

    def _takes(self, microseconds: float, *lengths: str) -> None:
        """Adds what one part takes, as often as the loops round it run."""
        keys = []
        for length in (*self.within, *lengths):
            if "#" in length:  # a list that is written out has so many items
                microseconds *= max(int(length.lstrip("*#")), 1)
            else:
                keys.append(length)
        self.cost[tuple(sorted(keys))] += microseconds

    def _expect(self, node: Node, *wanted: Kind) -> Kind:
        found = self.kind(node)
        if not any(_fits(found, kind) for kind in wanted):
            names = " or ".join(dict.fromkeys(map(str, wanted)))
            raise Wrong(f"must be {names} and is {found}", start(node))
        return found

    # values that are written out

    def _bool(self, node: Node) -> Kind:
        return BOOL

    def _int(self, node: Node) -> Kind:
        if int(words(node)[0], 0 if words(node)[0].startswith("0x") else 10) >= 2**63:
            raise Wrong("the number is too large", start(node))
        return INT

    def _double(self, node: Node) -> Kind:
        return DOUBLE

    def _string(self, node: Node) -> Kind:
        return STRING

    def _null(self, node: Node) -> Kind:
        return NULL

    def _list(self, node: Node) -> Kind:
        items = nodes(node)
        found = [self.kind(item) for item in items]
        for item, kind in zip(items, found, strict=True):
            if not kind.scalar or kind.name == "null":
                raise Wrong(f"a list that is written out cannot hold {kind}", start(item))
            if kind.name != found[0].name:
                raise Wrong(f"the list holds {found[0]} and {kind}", start(item))
        return Kind("list", found[0] if found else ANY, path=f"#{len(items)}")

    # facts

    def _name(self, node: Node) -> Kind:
        name = words(node)[0]
        self.names.add(name)
        if name in self.bound:
            return self.bound[name]
        if name not in self.roots:
            raise Wrong(f"there is no {name!r} here{_near(name, self.roots)}", start(node))
        self.facts.add(name)
        found = self.roots[name]
        if found.item is not None:
            self._copies(found)
        return found

    def _select(self, node: Node) -> Kind:
        [target], [name] = nodes(node), words(node)
        found = self.kind(target)
        if found.name == "map" and found.item is not None:
            return found.item
        if found.model is None:
            raise Wrong(f"{found} has no field {name!r}", _at(node, name))
        offered = self._fields(found)
        if name not in offered:
            word = "parameter" if found.path == "params" else "field"
            of = "" if found.path == "params" else f"{found} has "
            hint = _near(name, offered)
            raise Wrong(f"{of or 'there is '}no {word} {name!r}{hint}", _at(node, name))
        path = f"{found.path}.{name}"
        self.facts.add(path)
        chosen = kinds.at(offered[name], path)
        self._copies(chosen)
        return chosen

    def _copies(self, found: Kind) -> None:
        """The library copies what it takes out of something else, with all that is within."""
        if not found.scalar:
            self._takes(1.0, f"*{found.path}")

    @staticmethod
    def _fields(found: Kind) -> dict[str, Kind]:
        assert found.model is not None  # noqa: S101 - for the type checker
        return kinds.fields(found.model)

    def _index(self, node: Node) -> Kind:
        target, key = nodes(node)
        found = self.kind(target)
        if found.item is None:
            raise Wrong(f"{found} has no items", start(key))
        self._expect(key, STRING if found.name == "map" else INT)
        return found.item

    # operators

    def _or(self, node: Node) -> Kind:
        for part in nodes(node):
            self._expect(part, BOOL)
        return BOOL

    _and = _or
    _not = _or

    def _negative(self, node: Node) -> Kind:
        return _plain(self._expect(nodes(node)[0], INT, DOUBLE))

    def _choice(self, node: Node) -> Kind:
        condition, one, other = nodes(node)
        self._expect(condition, BOOL)
        first, second = self.kind(one), self.kind(other)
        if not first.scalar or first.name != second.name:
            raise Wrong(f"must be the same on both sides and is {first} or {second}", start(one))
        return _plain(first)

    def _sum(self, node: Node) -> Kind:
        parts = nodes(node)
        found = self.kind(parts[0])
        for sign, part in zip(words(node), parts[1:], strict=True):
            found = self._added(found, sign, self.kind(part), part)
        return found

    def _added(self, left: Kind, sign: str, right: Kind, part: Node) -> Kind:
        gives = _SUMS.get((left.name, sign, right.name))
        if gives is None:
            raise Wrong(f"{left} {sign} {right} has no meaning{_convert(left, right)}", start(part))
        if gives == "string":
            self.joins += 1
            if self.within:
                raise Wrong("text cannot be joined for every item of a list", start(part))
            if self.joins > MOST_JOINS:
                raise Wrong(f"text is joined more than {MOST_JOINS} times", start(part))
        return Kind(gives)

    def _product(self, node: Node) -> Kind:
        parts = nodes(node)
        found = _plain(self._expect(parts[0], INT, DOUBLE))
        for sign, part in zip(words(node), parts[1:], strict=True):
            right = self.kind(part)
            if right.name != found.name or (sign == "%" and found.name != "int"):
                raise Wrong(
                    f"{found} {sign} {right} has no meaning{_convert(found, right)}", start(part)
                )
        return found

    def _compare(self, node: Node) -> Kind:
        (left, right), [sign] = nodes(node), words(node)
        one, other = self.kind(left), self.kind(right)
        if sign == "in":
            self._member(one, other, left, right)
        elif sign in {"==", "!="}:
            self._equal(one, other, left, right)
        elif one.name not in _ORDERED or not _comparable(one, other):
            raise Wrong(f"{one} {sign} {other} has no meaning{_convert(one, other)}", start(right))
        return BOOL

    def _member(self, one: Kind, other: Kind, left: Node, right: Node) -> None:
        if other.name == "map":
            if one.name != "string":
                raise Wrong(f"a key of a map is string, not {one}", start(left))
        elif other.name != "list" or other.item is None:
            raise Wrong(f"must be a list or a map and is {other}", start(right))
        elif not one.scalar or not _fits(other.item, one):
            raise Wrong(f"{other} holds no {one}", start(left))
        self._takes(_EQUAL, other.path)

    def _equal(self, one: Kind, other: Kind, left: Node, right: Node) -> None:
        for kind, against, node in ((one, other, left), (other, one, right)):
            if against.name == "null" and not kind.nullable and kind.name != "null":
                raise Wrong("this is never null", start(node))
        if "null" in {one.name, other.name}:
            return
        lists = one.name == other.name == "list" and one.item is not None and other.item is not None
        if lists and _flat(one) and _flat(other):
            self._takes(_EQUAL, one.path)
        elif not (one.scalar and other.scalar and _comparable(one, other)):
            raise Wrong(
                f"{one} cannot be compared with {other}{_convert(one, other)}", start(right)
            )

    # calls

    def _call(self, node: Node) -> Kind:
        name, arguments = words(node)[0], nodes(node)
        if name == "has":
            return self._has(node, arguments)
        return self._called(name, arguments, node)

    def _has(self, node: Node, arguments: list[Node]) -> Kind:
        if len(arguments) == 1 and arguments[0].data == "select":
            if self.kind(nodes(arguments[0])[0]).name == "map":
                return BOOL
            raise Wrong("a field is always there: compare it with null, or ask it", start(node))
        raise Wrong("has() asks for a key: has(container.labels.team)", start(node))

    def _method(self, node: Node) -> Kind:
        name = words(node)[0]
        target, *arguments = nodes(node)
        if name in _MACROS:
            return self._loop(name, target, arguments, node)
        return self._called(name, [target, *arguments], node, method=True)

    def _called(
        self, name: str, arguments: list[Node], node: Node, *, method: bool = False
    ) -> Kind:
        function = FUNCTIONS.get(name)
        if function is None or (function.method != method and name != "size"):
            known = [other.name for other in FUNCTIONS.values() if other.method == method]
            word = "method" if method else "function"
            hint = _near(name, [*known, *_MACROS] if method else known)
            raise Wrong(f"there is no {word} {name!r}{hint}", _at(node, name))
        if len(arguments) != len(function.takes):
            wanted = len(function.takes) - method
            raise Wrong(f"{name} takes {wanted}, not {len(arguments) - method}", _at(node, name))
        found = [
            self._expect(argument, *wanted)
            for argument, wanted in zip(arguments, function.takes, strict=True)
        ]
        self._takes(function.cost)
        if function.run is not None:
            for kind in found:
                if not kind.scalar:
                    self._takes(max(function.cost / 4, _CONVERT), kind.path)
        if name == "matches":
            self._pattern(arguments[1])
        return function.gives

    def _pattern(self, node: Node) -> None:
        if node.data != "string":
            raise Wrong("a pattern must be written out as a literal", start(node))
        try:
            text = str(self.constant(words(node)[0]))
            self._takes(pattern.cost(text))
            self.constant(f'"".matches({words(node)[0]})')
        except Wrong as wrong:
            raise Wrong(str(wrong), start(node)) from None
        self._takes(0.002 * len(text), _TEXT)

    def _loop(self, name: str, target: Node, arguments: list[Node], node: Node) -> Kind:
        if len(arguments) != 2 or arguments[0].data != "name":
            raise Wrong(f"write {name}(x, ...), x being the item", _at(node, name))
        found = self.kind(target)
        item = STRING if found.name == "map" else found.item
        if item is None:
            raise Wrong(f"must be a list or a map and is {found}", start(target))
        variable = words(arguments[0])[0]
        if variable in self.roots or variable in self.bound:
            raise Wrong(f"{variable!r} already means something", start(arguments[0]))
        self.loops += 1
        if self.loops > MOST_LOOPS:
            raise Wrong(f"goes through more than {MOST_LOOPS} lists", _at(node, name))
        if len(self.within) >= MOST_LOOPS_WITHIN:
            raise Wrong(
                f"lists are gone through more than {MOST_LOOPS_WITHIN} deep", _at(node, name)
            )
        self.bound[variable] = item
        self.within.append(found.path)
        self._takes(_TURN)
        result = self.kind(arguments[1])
        self.within.pop()
        del self.bound[variable]
        self._copies(found)
        return self._looped(name, found, item, result, arguments[1])

    def _looped(self, name: str, found: Kind, item: Kind, result: Kind, body: Node) -> Kind:
        if name == "map":
            if not result.scalar or result.name == "null":
                raise Wrong(f"map cannot make a list of {result}", start(body))
            self._keeps(found)
            return Kind("list", _plain(result), path=found.path)
        if result.name != "bool":
            raise Wrong(f"must be bool and is {result}", start(body))
        if name == "filter":
            self._keeps(found)
            return Kind("list", item, path=found.path)
        return BOOL

    def _keeps(self, found: Kind) -> None:
        self._takes(_KEEP, found.path, found.path)
        self._takes(_KEEP_WHOLE, found.path, f"*{found.path}")


_ORDERED = {"int", "double", "string", "timestamp", "duration"}
_SUMS = {
    ("int", "+", "int"): "int",
    ("int", "-", "int"): "int",
    ("double", "+", "double"): "double",
    ("double", "-", "double"): "double",
    ("string", "+", "string"): "string",
    ("timestamp", "-", "timestamp"): "duration",
    ("timestamp", "+", "duration"): "timestamp",
    ("timestamp", "-", "duration"): "timestamp",
    ("duration", "+", "duration"): "duration",
    ("duration", "-", "duration"): "duration",
}


def _plain(kind: Kind) -> Kind:
    return Kind(kind.name)


def _flat(kind: Kind) -> bool:
    return kind.item is not None and kind.item.scalar


def _fits(found: Kind, wanted: Kind) -> bool:
    if found.name == wanted.name and found.item is not None and wanted.item is not None:
        return _fits(found.item, wanted.item)
    return found.name == wanted.name or "any" in {found.name, wanted.name}


def _comparable(one: Kind, other: Kind) -> bool:
    return one.name == other.name or {one.name, other.name} == {"int", "double"}


def _convert(one: Kind, other: Kind) -> str:
    pair = {one.name, other.name}
    if pair == {"int", "double"}:
        return ": write double(...) round the whole number"
    if pair == {"string", "int"}:
        return ": write string(...) or int(...) round one of them"
    return ""


def _at(node: Node, name: str) -> int:
    """Where the name that belongs to the node alone stands."""
    for child in node.children:
        if isinstance(child, Token) and child == name and child.start_pos is not None:
            return child.start_pos
    return start(node)


def _near(wrong: str, names: Iterable[str]) -> str:
    hint = suggestion(wrong, names)
    return f"; {hint}" if hint else ""
