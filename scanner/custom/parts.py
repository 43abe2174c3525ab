"""Parts of a YAML document, read as what they must be; what is wrong is noted with its place."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec
import yaml

from scanner.custom.document import Place
from scanner.custom.problem import Problem, Wrong
from scanner.suggestion import suggestion

T = TypeVar("T")


class Reader:
    """Reads on after a problem, so that all are told at once. None stands for what is wrong."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.problems: list[Problem] = []

    def wrong(self, node: yaml.Node, message: str) -> None:
        self.problems.append(Place(self.text, node).problem(message))

    def mapping(self, node: yaml.Node, what: str, known: Iterable[str]) -> dict[str, yaml.Node]:
        """`known` empty: any key."""
        found: dict[str, yaml.Node] = {}
        if not isinstance(node, yaml.MappingNode):
            self.wrong(node, f"{what} must be a mapping of keys to values")
            return found
        names = list(known)
        for key, value in node.value:
            name = str(key.value)
            if name in found:
                self.wrong(key, f"{name!r} stands twice")
            elif names and name not in names:
                hint = suggestion(name, names) or f"there is {', '.join(names)}"
                self.wrong(key, f"{what} has no {name[:80]!r}; {hint}")
            else:
                found[name] = value
        return found

    def written(self, node: yaml.Node, what: str, most: int) -> str | None:
        """A text as it stands there, whatever YAML would take it for; on one line."""
        if not isinstance(node, yaml.ScalarNode):
            self.wrong(node, f"{what} must be a text")
            return None
        text = " ".join(str(node.value).split())
        if not text:
            self.wrong(node, f"{what} is empty")
        elif len(text) > most:
            self.wrong(node, f"{what} has {len(text)} characters; at most {most} are shown")
        elif not text.isprintable():
            self.wrong(node, f"{what} holds characters that cannot be shown")
        else:
            return text
        return None

    def texts(self, node: yaml.Node, what: str, most: int, characters: int) -> tuple[str, ...]:
        """A list of texts; one alone may stand without a list."""
        items = node.value if isinstance(node, yaml.SequenceNode) else [node]
        if len(items) > most:
            self.wrong(node, f"{what} has {len(items)} items; at most {most} are read")
            return ()
        read = [self.written(item, what, characters) for item in items]
        return tuple(text for text in read if text is not None)

    def choice(self, node: yaml.Node, what: str, options: Iterable[str]) -> str | None:
        text = self.written(node, what, 80)
        names = list(options)
        if text is None or text in names:
            return text
        self.wrong(node, f"{text!r} is no {what}; it is one of {', '.join(names)}")
        return None

    def value(self, node: yaml.Node, what: str, kind: Any, says: str) -> Any:
        """Plain YAML as a value of that type, strictly: no text for a number, no 1 for true."""
        try:
            plain = _Plain().construct_document(node)
            return msgspec.convert(plain, kind, strict=True)
        except (msgspec.ValidationError, yaml.YAMLError, ValueError, OverflowError):
            self.wrong(node, f"{what} must be {says}")
            return None

    def expression(self, node: yaml.Node, what: str, read: Callable[[str], T]) -> T | None:
        """What `read` makes of it; what it cannot accept is told with its place in the document."""
        if not isinstance(node, yaml.ScalarNode):
            self.wrong(node, f"{what} must be an expression")
            return None
        try:
            return read(node.value)
        except Wrong as wrong:
            place = Place(self.text, node)
            self.problems.append(place.within(wrong.at, f"{what}: {wrong}"))
            return None


class _Plain(yaml.constructor.SafeConstructor):
    """Makes values of nodes that were read already."""
