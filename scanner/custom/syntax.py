"""The text of an expression into a tree that can be looked at before anything runs it.

The CEL library compiles and runs expressions but does not show what is in them; this reads the
part of CEL's grammar that custom rules may use, and refuses what is too large. Pure.
"""

import functools
import re
from collections import deque

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput, UnexpectedToken

from scanner.custom.problem import Wrong

MOST_CHARACTERS = 2_000
MOST_DEPTH = 24

GRAMMAR = r"""
start: expression
?expression: or | or "?" or ":" expression -> choice
?or: and ("||" and)+ | and
?and: relation ("&&" relation)+ | relation
?relation: sum | relation (LESS | EQUAL | IN) sum -> compare
?sum: product ((PLUS | MINUS) product)+ | product
?product: unary (TIMES unary)+ | unary
?unary: member | NOT+ member -> not | MINUS+ member -> negative
?member: primary
    | member "." NAME -> select
    | member "." NAME "(" _arguments? ")" -> method
    | member "[" expression "]" -> index
?primary: NAME -> name
    | NAME "(" _arguments? ")" -> call
    | "(" expression ")"
    | "[" _arguments? ","? "]" -> list
    | STRING -> string
    | FLOAT -> double
    | INT -> int
    | TRUE -> bool
    | FALSE -> bool
    | NULL -> null
_arguments: expression ("," expression)*

TRUE: "true"
FALSE: "false"
NULL: "null"
IN: "in"
LESS: "<=" | ">=" | "<" | ">"
EQUAL: "==" | "!="
PLUS: "+"
MINUS: "-"
TIMES: "*" | "/" | "%"
NOT: "!"
NAME: /[_a-zA-Z][_a-zA-Z0-9]*/
FLOAT.2: /\d+\.\d+([eE][+-]?\d+)?|\d+[eE][+-]?\d+/
INT: /0x[0-9a-fA-F]+|\d+/
STRING.3: /("{3}(\\.|[^\\])*?"{3}|'{3}(\\.|[^\\])*?'{3})/s
    | /("(?!"")(\\.|[^"\\\r\n])*"|'(?!'')(\\.|[^'\\\r\n])*')/
    | /[rR]("{3}.*?"{3}|'{3}.*?'{3})/s
    | /[rR]("(?!"")[^"\r\n]*"|'(?!'')[^'\r\n]*')/
COMMENT: /\/\/[^\n]*/
%ignore /[ \t\r\n\f]+/
%ignore COMMENT
"""

Node = Tree[Token]
_ODD = re.compile(r"[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\uffff\U00010000-\U0010ffff]")


@functools.cache
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", propagate_positions=True, maybe_placeholders=False)


def parse(text: str) -> Node:
    """Raises Wrong where it is no expression, is none that custom rules may use, or too large."""
    if len(text) > MOST_CHARACTERS:
        raise Wrong(f"has {len(text)} characters; at most {MOST_CHARACTERS} are read")
    if not text.strip():
        raise Wrong("is empty")
    if odd := _ODD.search(text):
        raise Wrong(f"holds the character U+{ord(odd[0]):04X}", odd.start())
    try:
        tree = _parser().parse(text)
    except UnexpectedInput as error:
        raise _told(error, text) from None
    node: Node = tree.children[0]  # type: ignore[assignment]
    _bounded(node)
    return node


def _told(error: UnexpectedInput, text: str) -> Wrong:
    at: int | None = getattr(error, "pos_in_stream", None)  # its type hint knows None alone
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        return Wrong("ends too early: something is missing", len(text.rstrip()))
    if at is not None and at < len(text):
        if text[at] in "\"'":
            return Wrong("a quotation mark is not closed, or stands where nothing may", at)
        word = re.match(r"\w+|.", text[at:], re.DOTALL)
        return Wrong(f"{word[0] if word else ''!r} is not expected here", at)
    return Wrong("is no expression", at or 0)


def _bounded(root: Node) -> None:
    """Before anything walks it by calling itself."""
    waiting = deque([(root, 1)])
    while waiting:
        node, depth = waiting.popleft()
        if depth > MOST_DEPTH:
            raise Wrong(f"is nested more than {MOST_DEPTH} deep", start(node))
        waiting += [(child, depth + 1) for child in node.children if isinstance(child, Tree)]


def start(node: Node) -> int:
    """Offset of its first character."""
    return node.meta.start_pos


def nodes(node: Node) -> list[Node]:
    """Those below it, without signs and names."""
    return [child for child in node.children if isinstance(child, Tree)]


def words(node: Node) -> list[str]:
    """The signs and names that belong to it alone."""
    return [str(child) for child in node.children if isinstance(child, Token)]
