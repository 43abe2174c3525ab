"""What an expression may call: what CEL brings along, and what custom rules need beside it.

Pure. A function of ours raises ValueError for what it cannot read; that makes the verdict unknown.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from scanner import references
from scanner.custom.kinds import BOOL, DOUBLE, DURATION, INT, STRING, TIMESTAMP, Kind

STRINGS = Kind("list", STRING)
LABELS = Kind("map", STRING)


class Function(msgspec.Struct, frozen=True):
    """`takes` is what each argument may be, the first being what a method is called on. `cost` in
    microseconds, as measured; `run` None where the CEL library has it."""

    name: str
    takes: tuple[tuple[Kind, ...], ...]
    gives: Kind
    says: str
    """For the documents."""
    method: bool = True
    run: Callable[..., Any] | None = None
    cost: float = 0.5


def _split(image: str) -> tuple[str, str]:
    """The registry, as the engine would fill it in, and the rest."""
    name = image.partition("@")[0]
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    return "docker.io", name


def image_registry(image: str) -> str:
    return _split(image)[0].replace("index.docker.io", "docker.io")


def image_tag(image: str) -> str:
    """ "" for a name with a digest, behind which no tag is looked at; `latest` where none is
    named."""
    if "@" in image or re.fullmatch(r"(sha256:)?[0-9a-f]{64}", image):
        return ""
    return references.familiar(image).rpartition(":")[2]


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"v?(\d{1,9}(?:\.\d{1,9})*)", version.strip())
    if found is None:
        raise ValueError(f"{version[:60]!r} does not begin with a version number")
    numbers = [int(number) for number in found[1].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def version_at_least(version: str, floor: str) -> bool:
    """By the numbers that both begin with: "6.1.0-18-amd64" is at least "6.1"."""
    return _numbers(version) >= _numbers(floor)


def in_subnet(inner: str, outer: str | Sequence[str]) -> bool:
    """Whether an address or a subnet lies within a subnet, or within one of several."""
    network = ipaddress.ip_network(inner, strict=False)
    around = [outer] if isinstance(outer, str) else outer
    subnets = [ipaddress.ip_network(text, strict=False) for text in around]
    return any(
        subnet.version == network.version and network.subnet_of(subnet)  # type: ignore[arg-type]
        for subnet in subnets
    )


def _get(values: Mapping[str, str], key: str, default: str) -> str:
    return values.get(key, default)


_SIZED = (STRING, Kind("list", Kind("any")), Kind("map", Kind("any")))

_ALL = (
    Function("contains", ((STRING,), (STRING,)), BOOL, "Whether the text holds another."),
    Function("startsWith", ((STRING,), (STRING,)), BOOL, "Whether it begins with another."),
    Function("endsWith", ((STRING,), (STRING,)), BOOL, "Whether it ends with another."),
    Function(
        "matches",
        ((STRING,), (STRING,)),
        BOOL,
        "Whether a pattern (RE2, written out as a literal) is found in the text; `^` and `$` "
        "bind it to the whole.",
    ),
    Function("size", (_SIZED,), INT, "How many items or keys; of a text, its bytes."),
    Function("int", ((STRING, DOUBLE, INT),), INT, "As a whole number.", method=False),
    Function("double", ((STRING, INT, DOUBLE),), DOUBLE, "As a number.", method=False),
    Function("string", ((INT, DOUBLE, BOOL, STRING),), STRING, "As text.", method=False),
    Function(
        "timestamp", ((STRING,),), TIMESTAMP, "A time written in ISO 8601.", method=False, cost=1
    ),
    Function(
        "duration", ((STRING,),), DURATION, 'A length of time: `"90m"`, `"2160h"`.', method=False
    ),
    Function(
        "get",
        ((LABELS,), (STRING,), (STRING,)),
        STRING,
        "What a map has under a key, or else the second argument.",
        run=_get,
        cost=20,
    ),
    Function(
        "lowerAscii",
        ((STRING,),),
        STRING,
        "In small letters.",
        run=lambda text: text.lower(),
        cost=8,
    ),
    Function(
        "imageRegistry",
        ((STRING,),),
        STRING,
        "The registry in an image's name; `docker.io` where none is named.",
        method=False,
        run=image_registry,
        cost=8,
    ),
    Function(
        "imageRepository",
        ((STRING,),),
        STRING,
        "An image's name without tag and digest; `docker.io/library/` is left out.",
        method=False,
        run=references.repository,
        cost=8,
    ),
    Function(
        "imageTag",
        ((STRING,),),
        STRING,
        'An image\'s tag: `latest` where none is named, `""` for a digest or an id.',
        method=False,
        run=image_tag,
        cost=8,
    ),
    Function(
        "versionAtLeast",
        ((STRING,), (STRING,)),
        BOOL,
        'Compares the numbers that two versions begin with: `"6.1.0-18-amd64"` is at least '
        '`"6.1"`.',
        method=False,
        run=version_at_least,
        cost=12,
    ),
    Function(
        "inSubnet",
        ((STRING,), (STRING, STRINGS)),
        BOOL,
        "Whether an address or a subnet lies within a subnet, or within one of a list.",
        method=False,
        run=in_subnet,
        cost=30,
    ),
)
FUNCTIONS = {function.name: function for function in _ALL}
